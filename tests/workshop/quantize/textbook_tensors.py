"""Tensors that are hard on a quantizer, and what tests of the textbook share."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st

from penjing.workshop.quantize.grouping import Grouping
from penjing.workshop.quantize.textbook import METHODS

GROUPED = [name for name, method in METHODS.items() if method.grouped]
FLOATS = [name for name, method in METHODS.items() if not method.grouped]

LARGEST = torch.finfo(torch.float32).max
DENORMAL = 2.0**-149

edges = (0.0, -0.0, DENORMAL, -3 * DENORMAL, 2.0**-126, 2.0**127, LARGEST, -LARGEST, 65504.0)
plain = (1.0, -1.0, 0.75, 1.5, 3.0, 7.0, 1e-20, 1 + 2.0**-23, -(2.0**24))
hard = st.sampled_from(edges + plain)
small = st.integers(-9, 9).map(lambda n: n / 4)
every = st.floats(width=32, allow_nan=False, allow_infinity=False)
groupings = st.sampled_from(
    [Grouping("tensor"), Grouping("channel"), Grouping("group", 1), Grouping("group", 4)]
)


@st.composite
def tensors(draw: st.DrawFn, most: float = LARGEST) -> torch.Tensor:
    """Rows of a multiple of 4: normal, shifted, extreme, constant, tiny or mixed."""
    shape = draw(st.sampled_from([(1, 4), (3, 8), (2, 40), (1, 1, 4), (2, 2, 12)]))
    count = int(torch.tensor(shape).prod())
    if draw(st.booleans()):
        noise = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
        scale, shift = draw(st.sampled_from([1e-44, 1e-30, 1.0, 1e4])), draw(small)
        x = (scale * torch.randn(count, generator=noise)) + shift * draw(st.sampled_from([0, 1]))
    else:
        one = st.one_of(hard, small, every)
        values = draw(st.lists(one, min_size=1, max_size=count))
        x = torch.tensor(values).repeat(count)[:count]
    return x.clamp(-most, most).reshape(shape)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """|a - b| of float32 tensors without a rounding that matters: in float64."""
    return (a.double() - b.double()).abs()


def quantized(name: str, x: torch.Tensor, bits: int, grouping: Grouping) -> Any:
    method = METHODS[name]
    if method.grouped:
        return method.quantize(x, bits, grouping, **method.options)
    return method.quantize(x, **method.options)
