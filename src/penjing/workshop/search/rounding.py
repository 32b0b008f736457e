"""What a codec makes of a tensor, and how wrong that is: the importance-weighted squared error.

For W [rows, channels] and importance m_j = E[x_j^2]: sum_ij m_j (W_ij - Q_ij)^2, the expected
squared error of the layer's output, summed over its rows. Codecs on a grid are rounded with our own
search for scales, the lattice ones with ggml's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from penjing.bundle.codecs import Codec
from penjing.ggml.quantize import dequantize, quantize
from penjing.workshop.checkpoint import TensorSource
from penjing.workshop.quantize import scales
from penjing.workshop.quantize.grids import GRIDS, Grid
from penjing.workshop.search.groups import CANDIDATES, candidates
from penjing.workshop.streamed import load_rows
from penjing.workshop.threads import workers

__all__ = ["CANDIDATES", "VERSION", "Damage", "Rows", "candidates", "damage", "encode", "errors",
           "round_rows", "round_trip", "stand_ins", "telling_rows"]  # fmt: skip

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

VERSION = 2
"""Raised when `round_trip` gives other numbers: effects measured before are then not used."""

LOUD_ROWS, QUIET_ROWS = 64, 64
"""Rows of a tensor on which codecs are compared: the loudest, and a sample of the others."""

_PIECE = 1 << 16  # weights a thread rounds at a time: they stay in its cache
_LOUD_SHARE = 100
_LOADED = 1 << 20  # weights looked at at a time


@dataclass(frozen=True)
class Rows:
    """Some rows of a tensor that stand for all of them."""

    index: npt.NDArray[np.int64]
    """Which rows."""
    weight: Floats
    """How many rows each stands for."""


@dataclass(frozen=True)
class Damage:
    """How wrong a codec makes a tensor."""

    total: float
    """Importance-weighted squared error, all rows together."""
    typical: float
    """What it would be if every row were as the median one, without its loudest hundredth: neither
    a super weight nor a channel with a huge input shows here."""

    def __add__(self, other: Damage) -> Damage:
        return Damage(self.total + other.total, self.typical + other.typical)


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


def stand_ins(weights: Floats, rounded: Floats, importance: Floats) -> Rows:
    """Rows to compare codecs on, given a first rounding of the whole tensor.

    A few rows may carry most of the error (one "super weight" is enough), so the loudest stand for
    themselves and only the others are sampled, evenly.
    """
    difference = weights - rounded
    loudness = np.einsum("ij,ij,j->i", difference, difference, importance, dtype=np.float64)
    return _chosen(np.argsort(-loudness, kind="stable"), LOUD_ROWS, QUIET_ROWS)


def telling_rows(source: TensorSource, importance: Floats) -> Rows:
    """The same for a stored matrix, fewer, and before anything was rounded.

    Loud are the rows with the largest single weight and those with the largest norm.
    """
    largest, norms = _loudness(source, importance)
    first = np.argsort(-largest, kind="stable")[: LOUD_ROWS // 8]
    order = np.argsort(-norms, kind="stable")
    order = np.concatenate([first, order[~np.isin(order, first)]])
    return _chosen(order, LOUD_ROWS // 4, QUIET_ROWS // 2)


def _chosen(order: npt.NDArray[np.int64], loud: int, quiet: int) -> Rows:
    """The first `loud` rows of an order for themselves, `quiet` evenly of the rest for the rest."""
    few, many = order[:loud], np.sort(order[loud:])
    count = min(quiet, len(many))
    if count == 0:
        return Rows(np.sort(few), np.ones(len(few), np.float32))
    sample = many[np.arange(count) * len(many) // count]
    shares = np.full(count, len(many) / count, np.float32)
    return Rows(
        np.concatenate([few, sample]), np.concatenate([np.ones(len(few), np.float32), shares])
    )


def _loudness(source: TensorSource, importance: Floats) -> tuple[Floats, Floats]:
    """Largest and summed weighted square of each row, loaded a few rows at a time."""
    rows, row = source.shape
    largest, sums = np.empty(rows, np.float32), np.empty(rows, np.float32)
    step = max(1, _LOADED // row)
    for first in range(0, rows, step):
        part = slice(first, min(first + step, rows))
        squares = np.square(load_rows(source, part).numpy()) * importance
        largest[part], sums[part] = squares.max(1), squares.sum(1)
    return largest, sums


def errors(
    source: TensorSource, importance: Floats, codecs: list[Codec], rows: Rows
) -> dict[str, Damage]:
    """Damage of each codec, estimated on `rows`, by codec name; none for the tensor's own."""
    sample = load_rows(source, torch.from_numpy(rows.index)).numpy()
    out = {}
    for codec in codecs:
        own = codec == source.codec
        rounded = sample if own else round_trip(codec, sample, importance)
        out[codec.name] = damage(sample, rounded, importance, rows)
    return out


def damage(sample: Floats, rounded: Floats, importance: Floats, rows: Rows) -> Damage:
    """Of the rows [sampled, row] before and after."""
    each = (np.square(sample - rounded) * importance).astype(np.float64)
    total = float(each.sum(1) @ rows.weight)
    quiet = each.shape[1] - max(1, each.shape[1] // _LOUD_SHARE)
    calm = np.partition(each, quiet - 1, axis=1)[:, :quiet].sum(1)
    order = np.argsort(calm, kind="stable")
    share = np.cumsum(rows.weight[order], dtype=np.float64)
    median = calm[order[np.searchsorted(share, share[-1] / 2)]]
    return Damage(total, float(median * share[-1]))


def _on_grid(grid: Grid, x: torch.Tensor, importance: torch.Tensor) -> Bytes:
    return grid.encode(scales.round_to(grid, x, scales.search(grid, x, importance)))
