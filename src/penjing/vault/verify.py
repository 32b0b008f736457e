"""Is everything what was written? Looks at every byte it has a key for; changes nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass

from penjing.core.errors import IntegrityError, PenjingError
from penjing.vault import disk, outside, slots
from penjing.vault.cipher_pages import salt_is_right
from penjing.vault.database import Connection, Database
from penjing.vault.locks import turn_lock
from penjing.vault.outside import PAGE
from penjing.vault.place import Place

_SETTLED, _AGAIN = 0.5, 0.05
"""Seconds for which a slot that looks damaged is looked at again, and between two looks."""


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be."""

    subject: str
    """Whose."""
    file: str
    """Which file."""
    what: str
    """What is wrong with it."""


def verify_database(subject: str, database: Database) -> list[Finding]:
    """Every page of an open database, its structure, and its search index."""
    found = []
    with database.reading() as connection:
        outside.require(database.path)
        if not salt_is_right(database.path, database.key):
            found.append("the first 16 bytes were changed")
        size = database.path.stat().st_size
        found += _lines(connection, "PRAGMA cipher_integrity_check")
        if not found:
            found += _structure(connection, size)
    if not found:
        found += _index(database)
    return [Finding(subject, database.path.name, what) for what in found]


def verify_slots(place: Place, subject: str) -> list[Finding]:
    """Both copies of a subject's key slots; what is just being written is looked at again."""
    until = time.monotonic() + _SETTLED
    while (found := _slots(place, subject)) and time.monotonic() < until:
        time.sleep(_AGAIN)
    return found


def _slots(place: Place, subject: str) -> list[Finding]:
    try:
        damaged = slots.damaged(place, subject)
    except PenjingError as error:
        return [Finding(subject, f"{subject}.slot", str(error))]
    return [Finding(subject, path.name, "is missing, damaged or old") for path in damaged]


def verify_files(place: Place, expected: list[str]) -> list[Finding]:
    """Whether everybody has slots and one database that looks like one, and nobody else has."""
    found = []
    for subject in expected:
        found += _databases(place, subject)
        if not any(disk.is_there(path) for path in place.slots(subject)):
            found.append(Finding(subject, f"{subject}.slot", "no key slot: use the recovery code"))
    for subject in place.subjects():
        if subject not in expected:
            found.append(
                Finding(
                    subject,
                    f"{subject}.*",
                    "is nobody's yet: penjing vault restore gives it a name",
                )
            )
    return found


def _databases(place: Place, subject: str) -> list[Finding]:
    """What can be told of a subject's databases without their key; while nobody writes."""
    if not place.generations(subject):
        return [Finding(subject, f"{subject}.db", f"is not there: {outside.BACK}")]
    try:
        turn = turn_lock(place, subject)
    except PenjingError as error:
        return [Finding(subject, f"{subject}.turn", str(error))]
    try:
        with turn.held(alone=False):
            paths = [place.database(subject, one) for one in place.generations(subject)]
            said = [(path, outside.complaint(path)) for path in paths]
    finally:
        turn.close()
    return [Finding(subject, path.name, wrong) for path, wrong in said if wrong is not None]


def _structure(connection: Connection, size: int) -> list[str]:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    if pages * PAGE != size:
        return [f"the file has {size} bytes and should have {pages * PAGE}"]
    lines = _lines(connection, "PRAGMA integrity_check")
    broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    return [line for line in lines if line != "ok"] + [
        f"points nowhere: {row[0]}" for row in broken
    ]


_INDEXES = {"words": "the search index is not that of the turns",
            "terms": "the search index is not that of the documents"}  # fmt: skip


def _index(database: Database) -> list[str]:
    return [line for table, line in _INDEXES.items() if not _agrees(database, table)]


def _agrees(database: Database, table: str) -> bool:
    with database.reading() as connection:
        known = "SELECT 1 FROM sqlite_schema WHERE name = ?"
        row = connection.execute(known, (table,)).fetchone()
    if row is None:
        return True
    try:
        with database.writing() as connection:
            check = f"INSERT INTO {table} ({table}, rank) VALUES ('integrity-check', 1)"  # noqa: S608
            connection.execute(check)
    except IntegrityError:
        return False
    return True


def _lines(connection: Connection, statement: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(statement).fetchall()]
