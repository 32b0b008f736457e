"""A linear support vector machine, one class against the rest, for many classes at once. Numpy.

Dual coordinate descent over samples (Hsieh et al. 2008, algorithm 1, squared hinge): a step solves
for one sample exactly, and for all classes together as vectors. Deterministic: the order of
samples is seeded. Knows nothing of words and intents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float32]
    Integers = npt.NDArray[np.int64]

_SEED = 12


@dataclass(frozen=True)
class Rows:
    """Sparse samples, one after the other."""

    starts: Integers
    """[samples + 1] where each begins."""
    places: Integers
    """Column of each value; within a sample no column twice."""
    values: Matrix
    labels: Integers
    """The class of each."""

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass
class Solution:
    """What was found so far; `descend` goes on from here in place."""

    weights: Matrix
    """[columns, classes]"""
    alpha: Matrix
    """[samples, classes], the dual."""


def nothing(rows: Rows, columns: int, classes: int) -> Solution:
    """Where a descent begins."""
    import numpy as np

    return Solution(
        np.zeros((columns, classes), dtype=np.float32),
        np.zeros((len(rows), classes), dtype=np.float32),
    )


def descend(found: Solution, rows: Rows, cost: Matrix, epochs: int, chosen: Integers) -> None:
    """Go over the chosen samples so many times. `cost` is C of each sample."""
    import numpy as np

    classes = found.weights.shape[1]
    signs = (2 * np.eye(classes) - 1).astype(np.float32)
    diagonal = (0.5 / cost).astype(np.float32)
    lengths = squares(rows) + diagonal
    random = np.random.default_rng(_SEED)
    for _ in range(epochs):
        for one in random.permutation(chosen):
            part = slice(rows.starts[one], rows.starts[one + 1])
            places, values, sign = rows.places[part], rows.values[part], signs[rows.labels[one]]
            before = found.alpha[one]
            weights = found.weights.take(places, axis=0)
            slope = (values @ weights) * sign
            slope += diagonal[one] * before
            slope -= 1
            after = np.maximum(before - slope / lengths[one], 0)
            weights += values[:, None] * ((after - before) * sign)
            found.weights[places] = weights
            found.alpha[one] = after


def without(found: Solution, rows: Rows, away: Integers) -> Solution:
    """The same as if some samples had not been there yet; a start for a descent over the others."""
    import numpy as np

    signs = (2 * np.eye(found.weights.shape[1]) - 1).astype(np.float32)
    left = Solution(found.weights.copy(), found.alpha.copy())
    for one in away:
        part = slice(rows.starts[one], rows.starts[one + 1])
        gone = found.alpha[one] * signs[rows.labels[one]]
        left.weights[rows.places[part]] -= rows.values[part][:, None] * gone
        left.alpha[one] = 0
    return left


def squares(rows: Rows) -> Matrix:
    """The squared length of each sample."""
    import numpy as np

    sums = np.concatenate([[0.0], np.cumsum(rows.values.astype(np.float64) ** 2)])
    return np.asarray(sums[rows.starts[1:]] - sums[rows.starts[:-1]], dtype=np.float32)


def scores(weights: Matrix, rows: Rows, chosen: Integers) -> Matrix:
    """[chosen, classes]"""
    import numpy as np

    found = np.empty((len(chosen), weights.shape[1]), dtype=np.float32)
    for place, one in enumerate(chosen):
        part = slice(rows.starts[one], rows.starts[one + 1])
        found[place] = rows.values[part] @ weights[rows.places[part]]
    return found
