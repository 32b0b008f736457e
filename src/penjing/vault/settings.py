"""A person's settings. Satisfies `core.protocols.Settings`."""

from __future__ import annotations

from penjing.vault.access import Gate
from penjing.vault.database import Database


class PersonSettings:
    """The settings in an open database."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    def put(self, name: str, value: str) -> None:
        """Keep or replace a setting."""
        with self._database.writing() as connection:
            gate = Gate(connection, self._owner)
            gate.delete("setting", id=name)
            gate.insert("setting", id=name, value=value)

    def drop(self, name: str) -> None:
        """Forget a setting; no harm when there is none."""
        with self._database.writing() as connection:
            Gate(connection, self._owner).delete("setting", id=name)

    def get(self, name: str) -> str | None:
        """A setting, or None where there is none."""
        with self._database.reading() as connection:
            rows = Gate(connection, self._owner).all("setting", id=name)
        return rows[0]["value"] if rows else None

    def all(self) -> dict[str, str]:
        """All of them by name."""
        with self._database.reading() as connection:
            rows = Gate(connection, self._owner).all("setting", "id")
        return {row["id"]: row["value"] for row in rows}
