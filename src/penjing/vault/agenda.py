"""What is due for everybody, in the accounts: the vault's own secret opens it.

Only when and of what kind; words lie in the person's own part. Satisfies `core.agenda.Agenda`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from penjing.core.agenda import Pending, read_pending
from penjing.core.errors import BadInput
from penjing.vault.database import Connection, Database

_THERE = "person IN (SELECT id FROM person)"


class VaultAgenda:
    """The agenda in an open database of accounts."""

    def __init__(self, accounts: Database) -> None:
        self._database = accounts

    def all(self) -> Sequence[Pending]:
        """Everybody's, the first to be added first."""
        return self._read(_THERE)

    def of(self, person: str) -> Sequence[Pending]:
        """One person's."""
        return self._read(f"{_THERE} AND person = ?", person)

    def _read(self, where: str, *values: str) -> list[Pending]:
        with self._database.reading() as connection:
            statement = f"SELECT body FROM due WHERE {where} ORDER BY number"  # noqa: S608
            rows = connection.execute(statement, values).fetchall()
        return [read_pending(json.loads(row[0])) for row in rows]

    def change(self, before: Pending | None, after: Pending | None) -> bool:
        """See `Agenda.change`."""
        with self._database.writing() as connection:
            if before is None:
                return after is not None and _insert(connection, after)
            row = connection.execute("SELECT body FROM due WHERE id = ?", (before.id,)).fetchone()
            if row is None or read_pending(json.loads(row[0])) != before:
                return False
            if after is None:
                connection.execute("DELETE FROM due WHERE id = ?", (before.id,))
            else:
                connection.execute(
                    "UPDATE due SET body = ? WHERE id = ?", (_body(after), before.id)
                )
            return True


def _insert(connection: Connection, one: Pending) -> bool:
    there = connection.execute("SELECT 1 FROM person WHERE id = ?", (one.person,)).fetchone()
    if there is None:
        raise BadInput("nothing rings for whom is not there any more: log in again")
    done = connection.execute(
        "INSERT OR IGNORE INTO due (what, id, person, body) VALUES ('due', ?, ?, ?)",
        (one.id, one.person, _body(one)),
    )
    return bool(done.rowcount)


def _body(one: Pending) -> str:
    return json.dumps(asdict(one))


if TYPE_CHECKING:
    from penjing.core.agenda import Agenda

    _FITS: type[Agenda] = VaultAgenda
