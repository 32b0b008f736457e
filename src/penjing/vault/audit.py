"""The audit log: who did what kind of thing and when, never what was said or when somebody spoke.

Each entry holds the hash of the one before it. The number and hash of the last are kept in a file
of their own, authenticated with a key from the accounts database: whoever changes, removes or cuts
off entries must know that key. Whoever notes the head elsewhere need not trust the machine at all.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from penjing.core.errors import IntegrityError, StorageError
from penjing.vault import disk
from penjing.vault.database import Connection, Database

START = "0" * 64
"""What the first entry holds for the hash before it."""


@dataclass(frozen=True)
class Entry:
    """One line of the log."""

    number: int
    """1, 2, 3 ..."""
    at: str
    """When, UTC."""
    who: str
    """The id of the person who did it, "operator", or "nobody"."""
    event: str
    """What kind of thing, for example "unlocked"."""
    object: str
    """A hash of the id it was done to; may be empty."""
    hash: str
    """Over this entry and the hash before it."""


@dataclass(frozen=True)
class Head:
    """Where the log ends."""

    count: int
    """Entries."""
    hash: str
    """The last entry's."""


class AuditLog:
    """The log in an open accounts database."""

    def __init__(self, database: Database, head: Path) -> None:
        self._database = database
        self._path = head

    def append(self, who: str, event: str, object_id: str = "") -> None:
        """Add an entry; on disk when this returns."""
        with self._database.writing(after=self.write_head) as connection:
            add(connection, who, event, object_id)

    def entries(self) -> list[Entry]:
        """All, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT number, at, who, event, object, hash FROM audit ORDER BY number"
            ).fetchall()
        return [Entry(*row) for row in rows]

    def verify(self, expected: Head | None = None) -> Head:
        """The head, when nothing was changed, removed or cut off. Raises IntegrityError."""
        entries = self.entries()
        before = START
        for number, entry in enumerate(entries, start=1):
            if entry.number != number or entry.hash != entry_hash(before, entry):
                raise IntegrityError(f"the audit log was changed at entry {number}: {_ADVICE}")
            before = entry.hash
        for head in filter(None, (self._read_head(), expected)):
            at = entries[head.count - 1].hash if 0 < head.count <= len(entries) else START
            if head.count > len(entries) or not hmac.compare_digest(at, head.hash):
                raise IntegrityError(f"the audit log was cut or changed: {_ADVICE}")
        return Head(len(entries), before)

    def known_end(self) -> bool:
        """Whether what was noted of the log's end is there and fits. Raises IntegrityError where
        the log is shorter than that: the whole database is older than it was."""
        try:
            head = self._read_head()
        except IntegrityError:
            return False
        count, _ = self._last()
        if head.count > count:
            raise IntegrityError(
                f"{self._database.path.name} is older than it was, with {count} of {head.count} "
                f"lines of its log: put the newest back; penjing vault restore accepts this one"
            )
        return self._hash_at(head.count) == head.hash

    def write_head(self, *, anew: bool = False) -> None:
        """Say where the log ends; only while nobody else can write to it.

        What contradicts the log stays for `verify` to be found, unless it is written `anew`.
        """
        count, last = self._last()
        if not anew and not self._may_follow(count):
            return
        body = {"count": count, "hash": last}
        for left in disk.leftovers(self._path):  # of processes that were killed
            disk.remove(left)
        disk.write_durably(self._path, _bytes({**body, "mac": self._mac(body)}))

    def _last(self) -> tuple[int, str]:
        rows = self._database_rows("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")
        return rows[0] if rows else (0, START)

    def _hash_at(self, number: int) -> str:
        rows = self._database_rows(f"SELECT hash FROM audit WHERE number = {number:d}")  # noqa: S608
        return str(rows[0][0]) if rows else START

    def _may_follow(self, count: int) -> bool:
        if not disk.is_there(self._path):
            return count <= 1
        try:
            return self.known_end()
        except IntegrityError:
            return False

    def _read_head(self) -> Head:
        try:
            document = json.loads(disk.read(self._path))
            body = {"count": document["count"], "hash": document["hash"]}
            if _bytes({**body, "mac": self._mac(body)}) != disk.read(self._path):
                raise ValueError("wrong code")
            return Head(int(body["count"]), str(body["hash"]))
        except (StorageError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise IntegrityError(f"the end of the audit log is not known: {_ADVICE}") from error

    def _mac(self, body: dict[str, object]) -> str:
        key = self._database_rows("SELECT value FROM secret WHERE name = 'audit'")[0][0]
        return hmac.new(key, _bytes(body), hashlib.sha256).hexdigest()

    def _database_rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self._database.reading() as connection:
            return list(connection.execute(statement).fetchall())


_ADVICE = "ask who had access, and compare with a backup"


def add(connection: Connection, who: str, event: str, object_id: str) -> None:
    """An entry within a transaction of somebody else's."""
    last = connection.execute(
        "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1"
    ).fetchone() or (0, START)
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    what = hashlib.sha256(object_id.encode()).hexdigest()[:32] if object_id else ""
    entry = Entry(last[0] + 1, at, who, event, what, "")
    connection.execute(
        "INSERT INTO audit (number, what, at, who, event, object, hash)"
        " VALUES (?, 'audit', ?, ?, ?, ?, ?)",
        (entry.number, entry.at, entry.who, entry.event, entry.object, entry_hash(last[1], entry)),
    )


def entry_hash(before: str, entry: Entry) -> str:
    """What an entry's hash must be after the one before it."""
    fields = [before, entry.number, entry.at, entry.who, entry.event, entry.object]
    return hashlib.sha256(json.dumps(fields).encode("ascii")).hexdigest()


def _bytes(document: dict[str, object]) -> bytes:
    return json.dumps(document, sort_keys=True).encode("ascii")
