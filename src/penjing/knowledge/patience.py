"""An end to what a library does over a stranger's bytes, by the processor's time.

For the child alone: it sets a signal's handler, in the main thread, and is not nested.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from penjing.core.errors import BadInput

_AGAIN = 0.25
"""Seconds after which a library that has swallowed the end is told once more."""


class _Enough(BaseException):
    """No `Exception`: what forgives broken files shall not forgive this."""


@contextmanager
def at_most(seconds: float, reason: str) -> Iterator[None]:
    """Raises BadInput with `reason` when the block takes more of the processor."""

    def enough(_number: int, _frame: FrameType | None) -> None:
        raise _Enough

    before = signal.signal(signal.SIGPROF, enough)
    try:
        signal.setitimer(signal.ITIMER_PROF, seconds, _AGAIN)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    except _Enough as error:
        raise BadInput(reason) from error
    finally:
        signal.signal(signal.SIGPROF, before)
