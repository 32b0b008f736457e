"""What holds the words: BM25 (Robertson and others, 1994) with SQLite's constants.

The store's index says where words stand; lengths are in memory, 12 bytes a passage.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from penjing.core.history import Mark

MOST_PLACES = 6_000
"""Places weighed for one question: frequent words are left out where rare ones fill it."""
_K1, _B = 1.2, 0.75


class WordIndex:
    """Lengths of the excerpts of some documents. Not for use by two threads at once."""

    def __init__(self) -> None:
        self._lengths: dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]] = {}
        self._numbers = np.empty(0, np.int64)
        self._weights = np.empty(0, np.float32)

    @property
    def documents(self) -> frozenset[str]:
        """Whose excerpts are in it."""
        return frozenset(self._lengths)

    def leave(self, document: str) -> None:
        """Leave out a document."""
        del self._lengths[document]

    def take(self, document: str, marks: Sequence[Mark]) -> None:
        """Take in a document."""
        numbers = np.array([mark.number for mark in marks], np.int64)
        self._lengths[document] = numbers, np.array([mark.length for mark in marks], np.float32)

    def settle(self) -> None:
        """After documents came or went."""
        every = list(self._lengths.values())
        numbers = np.concatenate([*(one for one, _ in every), np.empty(0, np.int64)])
        lengths = np.concatenate([*(one for _, one in every), np.empty(0, np.float32)])
        order = np.argsort(numbers)
        self._numbers = numbers[order]
        mean = max(float(lengths.mean()) if len(lengths) else 1.0, 1.0)
        self._weights = (_K1 * (1 - _B + _B * lengths[order] / mean)).astype(np.float32)

    def search(self, places: Sequence[Sequence[int]], limit: int) -> list[int]:
        """The best excerpts, best first, by where each word stands."""
        count = len(self._numbers)
        scores = np.zeros(count, np.float64)
        for numbers in places if count else ():
            wanted = np.array(numbers, np.int64)
            at = np.minimum(np.searchsorted(self._numbers, wanted), count - 1)
            rows, times = np.unique(at[self._numbers[at] == wanted], return_counts=True)
            rarity = max(np.log((count - len(rows) + 0.5) / (len(rows) + 0.5)), 1e-6)
            scores[rows] += rarity * times * (_K1 + 1) / (times + self._weights[rows])
        found = np.flatnonzero(scores)
        best = found[np.argsort(-scores[found], kind="stable")[:limit]]
        return [int(number) for number in self._numbers[best]]
