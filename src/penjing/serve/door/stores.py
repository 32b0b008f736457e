"""The open parts of people, each once, for as long as a session or a running request holds it.

Lives on the event loop. Closing waits for a database, so it happens in a thread, and nobody waits
for the closing of anybody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from penjing.core.protocols import Store
from penjing.core.threads import Threads
from penjing.serve.door.accounts import Known, UnlockedPerson
from penjing.serve.present import Present

_CLOSING = 8
"""Threads: one that waits for a turn which is long is not to keep all others open."""


@dataclass
class _Held:
    opened: UnlockedPerson
    holders: int


class Stores:
    """Who is unlocked, and by how many held. `present` is told of it."""

    def __init__(self, present: Present | None = None) -> None:
        self._present = present or Present()
        self._open: dict[str, _Held] = {}
        self._working: dict[asyncio.Future[None], str] = {}
        self._threads = Threads("opening and closing", _CLOSING)

    def take(self, opened: UnlockedPerson) -> UnlockedPerson:
        """Hold what was just unlocked; where the person is unlocked already, that stays the one."""
        person = opened.known.person
        held = self._open.get(person)
        if held is None:
            held = self._open[person] = _Held(opened, 0)
            self._present.came(person, opened.store)
            self._apart(person, lambda: self._present.on_opened(opened.store))
            self._apart(person, lambda: self._present.on_came(person))
        elif held.opened.store is not opened.store:
            self._close(person, opened.store)
            held.opened = UnlockedPerson(opened.known, held.opened.store)
        held.holders += 1
        return held.opened

    def hold(self, person: str) -> UnlockedPerson | None:
        """Hold what is unlocked; None when it is not any more."""
        held = self._open.get(person)
        if held is None:
            return None
        held.holders += 1
        return held.opened

    def peek(self, person: str) -> UnlockedPerson | None:
        """What is unlocked, held by nobody more for it."""
        held = self._open.get(person)
        return None if held is None else held.opened

    def release(self, opened: UnlockedPerson) -> None:
        """Let go; the last who does closes it, and the keys are forgotten."""
        held = self._open.get(opened.known.person)
        if held is None or held.opened.store is not opened.store:
            return  # it was shut over our heads
        held.holders -= 1
        if held.holders == 0:
            self.shut(opened.known.person)

    def now(self, known: Known) -> None:
        """A person's name or role has changed."""
        if held := self._open.get(known.person):
            held.opened = UnlockedPerson(known, held.opened.store)

    def shut(self, person: str) -> None:
        """Close a person's part, whoever holds it."""
        if held := self._open.pop(person, None):
            self._present.leaves(person)
            self._close(person, held.opened.store)

    def people(self) -> list[str]:
        """Who is unlocked."""
        return list(self._open)

    async def settled(self, person: str | None = None) -> None:
        """Wait until everything that was shut is closed, or all of one person."""
        while doing := {one for one, of in self._working.items() if person in (None, of)}:
            await asyncio.wait(doing)

    def _close(self, person: str, store: Store) -> None:
        self._apart(person, store.close)

    def _apart(self, person: str, work: Callable[[], None]) -> None:
        doing = asyncio.wrap_future(self._threads.begin(work))
        self._working[doing] = person
        doing.add_done_callback(self._working.pop)
