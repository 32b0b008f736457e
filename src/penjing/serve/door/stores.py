"""The open parts of people, each once, for as long as a session or a running request holds it.

Lives on the event loop. Closing waits for a database, so it happens in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from penjing.core.protocols import Store
from penjing.serve.door.accounts import Known, Opened
from penjing.serve.present import Present


@dataclass
class _Held:
    opened: Opened
    holders: int


class Stores:
    """Who is unlocked, and by how many held. `present` is told of it."""

    def __init__(self, present: Present | None = None) -> None:
        self._present = present or Present()
        self._open: dict[str, _Held] = {}
        self._working: set[asyncio.Future[None]] = set()

    def take(self, opened: Opened) -> Opened:
        """Hold what was just unlocked; where the person is unlocked already, that stays the one."""
        person = opened.known.person
        held = self._open.get(person)
        if held is None:
            held = self._open[person] = _Held(opened, 0)
            self._present.came(person, opened.store)
            self._apart(lambda: self._present.on_came(person))
        elif held.opened.store is not opened.store:
            self._close(opened.store)
            held.opened = Opened(opened.known, held.opened.store)
        held.holders += 1
        return held.opened

    def hold(self, person: str) -> Opened | None:
        """Hold what is unlocked; None when it is not any more."""
        held = self._open.get(person)
        if held is None:
            return None
        held.holders += 1
        return held.opened

    def release(self, opened: Opened) -> None:
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
            held.opened = Opened(known, held.opened.store)

    def shut(self, person: str) -> None:
        """Close a person's part, whoever holds it."""
        if held := self._open.pop(person, None):
            self._present.leaves(person)
            self._close(held.opened.store)

    def people(self) -> list[str]:
        """Who is unlocked."""
        return list(self._open)

    async def settled(self) -> None:
        """Wait until everything that was shut is closed."""
        while self._working:
            await asyncio.wait(set(self._working))

    def _close(self, store: Store) -> None:
        self._apart(store.close)

    def _apart(self, work: Callable[[], None]) -> None:
        doing = asyncio.get_running_loop().run_in_executor(None, work)
        self._working.add(doing)
        doing.add_done_callback(self._working.discard)
