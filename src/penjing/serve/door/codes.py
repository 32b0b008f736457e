"""One-time codes: printed at the terminal, shown once by a browser, kept hashed and for minutes.

256 random bits: who guesses is slowed as every stranger is and no further, so that nobody keeps
the person at the terminal out by guessing.
"""

from __future__ import annotations

from penjing.serve.door.clock import Clock, seconds
from penjing.serve.door.secrets import digest, is_same, new_secret

LIFE = 600.0
"""Seconds in which a code can be used."""


class OneTimeCode:
    """The one code that is valid now, if any."""

    def __init__(self, clock: Clock = seconds) -> None:
        self._clock = clock
        self._kept: bytes | None = None
        self._until = 0.0

    def fresh(self) -> str:
        """A new code; the one before is worth nothing from now on."""
        code = new_secret()
        self._kept, self._until = digest(code), self._clock() + LIFE
        return code

    def spend(self, code: str) -> bool:
        """Whether it is the code; it is worth nothing afterwards."""
        right = is_same(code, self._kept or bytes(32))
        if not right or self._kept is None or self._clock() > self._until:
            return False
        self._kept = None
        return True
