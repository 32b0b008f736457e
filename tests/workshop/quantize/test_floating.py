"""Short floats against numpy's float16 and against bfloat16 made from the bits of a float32."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from textbook_tensors import normal, tensors

from penjing.core.errors import BadInput, UnknownName
from penjing.workshop.quantize import floating


def upper_half(x: np.ndarray) -> np.ndarray:
    """bfloat16 by integer arithmetic: add half of what is cut off, ties to the even upper half."""
    bits = x.view(np.uint32).astype(np.uint64)
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16
    return bits.astype(np.uint32).view(np.float32)


@given(x=tensors(most=65504.0))
@settings(max_examples=40, deadline=None)
def test_float16_is_numpys(x: torch.Tensor) -> None:
    found = floating.quantize(x, "float16")
    np.testing.assert_array_equal(found.codes.numpy(), x.numpy().astype(np.float16))
    np.testing.assert_array_equal(floating.dequantize(found), x.numpy().astype(np.float16))


@given(x=tensors(most=3.38e38))
@settings(max_examples=40, deadline=None)
def test_bfloat16_is_the_rounded_upper_half_of_a_float32(x: torch.Tensor) -> None:
    found = floating.dequantize(floating.quantize(x, "bfloat16"))
    np.testing.assert_array_equal(found.numpy(), upper_half(x.numpy()))


@given(st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_both_agree_on_random_bits(seed: int) -> None:
    bits = np.random.default_rng(seed).integers(0, 2**32, 2000, dtype=np.uint32)
    x = bits.view(np.float32)
    for kind, most in (("float16", 65504.0), ("bfloat16", 3.38e38)):
        keep = np.ascontiguousarray(x[np.isfinite(x) & (np.abs(np.nan_to_num(x)) <= most)])
        expected = keep.astype(np.float16) if kind == "float16" else upper_half(keep)
        found = floating.dequantize(floating.quantize(torch.from_numpy(keep), kind))
        np.testing.assert_array_equal(found.numpy(), expected.astype(np.float32))


def test_a_tie_goes_to_the_even_neighbour() -> None:
    x = torch.tensor([1 + 2.0**-11, 1 + 3 * 2.0**-11, 2.0**-25, 3 * 2.0**-25])
    expected = [1.0, 1 + 2.0**-9, 0.0, 2.0**-23]
    assert floating.dequantize(floating.quantize(x, "float16")).tolist() == expected
    x = torch.tensor([1 + 2.0**-8, 1 + 3 * 2.0**-8])
    assert floating.dequantize(floating.quantize(x, "bfloat16")).tolist() == [1.0, 1 + 2.0**-6]


@pytest.mark.parametrize(
    ("kind", "fits", "beyond"),
    [("float16", 65519.0, 65520.0), ("bfloat16", 3.3961e38, 3.3962e38)],
)
def test_what_would_become_infinite_is_refused(kind: str, fits: float, beyond: float) -> None:
    back = floating.dequantize(floating.quantize(torch.tensor([-fits, fits]), kind))
    assert bool(back.isfinite().all())
    with pytest.raises(BadInput, match=f"beyond {kind}'s largest"):
        floating.quantize(torch.tensor([1.0, -beyond]), kind)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UnknownName, match="did you mean"):
        floating.quantize(normal(2), "float8")
