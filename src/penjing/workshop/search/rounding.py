"""How wrong a codec makes a tensor: the importance-weighted squared rounding error.

For W [rows, channels] and importance m_j = E[x_j^2]: sum_ij m_j (W_ij - Q_ij)^2, the expected
squared error of the layer's output, summed over its rows. Pure numpy on top of ggml's codecs.
"""

from __future__ import annotations

from collections.abc import Iterable

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

SAMPLED_ROWS = 128
"""Rows of a tensor on which codecs are compared; errors of rows average out quickly."""


def round_trip(codec: Codec, weights: Floats, importance: Floats | None) -> Floats:
    """What the engine will compute with after `weights` were stored in `codec`."""
    return dequantize(codec, quantize(codec, weights, importance), weights.shape)


def weighted_error(weights: Floats, rounded: Floats, importance: Floats) -> float:
    """The formula above."""
    difference = weights - rounded
    return float(np.einsum("ij,ij,j->", difference, difference, importance, dtype=np.float64))


def candidates(source: TensorSource, names: Iterable[str] = CANDIDATES) -> list[Codec]:
    """Codecs this tensor can be stored in, the one it came in first, none larger than that."""
    own = source.codec
    fitting = [CODECS[n] for n in names if n != own.name and CODECS[n].fits(source.shape[-1])]
    return [own, *(codec for codec in fitting if codec.bits < own.bits)]


def errors(source: TensorSource, importance: Floats, codecs: Iterable[Codec]) -> dict[str, float]:
    """Weighted error of each codec on evenly spaced rows, by codec name; 0 for the tensor's own."""
    weights = source.load()
    step = max(1, weights.shape[0] // SAMPLED_ROWS)
    sample = np.ascontiguousarray(weights[::step])
    out = {}
    for codec in codecs:
        if codec == source.codec:
            out[codec.name] = 0.0
        else:
            rounded = round_trip(codec, sample, importance)
            out[codec.name] = weighted_error(sample, rounded, importance)
    return out
