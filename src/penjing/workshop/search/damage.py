"""How wrong a codec makes a tensor: the importance-weighted squared error.

For W [rows, channels] and importance m_j = E[x_j^2]: sum_ij m_j (W_ij - Q_ij)^2, the expected
squared error of the layer's output, summed over its rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from penjing.bundle.codecs import Codec
from penjing.workshop.quantize.rows import Rows, telling_rows
from penjing.workshop.quantize.stored import each_matrix, round_trip
from penjing.workshop.streamed import load_rows
from penjing.workshop.tensors import Floats, TensorSource

_LOUD_SHARE = 100
_MATRICES = 4  # of a stack that are looked at


@dataclass(frozen=True)
class Damage:
    """How wrong a codec makes a tensor."""

    total: float
    """Importance-weighted squared error, all rows together."""
    typical: float
    """What it would be if every row were as the median one, without its loudest hundredth: neither
    a super weight nor a channel with a huge input shows here."""

    def times(self, factor: float) -> Damage:
        """Of so many tensors like this one."""
        return Damage(self.total * factor, self.typical * factor)

    def __add__(self, other: Damage) -> Damage:
        return Damage(self.total + other.total, self.typical + other.typical)


def stored_errors(
    source: TensorSource, importance: Floats, codecs: list[Codec]
) -> dict[str, Damage]:
    """Damage of each codec to a whole stored tensor, on the rows that tell; of a stack on some of
    its matrices, evenly taken."""
    pairs = each_matrix(source, importance)
    count = min(_MATRICES, len(pairs))
    found = []
    for place in range(count):
        matrix, told = pairs[place * len(pairs) // count]
        found.append(errors(matrix, told, codecs, telling_rows(matrix, told)))
    factor = len(pairs) / count
    return {
        codec.name: sum((each[codec.name] for each in found), Damage(0.0, 0.0)).times(factor)
        for codec in codecs
    }


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
