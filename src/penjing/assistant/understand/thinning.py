"""Which samples to train from when a spec has more than can be afforded. Pure.

The longest are shortened first, each evenly over its length, so that the first and the last line
of an intent, and the first and the last intent, have the same prospects. Nothing loses all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

MOST = 20_000
"""Samples of intents. Training takes time by samples times intents."""
_CELLS = 2**23
"""Samples times intents, for time and memory: 8 for each of a thousand intents."""
MOST_ELSEWHERE = 10_000
"""Samples of what is out of scope; they are no part of the above."""


def thinned(intents: Sequence[str], most: int | None = None) -> list[int]:
    """Places of the samples that stay, in order; `intents` has the intent of each."""
    sizes = Counter(intents)
    if most is None:
        most = min(MOST, _CELLS // max(len(sizes), 1))
    allowed = _allowed(sizes, most)
    seen: Counter[str] = Counter()
    stay = []
    for place, intent in enumerate(intents):
        size, keep = sizes[intent], allowed[intent]
        number = seen[intent]
        seen[intent] += 1
        # the same number of samples stays before any point of the way, up to rounding
        if (number + 1) * keep // size > number * keep // size:
            stay.append(place)
    return stay


def _allowed(sizes: Counter[str], most: int) -> dict[str, int]:
    """How many each may keep: short ones all, the others the same."""
    left, allowed = most, {}
    for done, (intent, size) in enumerate(sorted(sizes.items(), key=lambda one: (one[1], one[0]))):
        allowed[intent] = min(size, max(1, left // (len(sizes) - done)))
        left -= allowed[intent]
    return allowed
