"""What a tensor is stored as in a codec, and what the engine then computes with.

Codecs on a grid are rounded with our own search for scales, the lattice ones with ggml's.
"""

from __future__ import annotations

import numpy as np
import torch

from penjing.bundle.codecs import Codec
from penjing.ggml.quantize import dequantize, quantize
from penjing.workshop.quantize import scales
from penjing.workshop.quantize.grids import GRIDS, Grid
from penjing.workshop.streamed import load_rows
from penjing.workshop.tensors import Bytes, Floats, TensorSource
from penjing.workshop.threads import workers

VERSION = 2
"""Raised when `round_trip` gives other numbers: effects measured before are then not used."""

_PIECE = 1 << 16  # weights a thread rounds at a time: they stay in its cache


def encode(codec: Codec, weights: Floats, importance: Floats | None) -> Bytes:
    """The bytes that `weights` [rows, row] are stored as, scales chosen by `importance` [row].

    Rows are independent of each other: some rows encoded are those rows of the encoded whole.
    """
    even = np.ones(weights.shape[-1], np.float32)
    importance = even if importance is None else importance
    grid = GRIDS.get(codec.name)
    if grid is None:
        return quantize(codec, weights, importance)
    x, m = torch.from_numpy(np.ascontiguousarray(weights)), torch.from_numpy(importance)
    scales.require_filled(m)
    parts = x.split(max(1, _PIECE // x.shape[-1]))
    with workers() as side_by_side:
        return np.concatenate(side_by_side(lambda part: _on_grid(grid, part, m), parts))


def encode_stored(codec: Codec, source: TensorSource, importance: Floats | None) -> Bytes:
    """The bytes of a whole stored tensor, some rows at a time.

    Of a stack each matrix is encoded with its own importance, [matrices, row] or one [row] for all.
    """
    if codec == source.codec:
        return source.raw()
    if importance is None:
        importance = np.ones(source.shape[-1], np.float32)
    parts = []
    for matrix, told in each_matrix(source, importance):
        parts += [encode(codec, part, told) for part in matrix.pieces()]
    return np.concatenate(parts)


def each_matrix(source: TensorSource, importance: Floats) -> list[tuple[TensorSource, Floats]]:
    """Every matrix of a tensor with the importance [row] of its input."""
    matrices, rows = source.matrices(), list(importance.reshape(-1, importance.shape[-1]))
    told = rows if len(rows) == len(matrices) else rows * len(matrices)
    return list(zip(matrices, told, strict=True))


def round_trip(codec: Codec, weights: Floats, importance: Floats | None) -> Floats:
    """What the engine will compute with after `weights` [rows, row] were stored in `codec`."""
    return dequantize(codec, encode(codec, weights, importance), weights.shape)


def round_rows(
    codec: Codec, source: TensorSource, importance: Floats | None, index: slice | torch.Tensor
) -> torch.Tensor:
    """The same for some rows of a stored matrix; as they are where it came in that codec."""
    part = load_rows(source, index)
    if codec == source.codec:
        return part
    return torch.from_numpy(round_trip(codec, part.numpy(), importance))


def _on_grid(grid: Grid, x: torch.Tensor, importance: torch.Tensor) -> Bytes:
    return grid.encode(scales.round_to(grid, x, scales.search(grid, x, importance)))
