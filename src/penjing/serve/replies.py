"""Turns being answered: an `Assistant` is synchronous, so each turn has a thread of its own.

A turn goes on whether anybody hears it or not, and whoever comes later hears it from its beginning.
It ends when its events end, or at the next event after it was stopped. Whatever the assistant keeps
of it is kept by then: `close` waits for that. One turn at a time in a session.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress

from penjing.core.dialogue import Event, Finished
from penjing.core.errors import Busy, PenjingError
from penjing.serve.refusals import INTERNAL, Conflict, trace

log = logging.getLogger("penjing.serve")

_SOON = 5.0
_GRACE = 10.0
_STEP = 0.02


class Turn:
    """One turn: its events as they come."""

    def __init__(self, person: str, session: str, over: Callable[[Turn], None]) -> None:
        self.person = person
        self.session = session
        self._loop = asyncio.get_running_loop()
        self._heard: list[Event | Exception | None] = []
        self._more = asyncio.Event()
        self._stopped = threading.Event()
        self._over = over

    async def events(self) -> AsyncIterator[Event]:
        """What happens, from the beginning. Raises PenjingError as the assistant does."""
        at = 0
        while True:
            while at == len(self._heard):
                await self._more.wait()
            item, at = self._heard[at], at + 1
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            yield item

    def stop(self) -> None:
        """Nobody wants more of it. Harmless when it is over."""
        self._stopped.set()

    def run(self, begin: Callable[[], Iterator[Event]]) -> None:
        """The thread."""
        try:
            self._go(begin())
        except PenjingError as error:
            self._deliver(error)
        except Exception as error:  # a bug in an assistant ends its turn and nothing else
            log.error("internal error: %s", trace(error))
            self._deliver(PenjingError(INTERNAL))
        finally:
            with suppress(RuntimeError):  # before its end is heard: then the next may begin
                self._loop.call_soon_threadsafe(self._over, self)
            self._deliver(None)

    def _go(self, events: Iterator[Event]) -> None:
        try:
            for event in events:
                self._deliver(event)
                if self._stopped.is_set():
                    if not isinstance(event, Finished):
                        self._deliver(Finished("cancelled"))
                    return
        finally:
            getattr(events, "close", lambda: None)()

    def _deliver(self, item: Event | Exception | None) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._hear, item)

    def _hear(self, item: Event | Exception | None) -> None:
        self._heard.append(item)
        self._more.set()
        self._more = asyncio.Event()


class Replies:
    """All turns of a server. Lives on its event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._turns: set[Turn] = set()
        self._over = False

    def begin(
        self,
        person: str,
        session: str,
        reply: Callable[[], Iterator[Event]],
        release: Callable[[], None] = lambda: None,
    ) -> Turn:
        """Begin a turn; `release` is called when it is over. Raises Conflict while another runs in
        its session, Busy when all do.
        """
        if self._over:
            raise Conflict("the server is ending: say it again when it is back")
        if self.of(person, session) is not None:
            raise Conflict("this session is being answered: wait for the end, or stop it")
        if len(self._turns) >= self._most:
            raise Busy(_SOON)

        def over(turn: Turn) -> None:
            self._turns.discard(turn)
            release()

        turn = Turn(person, session, over)
        self._turns.add(turn)
        name = "a turn"
        threading.Thread(target=turn.run, args=(reply,), name=name, daemon=True).start()
        return turn

    def of(self, person: str, session: str) -> Turn | None:
        """The turn that is being answered in a session; None where none is."""
        here = (person, session)
        return next((one for one in self._turns if (one.person, one.session) == here), None)

    async def end(self, person: str, session: str) -> None:
        """Stop what is being answered in a session and wait until what was said is kept."""
        turn = self.of(person, session)
        await self._end([] if turn is None else [turn], _GRACE)

    def cut(self) -> None:
        """Let all turns end with their next event, and begin no other: the server ends."""
        self._over = True
        for turn in self._turns:
            turn.stop()

    async def stop(self, person: str) -> None:
        """Stop all turns of a person and wait until what was said is kept."""
        await self._end([turn for turn in self._turns if turn.person == person], _GRACE)

    async def close(self, seconds: float = _GRACE) -> None:
        """Stop all turns and wait until what was said is kept; no longer than that."""
        await self._end(list(self._turns), seconds)

    async def _end(self, turns: list[Turn], seconds: float) -> None:
        for turn in turns:
            turn.stop()
        waited = 0.0
        while waited < seconds and any(turn in self._turns for turn in turns):
            await asyncio.sleep(_STEP)
            waited += _STEP
