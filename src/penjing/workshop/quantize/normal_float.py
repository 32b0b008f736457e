"""NormalFloat: levels at the quantiles of a normal distribution, NF4 among them.

Weights of a group are roughly normal, so levels that a normal value is equally likely to be near
are denser around 0. With Φ⁻¹ the normal quantile function, for n bits:

    p = 1 - (1 / (2 (2^n - 1)) + 1 / (2 2^n)) / 2
    positive   Φ⁻¹ at the first 2^(n-1) of 2^(n-1) + 1 even points from p to 1/2
    negative  -Φ⁻¹ at the first 2^(n-1) - 1 of 2^(n-1) even points from p to 1/2
    levels     both and an exact 0, divided by the greatest

    s = max|x|       q = argmin_i |x / s - level_i|       x̂ = s level_q

Dettmers et al. 2023 (QLoRA), arXiv:2305.14314, section 3 and, for the 16 levels of NF4, appendix E.
Worked out as its authors did (p to 7 digits, points and quotients in float32), the 16 levels are
the published ones to the last bit. Only n = 4 is published; other n follow the same construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch

from penjing.workshop.quantize.exact import (
    SLACK,
    check_bits,
    float32_rounding,
    quotient,
    read,
    to_float32,
)
from penjing.workshop.quantize.grouping import PER_TENSOR, Grouping, merge, split


@dataclass(frozen=True)
class NormalFloat:
    """Codes and scales; the levels are the same for everybody and are not stored."""

    codes: torch.Tensor
    """Indices of levels, uint8, in the shape of the tensor."""
    scale: torch.Tensor
    """s: the greatest magnitude of each group, float32 [groups, 1]."""
    bits: int
    """n."""
    grouping: Grouping
    """Who shares a scale."""


@cache
def levels(bits: int) -> tuple[float, ...]:
    """The 2^n levels from -1 to 1, ascending, exactly as they are used: float32 values."""
    check_bits(bits)
    half = 2 ** (bits - 1)
    last = round(1 - (1 / (2 * (2**bits - 1)) + 1 / (2 * 2**bits)) / 2, 7)
    above, below = (
        torch.special.ndtri(torch.linspace(last, 0.5, points)[:-1].double()).float()
        for points in (half + 1, half)
    )
    every = torch.cat([-below, torch.zeros(1), above.flip(0)])
    return tuple((every / above[0]).tolist())


def quantize(x: torch.Tensor, bits: int = 4, grouping: Grouping = PER_TENSOR) -> NormalFloat:
    """x [any shape], float32 or shorter -> codes of 2 to 8 bits; BadInput if not finite."""
    rows = split(read(x), grouping)
    table = _table(bits, rows.device)
    scale = rows.abs().amax(dim=1, keepdim=True)
    codes = torch.bucketize(quotient(rows, scale), (table[1:] + table[:-1]) / 2).to(torch.uint8)
    return NormalFloat(merge(codes, x.shape), scale.float(), bits, grouping)


def dequantize(quantized: NormalFloat) -> torch.Tensor:
    """x̂ in float32."""
    codes = split(quantized.codes, quantized.grouping)
    table = _table(quantized.bits, codes.device)
    values = quantized.scale.double() * table[codes.int()]
    return merge(to_float32(values), quantized.codes.shape)


def error_bound(quantized: NormalFloat) -> torch.Tensor:
    """|x - x̂| <= s times half the wider gap beside the level, and the last rounding.

    float64, in x's shape. The outermost levels have one gap: no value lies beyond them.
    """
    codes = split(quantized.codes, quantized.grouping)
    gaps = _table(quantized.bits, codes.device).diff()
    wider = torch.maximum(torch.cat([gaps[:1], gaps]), torch.cat([gaps, gaps[-1:]]))
    half = quantized.scale.double() * wider[codes.int()] / 2
    rounding = float32_rounding(split(dequantize(quantized), quantized.grouping))
    return merge(half * SLACK + rounding, quantized.codes.shape)


def _table(bits: int, device: torch.device) -> torch.Tensor:
    return torch.tensor(levels(bits), dtype=torch.float64, device=device)
