"""Counted features as weighted ones: what stands in every sentence says little. Pure, numpy.

TF-IDF: the count times the logarithm of how rare the feature is among samples. Words, pairs and
letters each have their share of a length of 1, whatever the sentence. What no sample has counts in
the length as well: a sentence half unknown is like an intent only by half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penjing.assistant.understand.features import PART, PLACES, Counted
from penjing.assistant.understand.svm import Rows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float32]
    Integers = npt.NDArray[np.int64]

_SHARES_OF_FEW = (0.25, 0.35, 0.4)
_SHARES_OF_MANY = (0.1, 0.45, 0.45)
MANY = 1000
"""With so many samples a pair of words has been seen often enough to count for more than a word."""


@dataclass(frozen=True)
class Weighing:
    """What features weigh."""

    rare: Matrix
    """[PLACES] by how few samples have it."""
    shares: tuple[float, ...]
    """Of words, of pairs, of letters in the squared length of a sentence."""


def weighing_of(many: Sequence[Counted]) -> Weighing:
    """Learnt from samples; an unseen feature is as rare as one seen once."""
    import numpy as np

    seen = np.zeros(PLACES)
    for one in many:
        seen[one.places] += 1
    rare = np.log((1 + len(many)) / (1 + np.maximum(seen, 1))) + 1
    shares = _SHARES_OF_FEW if len(many) < MANY else _SHARES_OF_MANY
    return Weighing(np.asarray(rare, dtype=np.float32), shares)


def weighed(one: Counted, how: Weighing) -> Matrix:
    """The values of one sentence, length 1."""
    import numpy as np

    values = one.counts * how.rare[one.places]
    borders = np.searchsorted(one.places, (PART, 2 * PART))
    for view, share in zip(np.split(values, borders), how.shares, strict=True):
        length = float(view @ view)
        if length > 0:
            view[:] *= np.float32((share / length) ** 0.5)
    return values


def rows_of(many: Sequence[Counted], labels: Integers, how: Weighing) -> Rows:
    """All of them, one after the other."""
    import numpy as np

    starts = np.cumsum([0, *(len(one.places) for one in many)])
    places = np.concatenate([one.places for one in many])
    values = np.concatenate([weighed(one, how) for one in many])
    return Rows(starts, places, values, labels)


def nearness(some: Sequence[Counted], others: Sequence[Counted]) -> Matrix:
    """[some] how like the likest of the others each is, from 0 to 1; whatever is rare."""
    import numpy as np

    even = Weighing(np.ones(PLACES, dtype=np.float32), _SHARES_OF_FEW)
    table = np.zeros((PLACES, len(some)), dtype=np.float32)
    for place, one in enumerate(some):
        table[one.places, place] = weighed(one, even)
    nearest = np.zeros(len(some), dtype=np.float32)
    for one in others:
        np.maximum(nearest, weighed(one, even) @ table[one.places], out=nearest)
    return nearest
