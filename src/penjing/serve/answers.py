"""Answers of the engine as asynchronous iterators that can be left at any time.

Knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from weakref import WeakSet

from penjing.core.errors import EngineError
from penjing.core.introduction import Introduction
from penjing.core.messages import Chunk
from penjing.core.protocols import Scheduler, Ticket
from penjing.core.serving import Request
from penjing.core.threads import Threads

_ASKING = 16
"""Threads that hand requests to the engine."""


class Answers:
    """The engine as one event loop sees it."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._introduction = Introduction(scheduler.count_tokens)
        self._arrived: deque[tuple[Answer, Chunk | Exception]] = deque()
        self._given: WeakSet[Answer] = WeakSet()
        self._woken = False
        self._lock = threading.Lock()
        self._threads = Threads("asking the engine", _ASKING)

    async def begin(self, request: Request) -> Answer:
        """Hand a request to the engine. Raises BadInput or Busy at once."""
        loop, answer = asyncio.get_running_loop(), Answer()
        self._given.add(answer)

        def deliver(item: Chunk | Exception) -> None:
            """Called on the scheduler's own thread. A batch of tokens wakes the loop once."""
            with self._lock:
                self._arrived.append((answer, item))
                woken, self._woken = self._woken, True
            if not woken:
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self._hand_out)

        def submit() -> None:
            answer.handed_over(self._scheduler.submit(self._introduced(request), deliver))

        try:
            await self._threads.run(submit)
        except asyncio.CancelledError:
            answer.close()
            raise
        return answer

    def _introduced(self, request: Request) -> Request:
        """Who says nothing of a system is answered as `penjing chat` answers."""
        if not request.messages:
            return request
        return replace(request, messages=self._introduction.before(request.messages))

    def cut(self) -> None:
        """Let all answers end with an error that says why: the server ends."""
        for answer in list(self._given):
            answer.take(EngineError("the server is ending: ask again when it is back"))

    def _hand_out(self) -> None:
        with self._lock:
            arrived, self._arrived = self._arrived, deque()
            self._woken = False
        for answer, item in arrived:
            answer.take(item)


class Answer:
    """Chunks as they come; the last has a finish reason. `close` it in any case."""

    def __init__(self) -> None:
        self._arrived: asyncio.Queue[Chunk | Exception] = asyncio.Queue()
        self._ticket: Ticket | None = None
        self._failure: Exception | None = None
        self._over = False

    def take(self, item: Chunk | Exception) -> None:
        """What the engine wrote."""
        self._arrived.put_nowait(item)

    def handed_over(self, ticket: Ticket) -> None:
        """The engine has it. Called on another thread."""
        self._ticket = ticket
        if self._over:  # left meanwhile
            ticket.cancel()

    def __aiter__(self) -> Answer:
        return self

    async def __anext__(self) -> Chunk:
        """The next chunk; what has piled up meanwhile comes as one."""
        if self._over:
            raise StopAsyncIteration
        chunk = self._seen(await self._next())
        while chunk.finish_reason is None and not self._arrived.empty():
            following = await self._next()
            if isinstance(following, Exception):
                self._failure = following  # after what was written before it
                break
            chunk = _joined(chunk, following)
        if chunk.finish_reason is not None:
            self._end()
        return chunk

    async def _next(self) -> Chunk | Exception:
        return self._failure or await self._arrived.get()

    def _seen(self, item: Chunk | Exception) -> Chunk:
        if isinstance(item, Exception):
            self._end()
            raise item
        return item

    def _end(self) -> None:
        """The ticket knows us too: nothing is to wait for a collector of circles."""
        self._over, self._ticket = True, None

    def close(self) -> None:
        """Stop writing it. Calling it twice, or when it is over, is harmless."""
        ticket = self._ticket
        self._end()
        if ticket is not None:
            ticket.cancel()


def _joined(first: Chunk, second: Chunk) -> Chunk:
    return Chunk(
        first.text + second.text,
        second.finish_reason,
        second.usage,
        first.logprobs + second.logprobs,
        first.thought + second.thought,
        first.prompt + second.prompt,
    )


def finished(chunk: Chunk) -> Chunk:
    """A last chunk whose answer was not taken away by the engine itself."""
    if chunk.finish_reason == "cancelled":
        raise EngineError("the engine stopped the answer: ask again")
    return chunk


Closer = Callable[[], None]
"""Lets go of something. Calling it twice is harmless."""
