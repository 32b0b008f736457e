"""Rate limits of a person: how many things at once, how many in a minute. Lives on the loop.

Nobody is kept out by what others do; fairness among those who are let in is the scheduler's.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from penjing.serve.limits import Limits
from penjing.serve.refusals import Throttled

_MINUTE = 60.0


class Quota:
    """What every person has taken."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._running: dict[str, int] = {}
        self._asked: dict[str, deque[float]] = {}

    def take(self, person: str) -> Callable[[], None]:
        """Begin something; call what it returns when that is over. Raises Throttled."""
        now = self._clock()
        asked = self._asked.setdefault(person, deque())
        while asked and now - asked[0] >= _MINUTE:
            asked.popleft()
        if self._running.get(person, 0) >= self._limits.at_once:
            raise Throttled(
                f"{self._limits.at_once} of your requests are being answered: wait for one", 1.0
            )
        if len(asked) >= self._limits.per_minute:
            wait = _MINUTE - (now - asked[0])
            raise Throttled(f"{len(asked)} requests in a minute: wait {wait:.0f} s", wait)
        asked.append(now)
        self._running[person] = self._running.get(person, 0) + 1
        over = False

        def release() -> None:
            nonlocal over
            if not over:
                over = True
                self._running[person] -= 1
                if not self._running[person]:
                    del self._running[person]

        return release
