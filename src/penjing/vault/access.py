"""The one place that asks whose a row is, and what a person may do.

Every read and write of a person's rows goes through `Gate`; no other file writes SQL with an owner
in it. Somebody else's id is answered like an id that does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from penjing.core.errors import BadInput, NotFound, NotPermitted
from penjing.vault.database import Connection

Role = Literal["owner", "member", "guest"]
ROLES: tuple[Role, ...] = get_args(Role)
Kind = Literal["tool", "source", "assistant"]
KINDS: tuple[Kind, ...] = get_args(Kind)

EVERY = "*"
"""A permission for all of a kind that have none of their own."""

_ALLOWED: Mapping[Role, bool] = {"owner": True, "member": True, "guest": False}
"""What a role may use where nothing was said."""

OPERATOR = "operator"
"""Whoever opened the vault with its own secret, at the machine."""


@dataclass(frozen=True)
class Actor:
    """Who asks, and what they may do."""

    id: str
    """A person's id, or `OPERATOR`."""
    name: str
    """What they are called."""
    role: Role
    """What they are."""
    permissions: Mapping[tuple[Kind, str], bool] = field(default_factory=dict)
    """What was said for them: kind and name, allowed or not."""

    def may(self, kind: Kind, name: str) -> bool:
        """Whether they may use a tool, a source of knowledge or an assistant."""
        said = self.permissions.get((kind, name), self.permissions.get((kind, EVERY)))
        return _ALLOWED[self.role] if said is None else said

    def require(self, kind: Kind, name: str) -> None:
        """Raise NotPermitted unless they may use it."""
        if not self.may(kind, name):
            raise NotPermitted(f"{self.name} may not use the {kind} '{name}': ask an owner")

    def require_owner(self) -> None:
        """Raise NotPermitted unless they run this vault."""
        if self.role != "owner":
            raise NotPermitted(f"{self.name} is a {self.role}: ask an owner to do this")


def operator() -> Actor:
    """The actor of the command line."""
    return Actor(OPERATOR, OPERATOR, "owner")


def require_role(text: str) -> Role:
    """A role by name. Raises BadInput."""
    for role in ROLES:
        if role == text:
            return role
    raise BadInput(f"'{text[:40]}' is not a role: choose {', '.join(ROLES)}")


Row = dict[str, Any]

_KEYS: Mapping[str, str] = {
    "session": "id",
    "document": "id",
    "snapshot": "id",
    "setting": "id",
    "turn": "number",
    "excerpt": "number",
    "piece": "number",
}
"""The tables of a person, and the column that tells rows apart."""


class Gate:
    """A person's rows and no others, within one transaction."""

    def __init__(self, connection: Connection, owner: str) -> None:
        self._connection = connection
        self._owner = owner
        self._reads_terms = False

    def one(self, table: str, key: str | int) -> Row:
        """The row of that id. Raises NotFound, for another's too."""
        wanted: dict[str, Any] = {_KEYS[table]: key}
        found = self.all(table, **wanted)
        if not found:
            raise NotFound(table, str(key))
        return found[0]

    def all(self, table: str, order: str = "number", **equal: object) -> list[Row]:
        """The rows whose columns are equal to these."""
        where, values = self._where(table, equal)
        return self._rows(f"SELECT * FROM {table} {where} ORDER BY {order}", values)  # noqa: S608

    def highest(self, table: str, column: str, **equal: object) -> int:
        """The highest value of a column; 0 where there is none."""
        where, values = self._where(table, equal)
        statement = f"SELECT max({column}) AS high FROM {table} {where}"  # noqa: S608
        return int(self._rows(statement, values)[0]["high"] or 0)

    def insert(self, table: str, **values: object) -> None:
        """A new row of this person's."""
        row = {"what": table, "owner": self._owner, **values}
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        statement = f"INSERT INTO {_known(table)} ({names}) VALUES ({marks})"  # noqa: S608
        self._connection.execute(statement, tuple(row.values()))

    def update(self, table: str, key: str | int, **values: object) -> None:
        """Change the row of that id. Raises NotFound, for another's too."""
        self.one(table, key)
        where, equal = self._where(table, {_KEYS[table]: key})
        sets = ", ".join(f"{name} = ?" for name in values)
        statement = f"UPDATE {table} SET {sets} {where}"  # noqa: S608
        self._connection.execute(statement, (*values.values(), *equal))

    def delete(self, table: str, **equal: object) -> int:
        """Remove the rows whose columns are equal to these; how many."""
        where, values = self._where(table, equal)
        done = self._connection.execute(f"DELETE FROM {table} {where}", values)  # noqa: S608
        return int(done.rowcount)

    def delete_before(self, table: str, column: str, moment: float) -> int:
        """Remove the rows that are older; how many."""
        where, values = self._where(table, {})
        statement = f"DELETE FROM {table} {where} AND {column} < ?"  # noqa: S608
        return int(self._connection.execute(statement, (*values, moment)).rowcount)

    def delete_from(self, table: str, column: str, least: int, **equal: object) -> int:
        """Remove the rows of which a column is that or more; how many."""
        where, values = self._where(table, equal)
        statement = f"DELETE FROM {table} {where} AND {column} >= ?"  # noqa: S608
        return int(self._connection.execute(statement, (*values, least)).rowcount)

    def turns_with(self, query: str | None, parts: list[str], limit: int) -> list[Row]:
        """Turns in which an index query matches and that hold every part, newest first."""
        where, values = self._where("turn", {})
        if query is not None:
            where += " AND number IN (SELECT rowid FROM words WHERE words MATCH ?)"
            values = (*values, query)
        for part in parts:
            where += " AND text LIKE ? ESCAPE '\\'"
            values = (*values, f"%{part}%")
        statement = f"SELECT * FROM turn {where} ORDER BY number DESC LIMIT ?"  # noqa: S608
        return self._rows(statement, (*values, limit))

    def places(self, first: str, last: str, most: int) -> list[int]:
        """Where the passage index has the terms from one to another: any excerpts, no texts."""
        self._vocabulary()
        statement = "SELECT doc FROM temp.places WHERE term >= ? AND term <= ? LIMIT ?"
        rows = self._connection.execute(statement, (first, last, most)).fetchall()
        return [int(row[0]) for row in rows]

    def frequency(self, first: str, last: str) -> int:
        """How often they stand in all excerpts."""
        self._vocabulary()
        statement = "SELECT sum(cnt) FROM temp.frequencies WHERE term >= ? AND term <= ?"
        return int(self._connection.execute(statement, (first, last)).fetchone()[0] or 0)

    def _vocabulary(self) -> None:
        if self._reads_terms:
            return
        self._reads_terms = True
        for name, kind in (("places", "instance"), ("frequencies", "row")):
            table = f"temp.{name} USING fts5vocab('main', 'terms', '{kind}')"
            self._connection.execute(f"CREATE VIRTUAL TABLE IF NOT EXISTS {table}")

    def marks(self, document: str) -> list[tuple[int, int, bytes]]:
        """Number, length and vector of a document's excerpts, in order."""
        statement = (
            "SELECT number, length(coalesce(words, text)), vector FROM excerpt"
            " WHERE owner = ? AND document = ? ORDER BY place"
        )
        return list(self._connection.execute(statement, (self._owner, document)).fetchall())

    def excerpts_of(self, numbers: Sequence[int]) -> list[Row]:
        """The excerpts of finished documents that have these numbers."""
        marks = ", ".join("?" * len(numbers))
        statement = (
            "SELECT excerpt.number, excerpt.document, excerpt.text, excerpt.location, excerpt.start"  # noqa: S608
            " FROM excerpt JOIN document ON document.id = excerpt.document"
            " WHERE excerpt.owner = ? AND document.owner = ? AND document.ready = 1"
            f" AND excerpt.number IN ({marks})"
        )
        return self._rows(statement, (self._owner, self._owner, *numbers))

    def excerpts_between(self, document: str, start: int, end: int) -> list[Row]:
        """Text and start of a document's excerpts that reach into a span."""
        statement = (
            "SELECT text, start FROM excerpt WHERE owner = ? AND document = ?"
            " AND start < ? AND start + length(text) > ? ORDER BY place"
        )
        return self._rows(statement, (self._owner, document, end, start))

    def _where(self, table: str, equal: Mapping[str, object]) -> tuple[str, tuple[object, ...]]:
        _known(table)
        conditions = " AND ".join(["owner = ?", *(f"{name} = ?" for name in equal)])
        return f"WHERE {conditions}", (self._owner, *equal.values())

    def _rows(self, statement: str, values: tuple[object, ...]) -> list[Row]:
        cursor = self._connection.execute(statement, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _known(table: str) -> str:
    """Names of tables and columns are our own words, never a caller's."""
    if table not in _KEYS:
        raise KeyError(table)
    return table
