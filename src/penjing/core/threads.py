"""Threads for what blocks. They are ours: the process never waits for one of them to come back.

An event loop's own threads are joined when the loop closes, and Python's pools again when the
interpreter ends, so that one call which never returns keeps the whole process. These are daemons
that nobody joins. Each kind of work has its own few, so that what is slow in one kind holds up no
other; work that finds all of its kind busy waits its turn, first come, first served.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar, cast

T = TypeVar("T")
P = ParamSpec("P")

_Work = tuple["Future[Any]", Callable[[], Any]]


class _Worker(threading.Thread):
    busy = False
    """It is at work, and does not wait for some."""


class Threads:
    """So many threads, made when they are needed."""

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most
        self._work: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._made, self._free = 0, 0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` returns or raises, as asyncio.to_thread gives it.

        Who is cancelled leaves running what has begun; what has not is never begun.
        """
        return await asyncio.wrap_future(self.begin(work, *args, **kwargs))

    def begin(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin it and do not wait."""
        context = contextvars.copy_context()
        future: Future[T] = Future()
        with self._lock:
            self._work.put((future, lambda: context.run(work, *args, **kwargs)))
            if self._free > 0:
                self._free -= 1  # a thread that waits will take it
            elif self._made < self._most:
                self._made += 1
                _Worker(target=self._run, name=self._name, daemon=True).start()
        return future

    def _run(self) -> None:
        me = cast("_Worker", threading.current_thread())
        while True:
            future, work = self._work.get()
            me.busy = True
            _do(future, work)
            me.busy = False
            del future, work  # nothing lives on in a thread that waits
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
