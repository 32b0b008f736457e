"""An embedder made of nothing, for tests: texts that share words have vectors that are near.

Whole, deterministic and strict as the real one: vectors of length 1, a closed one refuses work.
Chinese characters are words of their own.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from penjing.core.errors import EngineError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_WORD = re.compile("[\u3400-\u9fff]|[a-z0-9]+")


class FakeEmbedder:
    """Satisfies `Embedder`; `texts` is what it was given so far."""

    def __init__(self, name: str = "fake-embedder", dimension: int = 128) -> None:
        self._name = name
        self._dimension = dimension
        self.texts: list[str] = []
        """Every text, in order."""
        self.closed = False
        """True after `close`."""

    @property
    def name(self) -> str:
        """What it was called."""
        return self._name

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return self._dimension

    def embed(
        self, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> npt.NDArray[np.float32]:
        """A count of hashed words, of length 1; of a text without words, an equal share of all."""
        import numpy as np

        if self.closed:
            raise EngineError("the embedding model was closed: open it again")
        if kind not in ("query", "passage"):
            raise ValueError(kind)
        self.texts += texts
        out = np.full((len(texts), self._dimension), 1e-3, np.float32)
        for row, text in zip(out, texts, strict=True):
            for word in _WORD.findall(text.lower()):
                row[zlib.crc32(word.encode()) % self._dimension] += 1
        normed: npt.NDArray[np.float32] = out / np.linalg.norm(out, axis=1, keepdims=True)
        return normed

    def count_tokens(
        self,
        texts: Sequence[str],
        kind: Literal["query", "passage"],  # noqa: ARG002  words are the same in both
    ) -> int:
        """Its words."""
        return sum(len(_WORD.findall(text.lower())) for text in texts)

    @property
    def window(self) -> int:
        """Words of one text that are read."""
        return 256

    def lengths(
        self,
        texts: Sequence[str],
        kind: Literal["query", "passage"],  # noqa: ARG002  words are the same in both
    ) -> list[int]:
        """The words of each text."""
        return [len(_WORD.findall(text.lower())) for text in texts]

    def close(self) -> None:
        """Refuse work from now on. Calling it twice is harmless."""
        self.closed = True
