"""Weights whose rows are of unequal loudness, and channels of unequal importance."""

from __future__ import annotations

import numpy as np

from penjing.bundle.codecs import CODECS
from penjing.workshop.quantize.stored import round_trip
from penjing.workshop.tensors import TensorSource


def tensor(rows: int, row: int, seed: int = 2) -> tuple[TensorSource, np.ndarray, np.ndarray]:
    """The same for the same seed, whatever was made before: a matrix and its importance."""
    noise = np.random.default_rng(seed)
    weights = noise.normal(0, 0.1, (rows, row)).astype(np.float32)
    weights *= noise.lognormal(0, 0.7, (rows, 1)).astype(np.float32)
    importance = noise.lognormal(0, 1, row).astype(np.float32)
    return TensorSource.of("blk.0.ffn_down.weight", weights), weights, importance


def whole_error(weights: np.ndarray, importance: np.ndarray, name: str) -> float:
    """The importance-weighted squared error in a codec, from the definition."""
    back = round_trip(CODECS[name], weights, importance)
    return float((np.square(weights - back) * importance).sum(dtype=np.float64))
