"""The end of a process at a set time, whatever still runs in it.

A thread that waits for a disk, a lock or another machine cannot be made to come back. By the time
that this acts, all that was acknowledged is on the disk (the vault is made to be killed at any
moment), and with the process its keys are gone. Knows nothing of what is served.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable


class Ending:
    """Calls `end` when the time is over."""

    def __init__(self, end: Callable[[], object]) -> None:
        self._end = end
        self._lock = threading.Lock()
        self._moved = threading.Event()
        self._at: float | None = None

    def within(self, seconds: float) -> None:
        """So soon, unless it is to be sooner."""
        at = time.monotonic() + seconds
        with self._lock:
            begun = self._at is not None
            self._at = at if self._at is None else min(self._at, at)
        self._moved.set()
        if not begun:
            threading.Thread(target=self._run, name="the end", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._moved.clear()
            with self._lock:
                left = (self._at or 0.0) - time.monotonic()
            if left <= 0:
                self._end()
                return
            self._moved.wait(left)


def busy() -> list[str]:
    """Threads beside the one that asks which are at work, by their names."""
    return _names(one for one in threading.enumerate() if getattr(one, "busy", True))


def _names(threads: Iterable[threading.Thread]) -> list[str]:
    apart = (threading.current_thread(), threading.main_thread())
    return sorted(one.name for one in threads if one not in apart)
