"""Watermark detector: whether tokens were drawn with a key, or whether nobody could tell.

The mean worth of tokens (`watermark.py`), the first rounds weighted most, as in the paper; each
n-gram counts once. Text that left the model no choice carries nothing: how much a text *could* show
is computed from the model's own probabilities, and too little of it is an answer of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from penjing.engine.watermark import (
    CONTEXT,
    DEPTH,
    Probabilities,
    depth_keys,
    hashed,
    rounds_of,
    tournament,
    worth,
)

FALSE_POSITIVES = 0.01
_Z = 2.3263
"""Of the normal distribution, above which 1% lies."""
_POWER = 1.2816
"""90% of marked texts reach what is expected of them less this."""
_LEAST = 10
"""Tokens, or nothing is said."""
_TRIES = 4

Verdict = Literal["marked", "not marked", "not enough entropy to tell"]


@dataclass(frozen=True)
class TextReading:
    """What was found in a text."""

    z: float
    """Standard deviations above a text without the mark."""
    log10_p: float
    """Chance of so much in a text without the mark; its logarithm."""
    tokens: int
    """That could say something: each n-gram once."""
    expected_z: float | None
    """What a marked text of so much choice would have in the mean; None where it is not known."""

    @property
    def verdict(self) -> Verdict:
        """Marked at 1% false alarms; else not, if nine of ten marked texts would have shown it."""
        if self.tokens < _LEAST:
            return "not enough entropy to tell"
        if self.z > _Z:
            return "marked"
        known = self.expected_z is not None and self.expected_z >= _Z + _POWER
        return "not marked" if known else "not enough entropy to tell"


def read_text(
    tokens: Sequence[int],
    secrets: Sequence[str],
    *,
    which: int | None = None,
    drawn_from: Iterable[tuple[npt.NDArray[np.intp], Probabilities]] | None = None,
) -> TextReading:
    """Look for the mark of `secrets`, or of the one numbered `which` alone, in a text's tokens.

    `drawn_from` has for each token the candidates and their probabilities, as the sampler had them.
    """
    keys = depth_keys(tuple(secrets))
    rounds = slice(None) if which is None else rounds_of(which, len(secrets))
    weights = _weights()[rounds]
    places, contexts = _places(tokens)
    if not len(places):
        return TextReading(0.0, 0.0, 0, None)
    last = np.array(tokens, np.uint64)[places]
    found = worth(keys, contexts, last)[:, rounds]
    spread = math.sqrt(len(places) * float(weights @ weights) / 4)
    z = float(((found - 0.5) @ weights).sum()) / spread
    expected = None
    if drawn_from is not None:
        rows = list(drawn_from)
        sums = [_expected(rows[place], len(keys), rounds) for place in places]
        expected = sum(sums) / spread
    return TextReading(z, _log10_tail(z), len(places), expected)


def _weights() -> npt.NDArray[np.float64]:
    """Of each round: the first decides most, for later ones have less choice left."""
    return np.linspace(10, 1, DEPTH)


def _places(
    tokens: Sequence[int],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint64]]:
    """Tokens whose context is whole and new, and the hashes of these contexts."""
    every = np.array(tokens, np.uint64)
    if len(every) <= CONTEXT:
        return np.empty(0, np.intp), np.empty(0, np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(every, CONTEXT)[:-1]
    hashes = hashed(windows)
    _, first = np.unique(hashes, return_index=True)
    first = np.sort(first)
    return first + CONTEXT, hashes[first]


def _expected(row: tuple[npt.NDArray[np.intp], Probabilities], depth: int, rounds: slice) -> float:
    """What a token would add in the mean, had it been drawn with a key like these: by trying some.

    The keys tried have nothing to do with those that are looked for.
    """
    tokens, probabilities = row
    weights, total = _weights()[rounds], 0.0
    noise = np.random.default_rng(int(tokens[0]) + len(tokens))
    for _ in range(_TRIES):
        tried = noise.integers(0, 2, (len(tokens), depth), np.uint8)
        drawn = tournament(probabilities, tried)
        total += float(drawn @ (tried[:, rounds] - 0.5) @ weights)
    return total / _TRIES


def _log10_tail(z: float) -> float:
    """Of the normal distribution above z."""
    if z < 30:
        return math.log10(max(math.erfc(z / math.sqrt(2)) / 2, 1e-300))
    return -(z * z / 2 + math.log(z * math.sqrt(2 * math.pi))) / math.log(10)
