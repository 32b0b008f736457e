"""SynthID-Text: a distortion-free watermark of what is drawn, by tournaments a key decides.

Dathathri et al., Scalable watermarking for identifying large language model outputs, Nature 634
(2024), non-distortionary two-way tournament; hashed as transformers' own processor does it, which
is what the tests hold it to. For whoever does not know the key the next token is drawn with the
model's own probabilities; a context that comes back is not marked again. Pure: knows tokens and
probabilities; must not know an engine or a text.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

DEPTH = 30
"""Rounds of each tournament."""
CONTEXT = 4
"""Tokens before it that decide, with the key, what a token is worth."""
MOST_KEYS = 2
_TABLE = 2**16
_MULTIPLIER = np.uint64(6364136223846793005)
_ONE = np.uint64(1)
_REMEMBERED = 1024

Keys = npt.NDArray[np.uint64]
Worth = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float64]


@lru_cache(maxsize=8)
def depth_keys(secrets: tuple[str, ...]) -> Keys:
    """A key for each round [DEPTH]. Of two secrets each has every other round, to be read alone.

    Secrets are hexadecimal.
    """
    keys = np.empty(DEPTH, np.uint64)
    for place, secret in enumerate(secrets):
        mine = range(place, DEPTH, len(secrets))
        stream = hashlib.shake_256(b"penjing text mark 1" + bytes.fromhex(secret))
        drawn = np.frombuffer(stream.digest(8 * len(mine)), "<u8")
        keys[place :: len(secrets)] = drawn >> np.uint64(1)  # as a signed number, too
    return keys


def rounds_of(secret: int, secrets: int) -> slice:
    """The rounds that a secret decides, by its place among them."""
    return slice(secret, DEPTH, secrets)


@lru_cache(maxsize=1)
def table() -> Worth:
    """What a hash is worth, 0 or 1: as many of each as chance gives."""
    return np.random.default_rng(0).integers(0, 2, _TABLE, np.uint8)


def worth(keys: Keys, contexts: npt.NDArray[np.uint64], tokens: npt.NDArray[np.uint64]) -> Worth:
    """What tokens are worth [tokens, DEPTH] after hashed contexts: one for all, or one for each."""
    whole = _step(contexts, tokens)
    found: Worth = table()[_step(whole[..., None], keys) % np.uint64(_TABLE)]
    return found


def hashed(context: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Hashes [n] of contexts [n, CONTEXT]."""
    found = np.ones(len(context), np.uint64)
    for place in range(context.shape[1]):
        found = _step(found, context[:, place])
    return found


def tournament(probabilities: Probabilities, worths: Worth) -> Probabilities:
    """What is drawn from when `worths` [tokens, DEPTH] decide: the same in the mean over keys."""
    drawn = probabilities
    for one in worths.T:
        drawn = drawn * (1 + one - float(one @ drawn))
    return drawn


class TextMark:
    """One answer's mark. `accept` each token that was written."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = depth_keys(tuple(secrets))
        self._context: deque[int] = deque(maxlen=CONTEXT)
        self._seen: deque[int] = deque(maxlen=_REMEMBERED)

    def reweigh(self, tokens: npt.NDArray[np.intp], probabilities: Probabilities) -> Probabilities:
        """What to draw from in the place of `probabilities`.

        The first tokens of an answer have too little before them, and one context decides once:
        answers that begin alike, and loops, would be drawn alike each time.
        """
        if len(self._context) < CONTEXT:
            return probabilities
        context = hashed(np.array([self._context], np.uint64))
        if int(context[0]) in self._seen:
            return probabilities
        self._seen.append(int(context[0]))
        return tournament(probabilities, worth(self._keys, context, tokens.astype(np.uint64)))

    def accept(self, token: int) -> None:
        """Go on after a token."""
        self._context.append(token)


def _step(current: npt.NDArray[np.uint64], data: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """One step of a linear congruential generator, modulo 2^64."""
    with np.errstate(over="ignore"):
        return (current + data) * _MULTIPLIER + _ONE
