"""Origin and Sec-Fetch-Site: whether a browser was sent here by somebody else's page.

CORS is closed but to the origins that the owner named (`cors.py`).
"""

from __future__ import annotations

from penjing.serve.door import cors
from penjing.serve.door.hosts import is_ours
from penjing.serve.door.settings import DoorSettings
from penjing.serve.door.visit import Refusal, Visit

_ELSEWHERE = Refusal(403, "another site's page asked for this: open Penjing itself")
_UNNAMED = (
    "the origin '{}' is not allowed here: start the server with --origin {} to let its page ask "
    "with a token"
)


def check(visit: Visit, settings: DoorSettings) -> Refusal | None:
    """What another origin's page asks for is refused; following a link to our page is not."""
    if cors.is_named(visit, settings):
        return None
    origins = visit.all("origin")
    if len(origins) > 1 or (origins and not _same(origins[0], visit, settings)):
        return _stranger(origins, visit)
    sites = visit.all("sec-fetch-site")
    if all(site in ("same-origin", "none") for site in sites):
        return None
    return None if _is_a_link(visit) else _ELSEWHERE


def _stranger(origins: list[str], visit: Visit) -> Refusal:
    """Why not; of what programs ask, with what would let it."""
    if len(origins) > 1 or not (cors.is_origin(origins[0]) and cors.is_for_programs(visit)):
        return _ELSEWHERE
    return Refusal(403, _UNNAMED.format(origins[0], origins[0]))


def _same(origin: str, visit: Visit, settings: DoorSettings) -> bool:
    scheme, _, authority = origin.partition("://")
    return scheme == ("https" if settings.tls else "http") and is_ours(authority, visit, settings)


def _is_a_link(visit: Visit) -> bool:
    """A person followed a link to the start page, in a window of its own: it does nothing."""
    return (
        visit.method == "GET"
        and visit.path == "/"
        and visit.one("sec-fetch-mode") == "navigate"
        and visit.one("sec-fetch-dest") == "document"
    )
