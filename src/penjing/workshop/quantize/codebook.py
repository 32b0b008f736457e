"""A codebook of its own for each group: k-means in one dimension.

The 2^n centres c and codes q that (nearly) minimise the weighted squared error:

    minimise  Σ_i w_i (x_i - c_{q_i})²        q_i = argmin_k |x_i - c_k|
                                              c_k = Σ_{q_i = k} w_i x_i / Σ_{q_i = k} w_i

Lloyd 1982, "Least squares quantization in PCM", IEEE Trans. Information Theory 28(2), alternates
the two right-hand sides. That finds a local optimum, so it starts from the best clusters that are
cut at 128 places at most (`intervals.py`): up to 128 values in a group that is the optimum itself.
With the mean squares of the input channels as weights it is the error of the layer's output.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from penjing.core.errors import BadInput
from penjing.workshop.quantize.exact import SLACK, check_bits, quotient, read
from penjing.workshop.quantize.grouping import PER_TENSOR, Grouping, merge, split
from penjing.workshop.quantize.intervals import best_cuts

_PLACES = 128
"""Places to cut that are considered in a group; at least one for each centre."""
_ROUNDS = 100
"""Lloyd's rounds at most; each one lowers the error, the last ones by nothing that matters."""


@dataclass(frozen=True)
class Codebook:
    """Codes and the values that they stand for."""

    codes: torch.Tensor
    """0 .. 2^n - 1, uint8, in the shape of the tensor."""
    centres: torch.Tensor
    """Ascending, float32 [groups, 2^n]; the last is repeated when there are fewer values."""
    low: torch.Tensor
    """Least value of each group, float32 [groups, 1]: for the error bound, not for the file."""
    high: torch.Tensor
    """Greatest value of each group, float32 [groups, 1]: for the error bound, not for the file."""
    bits: int
    """n."""
    grouping: Grouping
    """Who shares a codebook."""


def quantize(
    x: torch.Tensor,
    bits: int,
    grouping: Grouping = PER_TENSOR,
    weight: torch.Tensor | None = None,
) -> Codebook:
    """x [any shape], float32 or shorter -> codes of 2 to 8 bits; BadInput if not finite.

    `weight` (x's shape, or one that broadcasts to it, as [row] does) is how much the squared error
    of a value matters; BadInput if it is negative, or 0 for a whole group.
    """
    check_bits(bits)
    rows = split(read(x), grouping)
    weights = torch.ones_like(rows) if weight is None else _weights(weight, x.shape, grouping)
    order = rows.argsort(dim=1)
    values, weights = rows.gather(1, order), weights.gather(1, order)
    centres = _few_values(values, 2**bits)
    many = _distinct(values) > 2**bits
    if bool(many.any()):
        values, weights = values[many], weights[many]
        centres[many] = _lloyd(values, weights, _start(values, weights, 2**bits))
    centres = centres.float()
    codes = _nearest(rows, centres.double()).to(torch.uint8)
    low, high = rows.aminmax(dim=1, keepdim=True)
    return Codebook(merge(codes, x.shape), centres, low.float(), high.float(), bits, grouping)


def dequantize(quantized: Codebook) -> torch.Tensor:
    """x̂ in float32, exactly a centre."""
    codes = split(quantized.codes, quantized.grouping).long()
    return merge(quantized.centres.gather(1, codes), quantized.codes.shape)


def error_bound(quantized: Codebook) -> torch.Tensor:
    """|x - c_q| <= half the wider gap beside c_q, or from an outer centre to the end of the range.

    float64, in x's shape.
    """
    centres = quantized.centres.double()
    inside = centres.diff(dim=1) / 2
    left = torch.cat([centres[:, :1] - quantized.low.double(), inside], dim=1)
    right = torch.cat([inside, quantized.high.double() - centres[:, -1:]], dim=1)
    codes = split(quantized.codes, quantized.grouping).long()
    bound = torch.maximum(left, right).gather(1, codes) * SLACK
    return merge(bound, quantized.codes.shape)


def _weights(weight: torch.Tensor, shape: torch.Size, grouping: Grouping) -> torch.Tensor:
    """Weights as [groups, members]; BadInput for what cannot weigh."""
    try:
        weights = split(read(weight).expand(shape), grouping)
    except RuntimeError:
        raise BadInput(
            f"weights of shape {list(weight.shape)} do not belong to values of {list(shape)}: "
            "give one for each value, or one for each place of a row"
        ) from None
    if bool((weights < 0).any()) or not bool((weights.sum(dim=1) > 0).all()):
        raise BadInput("a weight is negative, or a group's were never filled: calibrate first")
    return weights


def _distinct(values: torch.Tensor) -> torch.Tensor:
    """How many different values each ascending row has: [groups]."""
    return 1 + (values.diff(dim=1) != 0).sum(dim=1)


def _few_values(values: torch.Tensor, count: int) -> torch.Tensor:
    """The different values of each ascending row, its first `count` of them: [groups, count]."""
    new = torch.cat([torch.zeros_like(values[:, :1]), values.diff(dim=1)], dim=1) != 0
    place = new.cumsum(dim=1).clamp(max=count - 1)
    centres = values[:, -1:].repeat(1, count)
    return centres.scatter(1, place, values)


def _nearest(values: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """Index of the nearest ascending centre; exactly between two, the lower."""
    return torch.searchsorted((centres[:, 1:] + centres[:, :-1]) / 2, values.contiguous())


def _start(values: torch.Tensor, weights: torch.Tensor, count: int) -> torch.Tensor:
    """Centres of the best cut of each ascending row into `count` intervals: [groups, count]."""
    members = values.shape[1]
    cuts = best_cuts(values, weights, count, places=max(_PLACES, count))
    position = torch.arange(members, device=values.device).repeat(len(values), 1)
    codes = torch.searchsorted(cuts[:, 1:-1].contiguous(), position, right=True)
    plain = _means(values, torch.ones_like(values), codes, values[:, :count])
    return _means(values, weights, codes, plain)


def _lloyd(values: torch.Tensor, weights: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """Lloyd's alternation until no code changes; a centre without weight stays where it is."""
    codes = _nearest(values, centres)
    for _ in range(_ROUNDS):
        centres = _means(values, weights, codes, centres)
        before, codes = codes, _nearest(values, centres)
        if torch.equal(before, codes):
            break
    return centres


def _means(
    values: torch.Tensor, weights: torch.Tensor, codes: torch.Tensor, otherwise: torch.Tensor
) -> torch.Tensor:
    """Weighted mean of each code's values; `otherwise` where a code has no weight."""
    mass = torch.zeros_like(otherwise).scatter_add_(1, codes, weights)
    total = torch.zeros_like(otherwise).scatter_add_(1, codes, weights * values)
    return torch.where(mass > 0, quotient(total, mass), otherwise)
