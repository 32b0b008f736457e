"""What means the same: all vectors of a person in memory, looked through for each question.

One bit a number finds the candidates (signs after the mean is taken off: these models' vectors all
point much the same way), the eight-bit codes weigh them. 452 bytes a passage, 45 MB for 100,000;
benchmarks/knowledge.py says how often the best are among the candidates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from penjing.knowledge.index.codes import CodedVectors, unpack

EXACT = 4096
"""Up to so many vectors every one is weighed."""
CANDIDATES = 2000
"""Beyond that, so many."""
_BLOCK = 8192


@dataclass(frozen=True)
class Near:
    """An excerpt that means something like the question."""

    number: int
    """What the store calls it."""
    cosine: float
    """Of the angle between the two vectors."""


class DenseIndex:
    """Vectors of some documents. Not for use by two threads at once."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._spans: dict[str, tuple[int, int]] = {}
        self._numbers = np.empty(0, np.int64)
        self._coded = CodedVectors(np.empty((0, dimension), np.int8), np.empty(0, np.float32))
        self._mean = np.zeros(dimension, np.float32)
        self._signs = np.empty((-(-dimension // 64), 0), np.uint64)  # whole words of 64 signs
        self._order = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def documents(self) -> frozenset[str]:
        """Whose vectors are in it."""
        return frozenset(self._spans)

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        coded = (self._coded.codes, self._coded.scales)
        arrays = (self._numbers, self._order, *coded, self._signs)
        return sum(array.nbytes for array in arrays)

    def change(
        self, gone: frozenset[str], new: Iterable[tuple[str, Sequence[tuple[int, bytes]]]]
    ) -> None:
        """Leave out some documents and take in others, one by one: numbers, packed vectors."""
        kept = {one: span for one, span in self._spans.items() if one not in gone}
        numbers = [self._numbers[first:last] for first, last in kept.values()]
        codes = [self._coded.codes[first:last] for first, last in kept.values()]
        scales = [self._coded.scales[first:last] for first, last in kept.values()]
        sizes = {one: last - first for one, (first, last) in kept.items()}
        for document, pairs in new:
            coded = unpack([vector for _, vector in pairs], self._dimension)
            numbers.append(np.array([number for number, _ in pairs], np.int64))
            codes.append(coded.codes)
            scales.append(coded.scales)
            sizes[document] = len(pairs)
        self._numbers = np.concatenate([*numbers, np.empty(0, np.int64)])
        self._coded = CodedVectors(
            np.concatenate([*codes, np.empty((0, self._dimension), np.int8)]),
            np.concatenate([*scales, np.empty(0, np.float32)]),
        )
        ends = np.cumsum([0, *sizes.values()]).tolist()
        self._spans = dict(zip(sizes, pairwise(ends), strict=True))
        self._order = np.argsort(self._numbers)
        self._sign()

    def search(self, query: npt.NDArray[np.float32], limit: int) -> list[Near]:
        """The nearest, nearest first."""
        rows = self._candidates(query)
        cosines = self._cosines(query, rows)
        best = np.argsort(-cosines, kind="stable")[:limit]
        return [Near(int(self._numbers[rows[at]]), float(cosines[at])) for at in best.tolist()]

    def cosines(self, query: npt.NDArray[np.float32], numbers: Sequence[int]) -> dict[int, float]:
        """How near these are; those not in the index are left out."""
        if not len(self):
            return {}
        wanted = np.array(numbers, np.int64)
        at = np.searchsorted(self._numbers, wanted, sorter=self._order)
        rows = self._order[np.minimum(at, len(self) - 1)]
        rows = rows[self._numbers[rows] == wanted]
        found = self._cosines(query, rows)
        return dict(zip(self._numbers[rows].tolist(), found.tolist(), strict=True))

    def _candidates(self, query: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        if len(self) <= EXACT:
            return np.arange(len(self))
        apart = np.zeros(len(self), np.uint16)
        for ours, theirs in zip(self._signs, _signs(query[None] - self._mean), strict=True):
            apart += np.bitwise_count(ours ^ theirs)
        return np.argpartition(apart, CANDIDATES)[:CANDIDATES]

    def _cosines(
        self, query: npt.NDArray[np.float32], rows: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        floats = self._coded.codes[rows].astype(np.float32)
        # not BLAS, whose threads would keep every core busy for longer than this takes
        dots: npt.NDArray[np.float32] = np.einsum("ij,j->i", floats, query)
        return dots * self._coded.scales[rows]

    def _sign(self) -> None:
        """The mean, and on which side of it each number lies."""
        if len(self) <= EXACT:
            self._signs = self._signs[:, :0]
            return
        self._signs = np.empty((len(self._signs), len(self)), np.uint64)
        total = np.zeros(self._dimension, np.float64)
        for first in range(0, len(self), _BLOCK):
            total += self._floats(first).sum(axis=0)
        self._mean = (total / len(self)).astype(np.float32)
        for first in range(0, len(self), _BLOCK):
            floats = self._floats(first)
            self._signs[:, first : first + len(floats)] = _signs(floats - self._mean)

    def _floats(self, first: int) -> npt.NDArray[np.float32]:
        scales = self._coded.scales[first : first + _BLOCK, None]
        floats: npt.NDArray[np.float32] = self._coded.codes[first : first + _BLOCK] * scales
        return floats


def _signs(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.uint64]:
    """One bit a number: [words of 64, vectors]."""
    bits = np.packbits(vectors > 0, axis=1)
    room = -bits.shape[1] % 8
    words: npt.NDArray[np.uint64] = np.pad(bits, ((0, 0), (0, room))).view(np.uint64).T
    return words
