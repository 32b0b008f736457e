"""The floating-point ground that every textbook file stands on: float64 inside, float32 outside.

A float32 has 24 significant bits and float64 has 53, so the formulas are worked out in float64,
where nothing overflows or underflows, and only what is stored or given back is rounded to float32.
What that last rounding costs is part of every error bound. Must not know any method.
"""

from __future__ import annotations

import torch

from penjing.core.errors import BadInput

FLOAT32 = torch.finfo(torch.float32)
SLACK = 1 + 2.0**-40
"""Covers the float64 roundings of a formula: under ten of them, on codes of at most 8 bits."""

_READABLE = (torch.float32, torch.float16, torch.bfloat16)


def read(x: torch.Tensor) -> torch.Tensor:
    """`x` as float64, exactly; BadInput unless it is a finite float32, float16 or bfloat16."""
    if x.dtype not in _READABLE:
        raise BadInput(f"a tensor of {x.dtype} cannot be quantized exactly: give it as float32")
    if x.numel() == 0:
        raise BadInput("an empty tensor cannot be quantized: leave it out")
    if not bool(x.isfinite().all()):
        raise BadInput("a weight is infinite or not a number: the model is damaged")
    return x.detach().double()


def check_bits(bits: int) -> None:
    """BadInput unless a code has 2 to 8 bits."""
    if bits not in range(2, 9):
        raise BadInput(f"codes of {bits} bits are not possible: choose 2 to 8")


def quotient(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """a / b, and 0 where b is 0: a group without spread has one code."""
    return torch.where(b == 0, 0.0, a / torch.where(b == 0, 1.0, b))


def power_of_two(exponent: torch.Tensor) -> torch.Tensor:
    """2^exponent in float64, exactly, for integers from -1022 to 1023."""
    return ((exponent.to(torch.int64) + 1023) << 52).view(torch.float64)


def step_to_float32(step: torch.Tensor) -> torch.Tensor:
    """The smallest float32 that is not below `step` (float64, >= 0).

    Rounded upwards, so that the codes still reach both ends of the range and the smallest denormal
    does not become a step of nothing.
    """
    near = step.float()
    above = torch.nextafter(near, torch.full_like(near, torch.inf))
    return torch.where(near.double() < step, above, near)


def to_float32(values: torch.Tensor) -> torch.Tensor:
    """float64 to the nearest float32; beyond the largest, the largest (no input lies there)."""
    return values.clamp(FLOAT32.min, FLOAT32.max).float()


def float32_rounding(values: torch.Tensor) -> torch.Tensor:
    """At most how far `to_float32` moved its result `values`: half a unit in the last place."""
    return values.double().abs() * (2.0**-24 * SLACK) + 2.0**-150
