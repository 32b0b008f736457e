"""Seconds that go on while the machine sleeps, and that nobody can set back."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since some moment."""


def seconds() -> float:
    """A session shall be over when a lid was closed for a night."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
