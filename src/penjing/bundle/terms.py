"""Terms that a model's maker asks to be accepted: asked for once, remembered, before any byte of it
is fetched. Knows nothing of how a person is asked."""

from __future__ import annotations

import json
from pathlib import Path

from penjing.bundle.catalogue import Entry, ModelEntry
from penjing.bundle.folder import now
from penjing.bundle.home import Home
from penjing.core.errors import BadInput, FormatError, UsageError
from penjing.core.files import write_text
from penjing.core.plain_json import read_json

_MOST_BYTES = 2**16


def unaccepted(entry: Entry, home: Home) -> str:
    """Where the terms are that are still to be accepted; empty where there is nothing to accept.

    Terms that have moved are asked for again.
    """
    terms = entry.terms if isinstance(entry, ModelEntry) else ""
    if not terms:
        return ""
    try:
        found = read_json(_path(entry, home), limit=_MOST_BYTES)
    except (BadInput, FormatError):
        return terms
    return "" if isinstance(found, dict) and found.get("terms") == terms else terms


def accept(entry: Entry, home: Home) -> None:
    """Remember that a person has accepted the terms of an entry."""
    if terms := unaccepted(entry, home):
        write_text(_path(entry, home), json.dumps({"terms": terms, "when": now()}) + "\n")


def require(entry: Entry, home: Home) -> None:
    """UsageError naming the terms while they are not accepted."""
    if terms := unaccepted(entry, home):
        raise UsageError(
            f"{entry.name} comes under terms that must be accepted first, {terms}: read them, "
            f"then type penjing pull {entry.name} --accept-terms"
        )


def _path(entry: Entry, home: Home) -> Path:
    return home.root / "accepted" / f"{entry.name}.json"
