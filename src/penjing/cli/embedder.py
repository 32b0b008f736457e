"""The embedding model that knowledge is searched with, opened for whoever wires rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penjing.core.progress import Progress

if TYPE_CHECKING:
    from penjing.engine.embedding import LlamaEmbedder

MODEL = "multilingual-e5-small"
"""Its name in the catalogue."""


def open_embedder(progress: Progress, *, download: bool = True) -> LlamaEmbedder:
    """Load it, downloaded first where it is not here. The caller closes it."""
    from penjing.bundle.home import Home
    from penjing.bundle.resolve import find_model
    from penjing.engine.embedding import LlamaEmbedder

    path = find_model(MODEL, Home.from_environment(), progress=progress, download=download)
    return LlamaEmbedder.open(path)


def is_here() -> bool:
    """Whether it was pulled."""
    from penjing.bundle.catalogue import catalogue_of
    from penjing.bundle.fetch import find
    from penjing.bundle.home import Home

    home = Home.from_environment()
    return find(catalogue_of(home).entry(MODEL), home) is not None
