"""A few rows of a tensor that stand for all of them: the loudest, and a sample of the others.

One row may carry most of a tensor's error (a single "super weight" is enough), so the loud ones
are never left to chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penjing.workshop.streamed import load_rows
from penjing.workshop.tensors import Floats, TensorSource

LOUD_ROWS, QUIET_ROWS = 64, 64
"""Rows of a tensor on which codecs are compared: the loudest, and a sample of the others."""

_LOADED = 1 << 20  # weights looked at at a time


@dataclass(frozen=True)
class Rows:
    """Some rows of a tensor that stand for all of them."""

    index: npt.NDArray[np.int64]
    """Which rows."""
    weight: Floats
    """How many rows each stands for."""


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
