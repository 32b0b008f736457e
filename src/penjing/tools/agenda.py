"""Where what is due lies when no vault keeps it: in memory, or with its person's own settings.

Both satisfy `core.agenda.Agenda`. With settings it is known only of people who were asked about,
and not while their store is closed.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from penjing.core.agenda import Pending, read_pending
from penjing.core.errors import FormatError
from penjing.tools.failed import ToolError
from penjing.tools.keep import Kept, load, save

_NAME = "agenda"


class MemoryAgenda:
    """Everybody's, gone with the process."""

    def __init__(self) -> None:
        self._all: dict[str, Pending] = {}
        self._lock = threading.Lock()

    def all(self) -> Sequence[Pending]:
        """Everybody's, the first to be added first."""
        with self._lock:
            return list(self._all.values())

    def of(self, person: str) -> Sequence[Pending]:
        """One person's."""
        return [one for one in self.all() if one.person == person]

    def change(self, before: Pending | None, after: Pending | None) -> bool:
        """See `Agenda.change`."""
        with self._lock:
            return _changed(self._all, before, after)


class KeptAgenda:
    """In each person's own settings."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._people: dict[str, None] = {}
        self._lock = threading.Lock()

    def all(self) -> Sequence[Pending]:
        """Of everybody who was asked about and whose store is open."""
        found: list[Pending] = []
        for person in list(self._people):
            try:
                found += self.of(person)
            except ToolError:  # closed: who opens it is told why, if that is not all
                continue
        return found

    def of(self, person: str) -> Sequence[Pending]:
        """One person's. Raises ToolError."""
        self._people[person] = None
        return [one for one in self._read(person).values() if one.person == person]

    def change(self, before: Pending | None, after: Pending | None) -> bool:
        """See `Agenda.change`. Raises ToolError."""
        one = before or after
        if one is None:
            return False
        self._people[one.person] = None
        with self._lock:
            every = self._read(one.person)
            done = _changed(every, before, after)
            if done:
                save(self._kept, one.person, _NAME, [asdict(each) for each in every.values()])
            return done

    def _read(self, person: str) -> dict[str, Pending]:
        try:
            every = [read_pending(one) for one in load(self._kept, person, _NAME)]
        except FormatError as error:
            advice = f"remove the setting tools.{_NAME}"
            raise ToolError("not_kept", f"what is due cannot be read: {advice}") from error
        return {one.id: one for one in every}


def _changed(every: dict[str, Pending], before: Pending | None, after: Pending | None) -> bool:
    if before is None:
        if after is None or after.id in every:
            return False
    elif every.get(before.id) != before:
        return False
    elif after is None:
        del every[before.id]
        return True
    every[after.id] = after
    return True


if TYPE_CHECKING:
    from penjing.core.agenda import Agenda

    _FITS: tuple[type[Agenda], ...] = (MemoryAgenda, KeptAgenda)
