"""Everything kept for one person, unlocked. Satisfies `core.protocols.Store`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from penjing.vault.accounts import Person
from penjing.vault.database import Database
from penjing.vault.documents import PersonDocuments
from penjing.vault.history import PersonHistory
from penjing.vault.ids import Clock
from penjing.vault.passages import PersonPassages
from penjing.vault.retention import ExpiryReport, expire
from penjing.vault.settings import PersonSettings
from penjing.vault.snapshots import PersonSnapshots


class PersonStore:
    """One person's part of the vault, open until `close`."""

    def __init__(
        self, database: Database, person: Person, clock: Clock = time.time, seal: str | None = None
    ) -> None:
        self.person = person
        self.seal = seal
        """Of what opened it (`slots.seal_of`)."""
        self.database = database
        self._clock = clock
        self._history = PersonHistory(database, person.id, clock)
        self._documents = PersonDocuments(database, person.id, clock)
        self._passages = PersonPassages(database, person.id)
        self._snapshots = PersonSnapshots(database, person.id, clock)
        self._settings = PersonSettings(database, person.id)

    def __repr__(self) -> str:
        return f"PersonStore({self.person.id})"

    @property
    def history(self) -> PersonHistory:
        """Sessions and turns."""
        return self._history

    @property
    def documents(self) -> PersonDocuments:
        """Documents and what was made of them."""
        return self._documents

    @property
    def passages(self) -> PersonPassages:
        """The search over them."""
        return self._passages

    @property
    def snapshots(self) -> PersonSnapshots:
        """Cached prompts."""
        return self._snapshots

    @property
    def settings(self) -> PersonSettings:
        """Settings."""
        return self._settings

    def expire(self) -> ExpiryReport:
        """Delete what is older than the person wants to keep."""
        return expire(self.database, self.person.id, self._clock())

    def close(self) -> None:
        """Forget the key. Calling it twice is harmless."""
        self.database.close()


if TYPE_CHECKING:
    from penjing.core.protocols import Store

    _FITS: type[Store] = PersonStore
