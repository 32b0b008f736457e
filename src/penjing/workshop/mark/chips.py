"""Spread spectrum: a code of 64 bits as many small signs, and how sure one is of having met it.

Each marked weight has a chip, a sign that only the key knows, and belongs to one bit of the code;
it was moved in the direction chip x bit. Whoever does not know the key moves weights in directions
that have nothing to do with the chips, so that for any file made without it the sum of chip x
movement is a sum of fair signs, whose tail Hoeffding (1963) bounds: the p-value holds whatever was
done to the file. Must not know what a weight is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import comb, log, log10

import numpy as np
import numpy.typing as npt

BITS = 64
MOST = 1.5
"""A movement counts for so many of the steps that were made, at most: no weight decides alone."""
SURE = -9.0
"""log10 of the p-value below which a mark is said to be there."""

Signs = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Reading:
    """What was found of a code."""

    code: int
    """The likeliest 64 bits."""
    matching: int
    """How many of them are those of the code that was written."""
    log10_p: float
    """Chance that a file without the mark agrees with the code so well, at most; its logarithm."""
    log10_p_bits: float
    """The same by the number of matching bits alone: so many of 64 throws of a coin."""
    weights: int
    """Marked weights that could be looked at."""
    strength: float
    """Mean movement in the written direction; 1 where every weight is as it was written."""

    @property
    def found(self) -> bool:
        """Whether the mark is there."""
        return self.log10_p < SURE


def chips(key: bytes, count: int) -> Signs:
    """The signs of `count` marked weights."""
    stream = hashlib.shake_256(b"penjing mark 1: chips" + key).digest(-(-count // 8))
    bits = np.unpackbits(np.frombuffer(stream, np.uint8))[:count]
    return (bits.astype(np.int8) * 2 - 1).astype(np.int8)


def signs_of(code: int) -> Signs:
    """The bits of a code as +1 and -1, the lowest first."""
    return np.array([1 if code >> bit & 1 else -1 for bit in range(BITS)], np.int8)


def directions(key: bytes, code: int, count: int) -> Signs:
    """Where each marked weight is moved. The weight of place n belongs to bit n mod 64."""
    return chips(key, count) * np.resize(signs_of(code), count)


def read(key: bytes, code: int, moved: npt.NDArray[np.float64]) -> Reading:
    """Look for a code in how far weights moved.

    `moved` [weights] is in steps, up positive; not a number where a weight could not be looked at.
    """
    seen = np.isfinite(moved)
    there = np.where(seen, np.clip(np.nan_to_num(moved), -MOST, MOST), 0.0)
    heard = there * chips(key, len(moved))
    sums = np.bincount(np.arange(len(moved)) % BITS, heard, BITS)
    found = sum(1 << bit for bit in range(BITS) if sums[bit] > 0)
    agreed = float(sums @ signs_of(code))
    energy = float(there @ there)
    matching = int(BITS - (found ^ code).bit_count())
    return Reading(
        code=found,
        matching=matching,
        log10_p=-(agreed**2) / (2 * energy) / log(10) if agreed > 0 and energy > 0 else 0.0,
        log10_p_bits=log10(sum(comb(BITS, k) for k in range(matching, BITS + 1)) / 2**BITS),
        weights=int(seen.sum()),
        strength=agreed / max(1, int(seen.sum())),
    )
