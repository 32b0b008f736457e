"""Slowing down who guesses: delays that grow, and a rate for who has not logged in.

Delays end: nobody can keep a person out for ever by guessing at their name. Bounded in memory,
whatever addresses and names are tried.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

from penjing.serve.door.clock import Clock, seconds

_MOST = 4096
"""Addresses or names that are remembered; the one not seen longest is forgotten."""


@dataclass
class _Tries:
    failed: int
    until: float
    last: float


class Delays:
    """Failed tries by key, and how long the next one has to wait."""

    def __init__(
        self, *, free: int, longest: float, cool: float = 900.0, clock: Clock = seconds
    ) -> None:
        self._free, self._longest, self._cool, self._clock = free, longest, cool, clock
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def wait(self, key: str) -> float:
        """Seconds until a try is allowed; 0 for now."""
        tries = self._tries.get(key)
        return max(0.0, tries.until - self._clock()) if tries else 0.0

    def failed(self, key: str) -> None:
        """Count a try before it is made: tries side by side gain nothing."""
        now = self._clock()
        tries = self._tries.pop(key, None)
        if tries is None or now - tries.last > self._cool:
            tries = _Tries(0, 0.0, now)
        tries.failed, tries.last = tries.failed + 1, now
        over = tries.failed - self._free
        tries.until = now + min(self._longest, 2.0 ** min(over, 20)) if over >= 0 else 0.0
        self._tries[key] = tries
        while len(self._tries) > _MOST:
            self._tries.popitem(last=False)

    def undo(self, key: str) -> None:
        """The try did not fail. Others that did still count: a guest's own login clears nobody."""
        if tries := self._tries.get(key):
            tries.failed, tries.until = tries.failed - 1, 0.0

    def forget(self, key: str) -> None:
        """Who it is has been proved."""
        self._tries.pop(key, None)


class Rate:
    """So many requests each second and so many at once, by address."""

    def __init__(self, each_second: float, at_once: float, clock: Clock = seconds) -> None:
        self._rate, self._most, self._clock = each_second, at_once, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str) -> float:
        """Take one; the seconds to wait where none is left."""
        now = self._clock()
        left, at = self._left.pop(key, (self._most, now))
        left = min(self._most, left + (now - at) * self._rate)
        taken = left >= 1.0
        self._left[key] = (left - taken, now)
        while len(self._left) > _MOST:
            self._left.popitem(last=False)
        return 0.0 if taken else (1.0 - left) / self._rate


def neighbourhood(address: str) -> str:
    """The address, or the network of 64 bits that one IPv6 subscriber has all of."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
