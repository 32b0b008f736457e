"""Counted features as weighted ones: what stands in every sentence says little. Pure, numpy.

TF-IDF: the count times the logarithm of how rare the feature is among samples. Words and letters
weigh the same: each half has the same length, whatever the sentence. What no sample has counts in
the length as well: a sentence half unknown is like an intent only by half.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from penjing.assistant.understand.features import PART, PLACES, Counted
from penjing.assistant.understand.svm import Rows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float32]

_SHARES = (0.25, 0.35, 0.4)
"""Of words, of pairs, of letters in the squared length of a sentence."""


def rarity(many: Sequence[Counted]) -> Matrix:
    """[PLACES] what a feature weighs by how many samples have it; unseen as seen once."""
    import numpy as np

    seen = np.zeros(PLACES)
    for one in many:
        seen[one.places] += 1
    weights = np.log((1 + len(many)) / (1 + np.maximum(seen, 1))) + 1
    return np.asarray(weights, dtype=np.float32)


def weighed(one: Counted, rare: Matrix) -> Matrix:
    """The values of one sentence, length 1."""
    import numpy as np

    values = one.counts * rare[one.places]
    borders = np.searchsorted(one.places, (PART, 2 * PART))
    for part, share in zip(np.split(values, borders), _SHARES, strict=True):
        length = float(part @ part)
        if length > 0:
            part *= np.float32((share / length) ** 0.5)
    return values


def rows_of(many: Sequence[Counted], rare: Matrix) -> Rows:
    """All of them, one after the other."""
    import numpy as np

    starts = np.cumsum([0, *(len(one.places) for one in many)])
    places = np.concatenate([one.places for one in many])
    values = np.concatenate([weighed(one, rare) for one in many])
    return Rows(starts, places, values)


def nearness(some: Sequence[Counted], others: Sequence[Counted]) -> Matrix:
    """[some] how like the likest of the others each is, from 0 to 1; whatever is rare."""
    import numpy as np

    even = np.ones(PLACES, dtype=np.float32)
    table = np.zeros((PLACES, len(some)), dtype=np.float32)
    for place, one in enumerate(some):
        table[one.places, place] = weighed(one, even)
    nearest = np.zeros(len(some), dtype=np.float32)
    for one in others:
        np.maximum(nearest, weighed(one, even) @ table[one.places], out=nearest)
    return nearest
