"""A damaged database is written anew from every row that can still be read.

The damaged file stays beside it, encrypted as it was, until a person deletes it or is wiped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from penjing.core.errors import IntegrityError
from penjing.core.files import disk_errors
from penjing.vault import disk, outside
from penjing.vault.audit import START, Entry, entry_hash
from penjing.vault.btree_rows import Row, rows
from penjing.vault.cipher_pages import pages
from penjing.vault.database import Connection, Database, connect, remove, settle_new
from penjing.vault.envelope import Key
from penjing.vault.locks import turn_lock
from penjing.vault.migrations import Step, migrate
from penjing.vault.place import ACCOUNTS, Place

_ORDER = ("person", "permission", "audit", "secret", "due", "session", "turn", "setting",
          "document", "excerpt", "snapshot", "piece")  # fmt: skip
"""Tables, those that others point to first."""

SALVAGED = "(salvaged)"
"""The title of a session of which only turns were left."""


@dataclass(frozen=True)
class Salvage:
    """What could be read of a damaged database."""

    subject: str
    """Whose."""
    pages: int
    """Pages of the file."""
    damaged: tuple[int, ...]
    """Pages that are not what was written."""
    kept: Mapping[str, int] = field(default_factory=dict)
    """Rows by table that are in the new file."""
    broken: int = 0
    """Rows that were seen and could not be read to their end."""
    turns_missing: int = 0
    """Turns that must have been there: gaps in the numbers of their sessions."""


def salvage(
    place: Place, subject: str, generation: int, key: Key, steps: Sequence[Step]
) -> Salvage:
    """Replace a database by what is readable of it. Call it `alone`."""
    path = place.database(subject, generation)
    _play_back(path, key)
    found, report = _read(path, subject, key)
    if subject != ACCOUNTS and report.pages == len(report.damaged):
        said = f"nothing in {path.name} can be read, and it was left as it is"
        raise IntegrityError(f"{said}: {outside.BACK}, or wipe the person and add them again")
    fresh = path.with_name(f".{path.name}.new")
    remove(fresh)
    database = Database(fresh, Key(key.raw()), turn_lock(place, subject), new=True)
    try:
        migrate(database, steps)
        with database.writing() as connection:
            _fill(connection, found)
            kept = {table: _count(connection, table) for table in found}
            missing = _missing(connection) if "turn" in found else 0
    finally:
        database.close()
    _put_aside(path)
    settle_new(fresh, path)
    return Salvage(subject, report.pages, report.damaged, kept, report.broken, missing)


def _play_back(path: Path, key: Key) -> None:
    """Undo a transaction that a crash cut off, if SQLite can still read that much."""
    with suppress(IntegrityError):
        connect(path, key).close()


def _read(path: Path, subject: str, key: Key) -> tuple[dict[str, list[Row]], Salvage]:
    plain = {page.number: page.data for page in pages(path, key)}
    found: dict[str, list[Row]] = {}
    broken = 0
    for number, data in plain.items():
        for row in _rows(number, data, plain):
            table = row.values[1] if row and len(row.values) > 1 else None
            if row is None:
                broken += 1
            elif row.values[0] is None and isinstance(table, str) and table in _ORDER:
                found.setdefault(table, []).append(row)
    damaged = tuple(number for number, data in plain.items() if data is None)
    return found, Salvage(subject, len(plain), damaged, broken=broken)


def _rows(
    number: int, data: bytes | None, plain: Mapping[int, bytes | None]
) -> Iterator[Row | None]:
    if data is not None:
        with suppress(IndexError):  # a page that only looks like one of rows
            yield from rows(number, data, plain.get)


def _fill(connection: Connection, found: Mapping[str, list[Row]]) -> None:
    connection.execute("PRAGMA defer_foreign_keys = ON")
    for table in _ORDER:
        every = sorted(found.get(table, ()), key=lambda row: row.number)
        if not every:
            continue
        if table == "secret":
            connection.execute("DELETE FROM secret")
        for row in _chained(every) if table == "audit" else every:
            _insert(connection, table, row)
    _adopt(connection)


def _insert(connection: Connection, table: str, row: Row) -> None:
    """A row that lacks columns of later steps gets their defaults."""
    names = [column[1] for column in connection.execute(f"PRAGMA table_info({table})").fetchall()]
    used = names[: len(row.values)]
    marks = ", ".join("?" * len(used))
    statement = f"INSERT OR IGNORE INTO {table} ({', '.join(used)}) VALUES ({marks})"  # noqa: S608
    connection.execute(statement, (row.number, *row.values[1 : len(used)]))


def _chained(every: list[Row]) -> Iterator[Row]:
    """The audit log as far as it is unbroken: what follows a gap proves nothing."""
    before = START
    for number, row in enumerate(every, start=1):
        entry = Entry(row.number, *row.values[2:7])  # type: ignore[arg-type]
        if entry.number != number or entry.hash != entry_hash(before, entry):
            return
        before = entry.hash
        yield row


def _adopt(connection: Connection) -> None:
    """Turns whose session is lost get one; what belongs to a lost document or person goes."""
    if _has(connection, "turn"):
        connection.execute(
            "INSERT INTO session (what, owner, id, title, began, spoke)"
            " SELECT 'session', owner, session, ?, min(at), max(at) FROM turn"
            " WHERE session NOT IN (SELECT id FROM session) GROUP BY session",
            (SALVAGED,),
        )
        connection.execute("DELETE FROM excerpt WHERE document NOT IN (SELECT id FROM document)")
    if _has(connection, "permission"):
        connection.execute("DELETE FROM permission WHERE person NOT IN (SELECT id FROM person)")


def _has(connection: Connection, table: str) -> bool:
    statement = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return bool(connection.execute(statement, (table,)).fetchone()[0])


def _count(connection: Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608


def _missing(connection: Connection) -> int:
    """How many numbers are skipped: at the end of a session none can be."""
    rows = connection.execute("SELECT max(place) - count(*) FROM turn GROUP BY session").fetchall()
    return sum(int(row[0]) for row in rows)


def _put_aside(path: Path) -> None:
    """Keep the damaged file under another name as well; the newest is enough."""
    disk.keep_aside(path, f".{path.name}.damaged")
    for ending in (outside.JOURNAL, outside.LOG):
        beside = path.with_name(path.name + ending)
        if disk.is_there(beside):  # it was not played back: it is not ours, or of no use
            with disk_errors(beside):
                beside.replace(path.with_name(f".{beside.name}.damaged"))
    disk.sync_folder(path.parent)
