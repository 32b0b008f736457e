"""A model that is a table: the logits after a token are that token's row. Everything is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from penjing.core.messages import Chunk, GenerationSettings, Message


class TableModel:
    """Tokens are the characters' code points modulo the vocabulary; 0 starts a text if wanted."""

    def __init__(
        self,
        table: npt.ArrayLike,
        *,
        name: str = "table",
        context: int = 4096,
        starts: bool = True,
        shift: int = 0,
    ) -> None:
        self.table = np.asarray(table, dtype=np.float32)
        self.name = name
        self.context_length = context
        self.starts = starts
        self.shift = shift
        self.read: list[list[int]] = []
        self.tokenized = 0
        self.stop_after: int | None = None

    def tokenize(self, text: str, *, special: bool = False, bos: bool = True) -> list[int]:
        self.tokenized += len(text)
        body = [1 + (ord(char) + self.shift) % (len(self.table) - 1) for char in text]
        return [0, *body] if bos and self.starts else body

    def detokenize(self, tokens: Sequence[int]) -> str:
        return "?" * len(tokens)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        raise NotImplementedError

    def generate(
        self, messages: Sequence[Message], settings: GenerationSettings
    ) -> Iterator[Chunk]:
        raise NotImplementedError

    def score(self, tokens: Sequence[int]) -> npt.NDArray[np.float32]:
        if len(tokens) > 1:
            if self.stop_after is not None and len(self.read) >= self.stop_after:
                raise KeyboardInterrupt
            self.read.append(list(tokens))
        return self.table[np.asarray(tokens)]

    def close(self) -> None:
        pass


def random_table(vocabulary: int, seed: int, *, like: npt.ArrayLike | None = None) -> np.ndarray:
    """Logits of [vocabulary, vocabulary]; `like` another table, but a little off."""
    rng = np.random.default_rng(seed)
    if like is not None:
        return np.asarray(like) + 0.3 * rng.normal(size=(vocabulary, vocabulary))
    return rng.normal(0, 3, (vocabulary, vocabulary)) + rng.normal(0, 10, (vocabulary, 1))


def text_tokens(count: int, vocabulary: int, seed: int = 0) -> list[int]:
    """Tokens of no text in particular, the start token first."""
    drawn = np.random.default_rng(seed).integers(1, vocabulary, count - 1)
    return [0, *(int(token) for token in drawn)]
