"""What is older than a person wants to keep is deleted: from the pages and from the index.

SQLite overwrites what it deletes (secure_delete, and the index's own): the file holds it no more.
Backups taken before, and old blocks that a flash disk keeps, are out of reach; both are encrypted.
"""

from __future__ import annotations

from dataclasses import dataclass

from penjing.core.errors import BadInput
from penjing.core.manner import name_of
from penjing.vault.access import Gate
from penjing.vault.database import Database
from penjing.vault.snapshots import drop_all

DAYS = "retention.days"
"""The setting; absent: for ever."""
MOST_DAYS = 36500
_DAY = 86400.0
_FREE_SHARE = 4
"""A file is written anew when a page of so many is free ..."""
_FREE_LEAST = 32
"""... and at least so many are."""


@dataclass(frozen=True)
class ExpiryReport:
    """What retention deleted."""

    turns: int
    """Turns."""
    sessions: int
    """Sessions of which nothing was left."""


def require_days(text: str) -> int:
    """Days to keep turns. Raises BadInput."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_DAYS):
        raise BadInput(f"'{text[:20]}' is no number of days: give 1 to {MOST_DAYS}")
    return int(text)


def expire(database: Database, owner: str, now: float) -> ExpiryReport:
    """Delete the turns that are too old, in one transaction, and cached prompts with them."""
    with database.reading() as connection:
        wanted = Gate(connection, owner).all("setting", id=DAYS)
    if not wanted:
        return ExpiryReport(0, 0)
    with database.writing() as connection:
        gate = Gate(connection, owner)
        limit = now - require_days(wanted[0]["value"]) * _DAY
        turns = gate.delete_before("turn", "at", limit)
        sessions = 0
        for session in gate.all("session"):
            if session["spoke"] < limit and not gate.all("turn", session=session["id"]):
                sessions += gate.delete("session", id=session["id"])
                gate.delete("setting", id=name_of(session["id"]))
        if turns:
            drop_all(gate)  # they may hold what was said
    compact(database)
    return ExpiryReport(turns, sessions)


def compact(database: Database) -> bool:
    """Give free pages back to the disk when there are many; whether it did."""
    with database.reading() as connection:
        free = connection.execute("PRAGMA freelist_count").fetchone()[0]
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    if free < _FREE_LEAST or free * _FREE_SHARE < pages:
        return False
    database.vacuum()
    return True
