"""Ids that tell nothing, and the clock that tests set."""

from __future__ import annotations

import os
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since 1970."""


def new_id() -> str:
    """128 random bits: cannot be guessed, and holds neither a time nor a name."""
    return os.urandom(16).hex()
