"""The sampler, in numpy: logits to the next token by penalties, then greedy or top-p and a draw.

Does what llama.cpp's chain of samplers does, in its order (penalties, top-k, top-p, min-p,
temperature, draw), without copying a whole vocabulary for each token. Pure: knows arrays and
settings; must not know an engine, a text or a grammar.
"""

from __future__ import annotations

import math
import re
from collections import Counter, deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penjing.core.errors import BadInput
from penjing.core.messages import GenerationSettings
from penjing.engine.watermark import MOST_KEYS, TextMark

Row = npt.NDArray[np.float32]

_WINDOW = 64  # written tokens that penalties look back on
_BLOCK = 128  # a vocabulary is searched by the maxima of blocks
_SECRET = re.compile("[0-9a-f]{64}")
_MOST_TOP = 100
_MOST_STOPS = 64
_LONGEST_STOP = 1000
_MOST_BIASES = 1024


@dataclass(frozen=True)
class Likely:
    """How likely the model held a token, before any setting."""

    logprob: float
    """Of the token itself."""
    top: tuple[tuple[int, float], ...]
    """The likeliest tokens in its place, likeliest first."""


def require_sane(settings: GenerationSettings) -> None:
    """Raise BadInput for numbers that no choice can be made with."""
    _within("max_tokens", settings.max_tokens, 0 if settings.prompt_logprobs else 1, 2**31 - 1)
    _within("temperature", settings.temperature, 0, 100)
    _within("top_k", settings.top_k, 0, 2**31 - 1)
    _within("top_p", settings.top_p, 0, 1)
    _within("min_p", settings.min_p, 0, 1)
    _within("repeat_penalty", settings.repeat_penalty, 0.01, 100)
    _within("frequency_penalty", settings.frequency_penalty, -100, 100)
    _within("presence_penalty", settings.presence_penalty, -100, 100)
    _within("top_logprobs", settings.top_logprobs or 0, 0, _MOST_TOP)
    if len(settings.logit_bias) > _MOST_BIASES:
        raise BadInput(f"logit_bias names over {_MOST_BIASES} tokens: use fewer")
    for token, bias in settings.logit_bias:
        _within(f"logit_bias of token {token}", bias, -100, 100)
    if len(settings.mark) > MOST_KEYS or not all(_SECRET.fullmatch(one) for one in settings.mark):
        raise BadInput(f"a mark takes 1 to {MOST_KEYS} secrets of 64 hexadecimal digits each")
    if len(settings.stop) > _MOST_STOPS or any(len(s) > _LONGEST_STOP for s in settings.stop):
        raise BadInput(
            f"stop has over {_MOST_STOPS} strings or one over {_LONGEST_STOP} characters: use fewer"
        )


def _within(name: str, value: float, least: float, most: float) -> None:
    if not (math.isfinite(value) and least <= value <= most):
        raise BadInput(f"{name} is {value}: it must be {least} to {most}")


class Chooser:
    """One answer's way of choosing. It remembers what was written; `accept` each token."""

    def __init__(self, settings: GenerationSettings) -> None:
        require_sane(settings)
        self._settings = settings
        self._random = np.random.Generator(np.random.PCG64(settings.seed))
        self._window: deque[int] = deque(maxlen=_WINDOW)
        self._penalties = (
            settings.repeat_penalty != 1.0
            or settings.frequency_penalty != 0.0
            or settings.presence_penalty != 0.0
        )
        self._mark = TextMark(settings.mark) if settings.mark else None
        self._biased = np.array([token for token, _ in settings.logit_bias], np.intp)
        self._biases = np.array([bias for _, bias in settings.logit_bias], np.float32)

    def penalize(self, row: Row) -> None:
        """Add the biases to a row and take the penalties off, in place: once for each token."""
        if len(self._biased):
            np.add.at(row, self._biased, self._biases)
        if not self._penalties or not self._window:
            return
        counts = Counter(self._window)
        tokens = np.fromiter(counts.keys(), np.intp, len(counts))
        times = np.fromiter(counts.values(), np.float32, len(counts))
        logits = row[tokens]
        repeat = np.float32(self._settings.repeat_penalty)
        logits = np.where(logits <= 0, logits * repeat, logits / repeat)
        logits -= times * self._settings.frequency_penalty + self._settings.presence_penalty
        row[tokens] = logits

    def choose(self, row: Row) -> int:
        """The next token of a row that was penalized."""
        if self._settings.temperature <= 0:
            return int(row.argmax())
        tokens, share = self.candidates(row)
        chances = np.cumsum(self._mark.reweigh(tokens, share) if self._mark else share)
        drawn = np.searchsorted(chances, self._random.random() * chances[-1], side="right")
        return int(tokens[min(int(drawn), len(tokens) - 1)])

    def candidates(self, row: Row) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
        """What is drawn from, likeliest first, and the probabilities, of a row that was penalized.

        A mark changes these, in the mean over keys not at all.
        """
        settings = self._settings
        tokens, logits = _candidates(row, settings.top_k or len(row))
        if settings.top_p < 1:
            probabilities = _softmax(logits)
            # the token that crosses top_p is still kept
            keep = int(np.searchsorted(np.cumsum(probabilities), settings.top_p)) + 1
            tokens, logits = tokens[:keep], logits[:keep]
        if settings.min_p > 0:
            keep = int((logits >= logits[0] + np.log(settings.min_p)).sum())
            tokens, logits = tokens[:keep], logits[:keep]
        return tokens, _softmax(logits / max(settings.temperature, 1e-4))

    def accept(self, token: int) -> None:
        """Remember what was written."""
        self._window.append(token)
        if self._mark:
            self._mark.accept(token)


def likely(row: Row, token: int, count: int) -> Likely:
    """Log-probabilities of a token and of the `count` likeliest, from an untouched row."""
    top = row.max()
    total = float(top) + math.log(float(np.exp(row - top).sum(dtype=np.float64)))
    tokens, logits = _candidates(row, count) if count else (np.empty(0, np.intp), row[:0])
    others = zip(tokens.tolist(), logits.tolist(), strict=True)
    return Likely(float(row[token]) - total, tuple((other, x - total) for other, x in others))


def _candidates(row: Row, count: int) -> tuple[npt.NDArray[np.intp], Row]:
    """The `count` likeliest tokens and their logits, likeliest first; equals by number."""
    blocks = len(row) // _BLOCK
    if count < blocks:
        # the count-th largest maximum of all blocks is reached by at least `count` tokens
        maxima = row[: blocks * _BLOCK].reshape(blocks, _BLOCK).max(1)
        least = np.partition(maxima, blocks - count)[blocks - count]
        tokens = np.flatnonzero(row >= least)
    else:
        tokens = np.arange(len(row))
    logits = row[tokens]
    order = np.argsort(-logits, kind="stable")[:count]
    tokens, logits = tokens[order], logits[order]
    real = int(np.isfinite(logits).sum())  # what a grammar forbids is minus infinity
    return tokens[:real], logits[:real]


def _softmax(logits: Row) -> npt.NDArray[np.float64]:
    exponentials = np.exp((logits - logits[0]).astype(np.float64))
    share: npt.NDArray[np.float64] = exponentials / exponentials.sum()
    return share
