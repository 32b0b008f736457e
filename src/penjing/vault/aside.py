"""A person's part that is closed for a change of its key, and opened again where none was made."""

from __future__ import annotations

from penjing.vault import box, slots
from penjing.vault.envelope import Key
from penjing.vault.ids import Clock
from penjing.vault.migrations import PERSON
from penjing.vault.person import PersonStore
from penjing.vault.place import Place


class Aside:
    """Holds a copy of the key of an open part: `forget` it in the end."""

    def __init__(self, place: Place, store: PersonStore, clock: Clock) -> None:
        self._place, self._person, self._seal, self._clock = place, store.person, store.seal, clock
        self._key = Key(store.database.key.raw())

    def back(self) -> PersonStore:
        """Open it again. Raises PenjingError where it has another key by now, or none."""
        known = slots.load(self._place, self._person.id)
        database = box.open_with(self._place, known, Key(self._key.raw()), PERSON)
        return PersonStore(database, self._person, self._clock, self._seal)

    def forget(self) -> None:
        """It is not opened again."""
        self._key.wipe()
