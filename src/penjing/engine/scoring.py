"""Prompt log-probabilities: how likely the model held each token of a text that it was given.

A text is read in the pieces that `LanguageModel.score` reads it in, one at a time, so that answers
being written beside it go on between them, and the numbers are the same. Knows tokens; must not
know who is served.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from penjing.core.messages import TokenLogprob
from penjing.engine.sampler import Likely, likely

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Scorer(Protocol):
    """What reads a text and spells its tokens."""

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """The bytes of one token."""
        ...

    def score_pieces(self, tokens: Sequence[int]) -> Iterator[npt.NDArray[np.float32]]:
        """Logits [some tokens, vocabulary], piece by piece; each overwrites the one before."""
        ...

    def end_scoring(self) -> None:
        """Give back the memory that it took. Harmless where it took none."""
        ...


class Scoring:
    """One text being scored. `step` until it is over."""

    def __init__(self, model: Scorer, tokens: Sequence[int], top: int) -> None:
        self._model, self._tokens, self._top = model, tuple(tokens), top
        self._pieces: Iterator[npt.NDArray[np.float32]] | None = None
        self.found: list[TokenLogprob] = []
        """Of each token so far; the first follows nothing and has 0."""

    @property
    def over(self) -> bool:
        """Every token has its number."""
        return len(self.found) == len(self._tokens)

    def restart(self) -> None:
        """Begin again: somebody else uses the memory by now."""
        self._pieces = None
        self.found.clear()

    def step(self) -> None:
        """Read one more piece."""
        if self._pieces is None:
            self._pieces = self._model.score_pieces(self._tokens)
            self._note(self._tokens[0], Likely(0.0, ()))
        for row in next(self._pieces):
            if self.over:  # the last row predicts what is not there
                return
            token = self._tokens[len(self.found)]
            self._note(token, likely(row, token, self._top))

    def _note(self, token: int, found: Likely) -> None:
        top = tuple((self._model.piece(one, special=True), logprob) for one, logprob in found.top)
        self.found.append(TokenLogprob(self._model.piece(token, special=True), found.logprob, top))
