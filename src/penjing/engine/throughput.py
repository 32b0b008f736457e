"""Throughput: how fast it goes, and so how much of a prompt is read in one step, and honest waits.

Pure arithmetic on what was measured; must not know what is being computed.
"""

from __future__ import annotations

from collections.abc import Sequence

from penjing.engine.rows import BATCH

_STALL = 1.0  # seconds that reading may hold up the answers being written, in each step
_STEP = 2.0  # seconds that a step may take when nobody is held up
_FIRST = 64  # tokens a second, before anything was measured
_LEAST = 32  # tokens; smaller pieces would waste a step
_KEEP = 0.8  # of an average, when something new was measured


class Pace:
    """Moving averages. Not for two threads at once."""

    def __init__(self) -> None:
        self._rate = float(_FIRST)
        self._step = 0.1
        self._length = 128.0

    def step(self, tokens: int, seconds: float) -> None:
        """Note how long a step took."""
        self._step = _KEEP * self._step + (1 - _KEEP) * seconds
        if tokens >= _LEAST:
            self._rate = _KEEP * self._rate + (1 - _KEEP) * tokens / max(seconds, 1e-6)

    def finished(self, tokens: int) -> None:
        """Note how long an answer became."""
        self._length = _KEEP * self._length + (1 - _KEEP) * tokens

    def reading(self, writing: int, reading: int) -> int:
        """Prompt tokens for the next step, with so many answers being written and prompts read.

        Where many wait for their first word and few are held up by it, more is read.
        """
        seconds = min(_STALL * max(reading / writing, 1.0), _STEP) if writing else _STEP
        return min(max(int(self._rate * seconds), _LEAST), BATCH - writing)

    def wait(self, left: Sequence[int]) -> float:
        """Seconds until a place is likely free; `left` are the tokens each answer may still get."""
        soonest = min((min(tokens, self._length / 2) for tokens in left), default=1)
        return max(1.0, soonest * self._step)
