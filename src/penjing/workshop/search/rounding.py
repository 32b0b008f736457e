"""How wrong a codec makes a tensor: the importance-weighted squared rounding error.

For W [rows, channels] and importance m_j = E[x_j^2]: sum_ij m_j (W_ij - Q_ij)^2, the expected
squared error of the layer's output, summed over its rows. Pure numpy on top of ggml's codecs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penjing.bundle.codecs import CODECS, Codec
from penjing.ggml.quantize import dequantize, quantize
from penjing.workshop.checkpoint import TensorSource

Floats = npt.NDArray[np.float32]

CANDIDATES = (
    "Q2_0", "Q2_K", "Q3_K", "IQ4_XS", "Q4_0", "IQ4_NL", "Q4_K", "Q4_1",
    "Q5_0", "Q5_K", "Q5_1", "Q6_K", "Q8_0",
)  # fmt: skip
"""Codecs the budget solver may choose from, where the row length allows them."""

LOUD_ROWS, QUIET_ROWS = 64, 64
"""Rows of a tensor on which codecs are compared: the worst of a first rounding, and a sample."""


@dataclass(frozen=True)
class Rows:
    """Some rows of a tensor that stand for all of them."""

    index: npt.NDArray[np.int64]
    """Which rows."""
    weight: Floats
    """How many rows each stands for."""


def round_trip(codec: Codec, weights: Floats, importance: Floats | None) -> Floats:
    """What the engine will compute with after `weights` were stored in `codec`."""
    return dequantize(codec, quantize(codec, weights, importance), weights.shape)


def candidates(source: TensorSource, names: Iterable[str] = CANDIDATES) -> list[Codec]:
    """Codecs this tensor can be stored in, the one it came in first, none larger than that."""
    own = source.codec
    fitting = [CODECS[n] for n in names if n != own.name and CODECS[n].fits(source.shape[-1])]
    return [own, *(codec for codec in fitting if codec.bits < own.bits)]


def stand_ins(weights: Floats, rounded: Floats, importance: Floats) -> Rows:
    """Rows to compare codecs on, given a first rounding of the whole tensor.

    A few rows may carry most of the error (one "super weight" is enough), so the loudest stand for
    themselves and only the others are sampled, evenly.
    """
    difference = weights - rounded
    loudness = np.einsum("ij,ij,j->i", difference, difference, importance, dtype=np.float64)
    order = np.argsort(-loudness, kind="stable")
    loud, quiet = order[:LOUD_ROWS], np.sort(order[LOUD_ROWS:])
    if len(quiet) == 0:
        return Rows(np.sort(loud), np.ones(len(loud), np.float32))
    count = min(QUIET_ROWS, len(quiet))
    sample = quiet[np.arange(count) * len(quiet) // count]
    shares = np.full(count, len(quiet) / count, np.float32)
    return Rows(
        np.concatenate([loud, sample]), np.concatenate([np.ones(len(loud), np.float32), shares])
    )


def errors(
    source: TensorSource, importance: Floats, codecs: Iterable[Codec], rows: Rows
) -> dict[str, float]:
    """Weighted error of each codec, estimated on `rows`, by codec name; 0 for the tensor's own."""
    sample = np.ascontiguousarray(source.load()[rows.index])
    out = {}
    for codec in codecs:
        if codec == source.codec:
            out[codec.name] = 0.0
            continue
        difference = sample - round_trip(codec, sample, importance)
        by_row = np.einsum("ij,ij,j->i", difference, difference, importance, dtype=np.float64)
        out[codec.name] = float(by_row @ rows.weight)
    return out
