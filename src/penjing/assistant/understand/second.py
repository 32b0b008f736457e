"""An opinion from vectors of sentences: the nearest middle of an intent. Pure, numpy.

Such vectors all point in much the same direction. They are centred, and what varies within an
intent is pressed together: a linear discriminant (Fisher), whose covariance is mostly a multiple of
one, because samples are few. Then cosines with the middle of each class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float32]
    Integers = npt.NDArray[np.int64]

_ROUND = 0.6
"""How far the covariance within classes is drawn to a multiple of one."""


@dataclass(frozen=True)
class Middles:
    """What was learnt."""

    press: Matrix
    """[dimension, dimension]"""
    centre: Matrix
    """[dimension] of all samples, pressed."""
    middles: Matrix
    """[dimension, classes] of length 1; 0 for a class without samples."""

    def scores(self, vectors: Matrix) -> Matrix:
        """[sentences, classes] cosines; 0 of a vector that is 0."""
        known = vectors.any(axis=1, keepdims=True)
        return _normal((vectors @ self.press - self.centre) * known) @ self.middles


def _normal(vectors: Matrix) -> Matrix:
    """Each of length 1, or 0."""
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), dtype=np.float32)


def middles(vectors: Matrix, labels: Integers, classes: int) -> Middles:
    """Learn from vectors and their classes."""
    import numpy as np

    exact = vectors.astype(np.float64)
    sizes = np.maximum(np.bincount(labels, minlength=classes), 1)
    belong = np.zeros((classes, len(labels)))
    belong[labels, np.arange(len(labels))] = 1 / sizes[labels]
    apart = exact - (belong @ exact)[labels]
    within = apart.T @ apart / len(labels)
    size = np.trace(within) / len(within)
    if size <= 0:  # one sample of each class: nothing varies
        within, size = np.eye(len(within)), 1.0
    spread, turn = np.linalg.eigh((1 - _ROUND) * within + _ROUND * size * np.eye(len(within)))
    press = ((turn / np.sqrt(spread)) @ turn.T).astype(np.float32)
    centre = np.asarray(exact.mean(axis=0) @ press, dtype=np.float32)
    placed = _normal(vectors @ press - centre)
    return Middles(press, centre, _normal((belong @ placed).astype(np.float32)).T.copy())
