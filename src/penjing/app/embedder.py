"""The embedding model that knowledge is searched with, opened for whoever wires rooms."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from penjing.bundle.folder import model_name
from penjing.core.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from penjing.engine.embedding import LlamaEmbedder

MODEL = "multilingual-e5-small"
"""Its name in the catalogue."""


def open_embedder(progress: Progress, *, download: bool = True) -> LlamaEmbedder:
    """Load it, downloaded first where it is not here. The caller closes it."""
    from penjing.engine.embedding import LlamaEmbedder

    return LlamaEmbedder.open(find_embedder(progress, download=download))


def find_embedder(progress: Progress, *, download: bool = True) -> Path:
    """Its file, downloaded first where it is not here."""
    from penjing.bundle.home import Home
    from penjing.bundle.resolve import find_model

    return find_model(MODEL, Home.from_environment(), progress=progress, download=download)


def is_here() -> bool:
    """Whether it was pulled."""
    from penjing.bundle.catalogue import catalogue_of
    from penjing.bundle.fetch import find
    from penjing.bundle.home import Home

    home = Home.from_environment()
    return find(catalogue_of(home).entry(MODEL), home) is not None


class LateEmbedder:
    """Satisfies `Embedder`; loads its model when it is first asked: a server starts without it."""

    def __init__(self, find: Callable[[], Path]) -> None:
        self._find = find
        self._path: Path | None = None
        self._lock = threading.Lock()
        self._opened: LlamaEmbedder | None = None

    @property
    def name(self) -> str:
        """What it is called where vectors are kept."""
        return model_name(self._file())

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return self._now().dimension

    @property
    def window(self) -> int:
        """Tokens of one text that are read."""
        return self._now().window

    def lengths(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> list[int]:
        """How many tokens each text has."""
        return self._now().lengths(texts, kind)

    def embed(
        self, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> npt.NDArray[np.float32]:
        """Vectors of texts."""
        return self._now().embed(texts, kind)

    def count_tokens(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> int:
        """How many tokens are read of texts."""
        return self._now().count_tokens(texts, kind)

    def close(self) -> None:
        """Free the model, if it was loaded. Calling it twice is harmless."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _now(self) -> LlamaEmbedder:
        from penjing.engine.embedding import LlamaEmbedder

        with self._lock:
            if self._opened is None:
                self._opened = LlamaEmbedder.open(self._file())
            return self._opened

    def _file(self) -> Path:
        """Found, and perhaps fetched, once."""
        if self._path is None:
            self._path = self._find()
        return self._path
