"""Random bytes of block formats, and weights as hard to round as those of real models."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from penjing.bundle.codecs import Codec

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_HALVES = {
    "MXFP4": (), "Q4_1": (0, 2), "Q5_1": (0, 2), "Q4_K": (0, 2), "Q5_K": (0, 2),
    "Q2_K": (80, 82), "Q3_K": (108,), "Q6_K": (208,),
}  # fmt: skip
"""Where the float16 numbers of a block are; else at its beginning."""

KINDS = ("normal", "laplace", "student", "super weight")


def random_bytes(codec: Codec, blocks: int, seed: int) -> Bytes:
    """[blocks, bytes of a block], anything but scales that give no or infinite weights."""
    raw = np.random.default_rng(seed).integers(0, 256, (blocks, codec.block_bytes), np.uint8)
    for at in _HALVES.get(codec.name, (0,)):
        infinite = raw[:, at + 1] & 0x7C == 0x7C
        raw[infinite, at + 1] &= 0xBF
    if codec.name == "MXFP4":
        raw[:, 0] = np.minimum(raw[:, 0], 252)
    return raw


def weights(kind: str, rows: int, row: int, seed: int = 0) -> Floats:
    """A matrix whose weights are distributed as named, its rows of different size."""
    noise = np.random.default_rng(seed)
    shape = (rows, row)
    if kind == "normal":
        w = noise.normal(size=shape)
    elif kind == "laplace":
        w = noise.laplace(size=shape)
    else:
        w = noise.standard_t(4, shape)
    w *= 0.03 * noise.lognormal(0, 0.3, (rows, 1))
    if kind == "super weight":
        w[rows // 2, row // 3] = 5.0
    return w.astype(np.float32)


def importance(row: int, seed: int = 0, spread: float = 1.0) -> Floats:
    """Mean squares of input channels that differ from each other as much as real ones do."""
    return np.random.default_rng(seed + 1).lognormal(-3, spread, row).astype(np.float32)
