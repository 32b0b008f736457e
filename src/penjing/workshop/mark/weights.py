"""EmMark: a watermark in quantized weights, put where it costs least.

Zhang, Koushanfar: EmMark, robust watermarks for IP protection of embedded quantized large language
models, DAC 2024 (arXiv 2402.17938): codes of a few weights are moved by one level, chosen by a key
among those of which the model notices least. Here the cost of a move is the importance of its input
channel times the square of the step (`importance.py`). A weight qualifies by what both directions
would do, never by the one that it will take: so the choice says nothing of the chips, and the
p-value of `chips.py` stays exact. Largest and smallest weights of a block are left alone: the one
sets the scale of whoever rounds again, the other is what pruning takes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penjing.bundle.codecs import Codec
from penjing.ggml.quantize import dequantize
from penjing.workshop.quantize.packing import PACKINGS, BlockParts

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]

CHEAPEST = 0.2
"""Share of the weights that qualify, from which the key chooses: not the cheapest alone, which an
attacker could name without it."""
_INNER = (0.2, 0.8)
"""Size of a weight, as a share of the largest of its block, before and after."""


@dataclass(frozen=True)
class Levels:
    """A tensor, and what its weights would be one level up or down."""

    now: Floats
    """[weights] as the engine reads them."""
    up: Floats
    """With the next code; as `now` at the end of the grid."""
    down: Floats
    """With the one before."""


def can_be_marked(codec: Codec) -> bool:
    """Whether a codec has levels that are known here."""
    return codec.name in PACKINGS and codec.name not in ("Q1_0", "Q2_0", "MXFP4")


def levels(codec: Codec, raw: Bytes, shape: tuple[int, ...]) -> Levels:
    """All weights of a tensor with their neighbours."""
    parts = PACKINGS[codec.name].unpack(raw.reshape(-1, codec.block_bytes))
    top = int(parts.codes.max())
    higher = np.where(parts.codes < top, parts.codes + 1, parts.codes).astype(np.uint8)
    lower = np.where(parts.codes > 0, parts.codes - 1, parts.codes).astype(np.uint8)

    def values(codes: Bytes) -> Floats:
        packed = PACKINGS[codec.name].pack(BlockParts(codes, parts.fields))
        return dequantize(codec, packed.reshape(-1), shape).reshape(-1)

    return Levels(dequantize(codec, raw, shape).reshape(-1), values(higher), values(lower))


def qualified(found: Levels, importance: Floats, width: int = 32) -> Places:
    """Weights that may be moved either way, the cheaper `CHEAPEST` of them, in their order.

    `importance` [row] is the mean square of each input channel.
    """
    size, largest = np.abs(found.now), _largest(found.now, width)
    least, most = largest * _INNER[0], largest * _INNER[1]
    steps = [np.abs(other - found.now) for other in (found.up, found.down)]
    fits = (size > least) & (size < most) & (steps[0] > 0) & (steps[1] > 0)
    for other in (found.up, found.down):
        fits &= (np.abs(other) > least) & (np.abs(other) < most)
    cost = np.maximum(*steps) ** 2 * np.resize(importance, len(found.now))
    places = np.flatnonzero(fits)
    if not len(places):
        return places
    dearest = np.quantile(cost[places], CHEAPEST)
    return places[cost[places] <= dearest]


def moved(codec: Codec, raw: Bytes, at: Places, up: npt.NDArray[np.bool_], levels: Levels) -> Bytes:
    """The bytes of a tensor with the weights `at` moved by one level, `up` or down in value."""
    parts = PACKINGS[codec.name].unpack(raw.reshape(-1, codec.block_bytes))
    codes = parts.codes.reshape(-1).copy()
    rises = levels.up[at] > levels.now[at]  # a scale may be negative
    codes[at] = np.where(rises == up, codes[at] + 1, codes[at] - 1)
    packed = PACKINGS[codec.name].pack(BlockParts(codes.reshape(parts.codes.shape), parts.fields))
    return packed.reshape(-1)


def _largest(values: Floats, width: int) -> Floats:
    """Of each weight's block."""
    blocks = np.abs(values.reshape(-1, width)).max(1)
    return np.repeat(blocks, width)
