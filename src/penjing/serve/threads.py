"""Threads for what blocks. They are ours: the process never waits for one of them to come back.

The loop's default executor is joined when the loop closes and again when the interpreter ends, so
that one call which never returns keeps the whole process. These threads are daemons that nobody
joins. Each kind of work has its own few, so that what is slow in one holds up no other; work that
finds all of its kind busy waits its turn, first come, first served.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

_Work = tuple["Future[Any]", Callable[[], Any]]


class Threads:
    """So many threads, made when they are needed."""

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most
        self._work: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._made, self._free = 0, 0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` returns or raises, as asyncio.to_thread gives it.

        Who is cancelled while it runs leaves it running; work that has not begun is left out.
        """
        return await asyncio.wrap_future(self.begin(work, *args, **kwargs))

    def begin(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin it and do not wait."""
        context = contextvars.copy_context()
        future: Future[T] = Future()
        self._work.put((future, lambda: context.run(work, *args, **kwargs)))
        self._thread()
        return future

    def _thread(self) -> None:
        """One more thread, unless one is free or there are enough."""
        with self._lock:
            if self._free > 0:
                self._free -= 1  # promised to what was just put there
                return
            if self._made >= self._most:
                return
            self._made += 1
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        while True:
            future, work = self._work.get()
            _do(future, work)
            del future, work  # nothing is to live on in a thread that waits
            with self._lock:
                if self._work.empty():
                    self._free += 1


def _do(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
