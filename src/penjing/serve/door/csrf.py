"""CSRF: whether the page of this very session asks, and not whoever has the cookie sent along."""

from __future__ import annotations

import hmac

from penjing.serve.door.sessions import WebSession
from penjing.serve.door.visit import Refusal, Visit

HEADER = "x-csrf-token"


def check(visit: Visit, session: WebSession) -> Refusal | None:
    """What acts needs the session's token in a header; a cookie alone is no intention."""
    if visit.safe:
        return None
    shown = (visit.one(HEADER) or "").encode("latin-1", "replace")
    if hmac.compare_digest(shown, session.csrf.encode("ascii")):
        return None
    return Refusal(403, "this page is too old for what it asks: load it again")
