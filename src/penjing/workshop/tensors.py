"""One tensor of a model, which stays on disk until it is asked for. Knows no model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from penjing.bundle.codecs import Codec, codec
from penjing.ggml.quantize import dequantize

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_EXPONENTS: Mapping[str, np.unsignedinteger[Any]] = {
    "F32": np.uint32(0x7F800000),
    "F16": np.uint16(0x7C00),
    "BF16": np.uint16(0x7F80),
}
"""Bits that are all set in what is no finite number, of codecs that need no decoding."""

_INTEGERS = ("I8", "I16", "I32", "I64")


def _first(pieces: Iterable[npt.NDArray[np.bool_]]) -> int | None:
    """The first row that is marked, over all pieces."""
    before = 0
    for marked in pieces:
        if marked.any():
            return before + int(marked.argmax())
        before += len(marked)
    return None


@dataclass(frozen=True, eq=False)
class TensorSource:
    """One tensor, not in memory until asked for."""

    name: str
    """GGUF name, "blk.0.attn_q.weight"."""
    shape: tuple[int, ...]
    """numpy order: rows, then row length."""
    codec: Codec
    """How `raw` stores it: the file's codec."""
    read: Callable[[], Bytes] = field(repr=False)
    """Gives the stored bytes, 1-D."""

    @classmethod
    def of(cls, name: str, weights: Floats) -> TensorSource:
        """A tensor that is already in memory, as F32."""
        data = np.ascontiguousarray(weights, dtype=np.float32)
        return cls(name, data.shape, codec("F32"), lambda: data.reshape(-1).view(np.uint8))

    def raw(self) -> Bytes:
        """The stored bytes, in the engine's layout; of a GGUF a read-only view of the file."""
        return self.read()

    def load(self) -> Floats:
        """The weights [shape], exactly the numbers the engine computes with."""
        return dequantize(self.codec, self.read(), self.shape)

    def pieces(self, most: int = 1 << 22) -> Iterator[Floats]:
        """The weights [rows, row length], some rows at a time: at most `most`, or one row.

        An embedding of a large vocabulary has more float32 in it than the rest of the work takes.
        """
        row, step = self.shape[-1], max(1, most // self.shape[-1])
        stored = self.read().reshape(-1, self.codec.nbytes((row,)))
        for first in range(0, len(stored), step):
            part = stored[first : first + step]
            yield dequantize(self.codec, part.reshape(-1), (len(part), row))

    def matrices(self) -> list[TensorSource]:
        """Itself, or the matrices [rows, row length] of a stack, such as experts."""
        *_, rows, row = (1, *self.shape)
        size = self.codec.nbytes((rows, row))

        def one(place: int) -> TensorSource:
            part = slice(place * size, (place + 1) * size)
            return replace(self, shape=(rows, row), read=lambda: self.read()[part])

        return [one(place) for place in range(prod(self.shape[:-2]))]

    def first_odd_row(self) -> int | None:
        """The first row with a weight that is NaN or infinite; None where all are numbers."""
        if self.codec.name in _INTEGERS:
            return None
        exponent = _EXPONENTS.get(self.codec.name)
        if exponent is None:
            return _first(np.any(~np.isfinite(piece), axis=-1) for piece in self.pieces())
        bits = self.read().view(exponent.dtype).reshape(-1, self.shape[-1])
        step = max(1, 2**22 // self.shape[-1])
        pieces = (bits[first : first + step] for first in range(0, len(bits), step))
        return _first(np.any((piece & exponent) == exponent, axis=-1) for piece in pieces)

    @property
    def parameters(self) -> int:
        """How many weights."""
        return prod(self.shape)
