"""Vectors of texts that do not fit the embedding window: refused, cut or pooled, as whoever asks
wants it. Knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from penjing.core.errors import TooLong
from penjing.core.protocols import Embedder

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Overflow = Literal["refuse", "cut", "pool"]
"""What to do with a text that is longer than the window."""
_MOST_PIECES = 1024
"""Of all texts of one request."""


def embedded(
    embedder: Embedder, texts: Sequence[str], overflow: Overflow
) -> tuple[npt.NDArray[np.float32], int]:
    """Vectors [len(texts), dimension] of length 1, and how many tokens were read.

    Raises TooLong for a text that does not fit and may be neither cut nor pooled. Blocks.
    """
    lengths = embedder.lengths(texts, "passage")
    window = embedder.window
    longest = max(lengths)
    if longest <= window or overflow == "cut":
        return embedder.embed(texts, "passage"), sum(min(one, window) for one in lengths)
    if overflow == "refuse":
        where = f"input[{lengths.index(longest)}]" if len(texts) > 1 else "the input"
        raise TooLong(
            f"{where} has {longest} tokens and this model reads {window}: shorten it, or say "
            "overflow: pool (or cut)"
        )
    return _pooled(embedder, texts)


def _pooled(embedder: Embedder, texts: Sequence[str]) -> tuple[npt.NDArray[np.float32], int]:
    import numpy as np

    pieces = [_pieces(embedder, text) for text in texts]
    flat = [piece for one in pieces for piece in one]
    if len(flat) > _MOST_PIECES:
        raise TooLong(f"these texts have over {_MOST_PIECES} pieces: send fewer at once")
    lengths = embedder.lengths(flat, "passage")
    vectors = embedder.embed(flat, "passage")
    out = np.empty((len(texts), vectors.shape[1]), np.float32)
    first = 0
    for row, one in enumerate(pieces):
        last = first + len(one)
        weights = np.asarray(lengths[first:last], np.float32)
        out[row] = weights @ vectors[first:last]
        first = last
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)
    return out, sum(lengths)


def _pieces(embedder: Embedder, text: str) -> list[str]:
    """The text in pieces that fit, cut in the middle where there is a space."""
    if len(text) < 2 or embedder.lengths([text], "passage")[0] <= embedder.window:
        return [text]
    middle = len(text) // 2
    space = text.find(" ", middle, middle + max(16, len(text) // 8))
    cut = space + 1 if space >= 0 else middle
    return [*_pieces(embedder, text[:cut]), *_pieces(embedder, text[cut:])]
