"""Ctrl-C that waits until C code has returned.

Python runs signal handlers wherever Python code runs next. If that is a callback from C, what the
handler raises is printed and dropped: Ctrl-C is lost, and the callback has not done its work.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_HELD = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def deferred() -> Iterator[None]:
    """Hold SIGINT and SIGTERM back while the block runs, and deliver them as it ends.

    Only the main thread runs handlers, so in any other there is nothing to hold back.
    """
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = {}
    try:
        try:
            for number in _HELD:
                handler = signal.getsignal(number)
                if callable(handler):  # not where signals are ignored, or C code handles them
                    before[number] = signal.signal(number, note) or handler
        except ValueError:  # not the main thread
            pass
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for arrived in came:
            signal.raise_signal(arrived)
