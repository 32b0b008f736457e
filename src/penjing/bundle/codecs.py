"""The block formats (codecs) a GGUF tensor can be stored in: names, ids and sizes, nothing else.

The table is ggml's own (`ggml.h`, `ggml-common.h`); how to encode or decode lives in `ggml/`.
Must not know numpy: the command line prints codecs before anything heavy is imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from types import MappingProxyType

from penjing.core.errors import FormatError, UnknownName


@dataclass(frozen=True)
class Codec:
    """One way of storing a row of weights: blocks of `width` weights in `block_bytes` bytes."""

    name: str
    """ggml's name in capitals, "Q4_0"."""
    type_id: int
    """The number a GGUF file stores."""
    width: int
    """Weights in a block; a row must be a whole number of blocks."""
    block_bytes: int
    """Bytes of a block, scales included."""

    @property
    def bits(self) -> float:
        """Bits per weight, scales included: Q4_0 has 4.5."""
        return 8 * self.block_bytes / self.width

    def fits(self, row_length: int) -> bool:
        """Whether a row of so many weights is a whole number of blocks."""
        return row_length > 0 and row_length % self.width == 0

    def nbytes(self, shape: Sequence[int]) -> int:
        """Bytes of a tensor of this shape (numpy order, last = row length).

        FormatError when the row length is not a multiple of `width`.
        """
        if not shape or not self.fits(shape[-1]):
            raise FormatError(
                f"a tensor of shape {tuple(shape)} cannot be {self.name}: "
                f"its rows must be a multiple of {self.width}, choose another codec"
            )
        return prod(shape) // self.width * self.block_bytes


# name, id, weights per block, bytes per block (from scales + bits, as in ggml-common.h)
_TABLE = (
    ("F32", 0, 1, 4),
    ("F16", 1, 1, 2),
    ("Q4_0", 2, 32, 2 + 16),
    ("Q4_1", 3, 32, 2 + 2 + 16),
    ("Q5_0", 6, 32, 2 + 4 + 16),
    ("Q5_1", 7, 32, 2 + 2 + 4 + 16),
    ("Q8_0", 8, 32, 2 + 32),
    ("Q8_1", 9, 32, 2 + 2 + 32),
    ("Q2_K", 10, 256, 2 + 2 + 16 + 64),
    ("Q3_K", 11, 256, 2 + 12 + 32 + 64),
    ("Q4_K", 12, 256, 2 + 2 + 12 + 128),
    ("Q5_K", 13, 256, 2 + 2 + 12 + 32 + 128),
    ("Q6_K", 14, 256, 2 + 16 + 64 + 128),
    ("Q8_K", 15, 256, 4 + 256 + 32),
    ("IQ2_XXS", 16, 256, 2 + 64),
    ("IQ2_XS", 17, 256, 2 + 64 + 8),
    ("IQ3_XXS", 18, 256, 2 + 64 + 32),
    ("IQ1_S", 19, 256, 2 + 32 + 16),
    ("IQ4_NL", 20, 32, 2 + 16),
    ("IQ3_S", 21, 256, 2 + 64 + 32 + 8 + 4),
    ("IQ2_S", 22, 256, 2 + 64 + 16),
    ("IQ4_XS", 23, 256, 2 + 2 + 4 + 128),
    ("I8", 24, 1, 1),
    ("I16", 25, 1, 2),
    ("I32", 26, 1, 4),
    ("I64", 27, 1, 8),
    ("F64", 28, 1, 8),
    ("IQ1_M", 29, 256, 32 + 16 + 8),
    ("BF16", 30, 1, 2),
    ("TQ1_0", 34, 256, 2 + 48 + 4),
    ("TQ2_0", 35, 256, 2 + 64),
    ("MXFP4", 39, 32, 1 + 16),
    ("NVFP4", 40, 64, 4 + 32),
    ("Q1_0", 41, 128, 2 + 16),
    ("Q2_0", 42, 64, 2 + 16),
)

CODECS: Mapping[str, Codec] = MappingProxyType({row[0]: Codec(*row) for row in _TABLE})
"""Every codec by name, in ggml's order. Ids 4, 5, 31 to 33 and 36 to 38 were dropped by ggml."""

_BY_ID = {codec.type_id: codec for codec in CODECS.values()}


def codec(name: str) -> Codec:
    """The codec of this name, in capitals or not; UnknownName suggests near ones."""
    found = CODECS.get(name.upper())
    if found is None:
        raise UnknownName("codec", name, (known.lower() for known in CODECS))
    return found


def codec_by_id(type_id: int) -> Codec:
    """The codec a GGUF file means by this number; FormatError if ggml has none."""
    found = _BY_ID.get(type_id)
    if found is None:
        raise FormatError(
            f"tensor type {type_id} is not one this version knows: "
            "get the model in another quantization, or a newer Penjing"
        )
    return found
