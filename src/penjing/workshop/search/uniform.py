"""One codec for all groups: what a search must never be worse than. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from penjing.bundle.codecs import CODECS
from penjing.workshop.search.choice import Allocation, Choice, Choices


def best_uniform(choices: Choices, room: int, time: float = math.inf) -> Allocation | None:
    """The uniform allocation with the least predicted loss in `room` bytes; None: none fits.

    A token takes no longer than `time`. What came in several codecs can also stay so everywhere.
    """
    names = sorted({choice.codec for row in choices.values() for choice in row})
    found = (uniform(choices, name) for name in names)
    fitting = [each for each in found if each.nbytes <= room and each.time <= time]
    return min(fitting, key=lambda each: (each.loss, each.nbytes), default=None)


def uniform(choices: Choices, codec: str) -> Allocation:
    """All groups in `codec`, or in what comes next where their rows do not allow it."""
    return Allocation({name: _nearest(row, codec) for name, row in choices.items()})


def _nearest(row: Sequence[Choice], codec: str) -> Choice:
    """The codec itself, or the one with the fewest bits that has no fewer, or the largest."""
    same = [choice for choice in row if choice.codec == codec]
    if same:
        return min(same, key=lambda c: (c.loss, c.nbytes))
    known = [c for c in row if codec in CODECS and c.codec in CODECS]
    wider = [c for c in known if CODECS[c.codec].bits >= CODECS[codec].bits]
    largest = max(row, key=lambda c: (c.nbytes, -c.loss, c.codec))
    return min(wider, key=lambda c: (c.nbytes, c.loss, c.codec), default=largest)
