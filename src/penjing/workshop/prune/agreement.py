"""How often two models with different vocabularies think the same token most likely.

Both read the same text, each cut by its own tokenizer; predictions are compared where both have
read the same bytes, and where the other has no boundary it counts as another opinion. Only the
second half of a window is scored, as everywhere. Must not know how a vocabulary was chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from penjing.core.progress import Progress
from penjing.evaluation.statistics import Estimate, share

_SAID = "the same text before and after"


class Reader(Protocol):
    """What is asked of a running model."""

    def tokenize(self, text: str, *, special: bool = False, bos: bool = True) -> list[int]:
        """Token ids of a text."""
        ...

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """The bytes of one token."""
        ...

    def score(self, tokens: Sequence[int]) -> npt.NDArray[np.float32]:
        """Logits [tokens, vocabulary]."""
        ...


@dataclass(frozen=True)
class Agreement:
    """What two models say of a text."""

    same_top: Estimate
    """Share of positions of the first whose most likely token is the same in the second."""
    same_so_far: float | None
    """The same where both had cut all of the window alike until there; None: nowhere."""
    positions: int
    """Scored."""
    cut_alike: float
    """Share of the cuts that either tokenizer makes which both make."""


@dataclass(frozen=True, eq=False)
class _Read:
    """One model's reading of one window."""

    ends: npt.NDArray[np.int64]
    """Bytes read up to every position."""
    tops: list[bytes]
    """The bytes of the token it thinks most likely next, at each."""


def agreement(
    before: Reader, after: Reader, windows: Sequence[str], progress: Progress
) -> Agreement:
    """Read `windows` with both models; each is a text of at most a context."""
    rows: list[list[bool]] = []
    clean: list[bool] = []
    alike = total = 0
    with progress.task(_SAID, len(windows), unit="windows") as task:
        for text in windows:
            one, other = _read(before, text), _read(after, text)
            rows.append(_same(one, other))
            clean += rows[-1][: max(0, _alike(one, other) - len(one.tops) // 2)]
            alike += len(np.intersect1d(one.ends, other.ends))
            total += len(np.union1d(one.ends, other.ends))
            task.advance(1)
    least = min(map(len, rows))
    table = np.array([row[-least:] for row in rows])
    clear = sum(clean) / len(clean) if clean else None
    return Agreement(share(table), clear, table.size, alike / total)


def _same(one: _Read, other: _Read) -> list[bool]:
    """Of the second half of what `one` read, whether the other thinks the same."""
    said = dict(zip(other.ends.tolist(), other.tops, strict=True))
    half = len(one.tops) // 2
    pairs = zip(one.ends[half:].tolist(), one.tops[half:], strict=True)
    return [said.get(end) == top for end, top in pairs]


def _alike(one: _Read, other: _Read) -> int:
    """How many tokens from the start both cut alike."""
    pairs = zip(one.ends.tolist(), other.ends.tolist(), strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), len(one.ends))


def _read(model: Reader, text: str) -> _Read:
    tokens = model.tokenize(text)
    ends = np.cumsum([len(model.piece(token)) for token in tokens], dtype=np.int64)
    tops = model.score(tokens).argmax(-1).tolist()
    return _Read(ends, [model.piece(token, special=True) for token in tops])
