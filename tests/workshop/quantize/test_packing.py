"""Blocks come apart and together again without losing a bit; what the codes mean: test_grids."""

from __future__ import annotations

import numpy as np
import pytest
from blocks import random_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.bundle.codecs import CODECS
from penjing.workshop.quantize.packing import PACKINGS, BlockParts

BITS = {
    "Q1_0": 1, "Q2_0": 2, "Q4_0": 4, "Q4_1": 4, "Q5_0": 5, "Q5_1": 5, "Q8_0": 8, "IQ4_NL": 4,
    "MXFP4": 4, "Q2_K": 2, "Q3_K": 3, "Q4_K": 4, "Q5_K": 5, "Q6_K": 6, "IQ4_XS": 4,
}  # fmt: skip
"""Of a code."""

SMALL = {"Q2_K": (0, 15), "Q3_K": (-32, 31), "Q4_K": (0, 63), "Q5_K": (0, 63), "Q6_K": (-128, 127),
         "IQ4_XS": (-32, 31)}  # fmt: skip
"""Range of the small scales."""


def test_the_bits_of_every_code_are_known() -> None:
    assert set(BITS) == set(PACKINGS)


@pytest.mark.parametrize("name", PACKINGS)
@given(seed=st.integers(0, 2**32), blocks=st.integers(1, 5))
@settings(max_examples=12, deadline=None)
def test_what_was_taken_apart_goes_together_again(name: str, seed: int, blocks: int) -> None:
    noise = np.random.default_rng(seed)
    raw = noise.integers(0, 256, (blocks, CODECS[name].block_bytes), np.uint8)
    before = raw.copy()
    raw.flags.writeable = False  # as a memory-mapped file is
    packed = PACKINGS[name].unpack(raw)
    again = PACKINGS[name].pack(packed)
    assert again.dtype == np.uint8
    assert np.array_equal(again, before)
    assert packed.codes.shape == (blocks, CODECS[name].width)
    assert packed.codes.dtype == np.uint8
    assert packed.codes.max() < 2 ** BITS[name]


@pytest.mark.parametrize("name", PACKINGS)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=8, deadline=None)
def test_any_codes_and_scales_fit_in(name: str, seed: int) -> None:
    noise, codec = np.random.default_rng(seed), CODECS[name]
    codes = noise.integers(0, 2 ** BITS[name], (3, codec.width), np.uint8)
    shapes = PACKINGS[name].unpack(random_bytes(codec, 3, seed)).fields
    fields = {}
    for field, found in shapes.items():
        if field.startswith("sub"):
            least, greatest = SMALL[name]
            fields[field] = noise.integers(least, greatest, found.shape, np.int16, endpoint=True)
        else:
            whole = noise.integers(0, 256, (3, found.itemsize), np.uint8)
            fields[field] = whole.view(found.dtype)[:, 0]
    raw = PACKINGS[name].pack(BlockParts(codes, fields))
    assert raw.shape == (3, codec.block_bytes)
    again = PACKINGS[name].unpack(raw)
    assert np.array_equal(again.codes, codes)
    assert set(again.fields) == set(fields)
    for field, wanted in fields.items():
        found = again.fields[field]
        assert found.dtype == wanted.dtype
        assert found.tobytes() == wanted.tobytes()  # float16 that are no number, too


@pytest.mark.parametrize("name", PACKINGS)
def test_every_bit_of_a_block_is_in_one_code_or_one_scale(name: str) -> None:
    raw = random_bytes(CODECS[name], 1, seed=3)
    whole = PACKINGS[name].unpack(raw)
    in_codes = 0
    for bit in range(8 * CODECS[name].block_bytes):
        flipped = raw.copy()
        flipped[0, bit // 8] ^= 1 << bit % 8
        part = PACKINGS[name].unpack(flipped)
        codes = int((part.codes != whole.codes).sum())
        scales = sum(_different(part.fields[f], whole.fields[f]) for f in whole.fields)
        assert codes + scales == 1
        in_codes += codes
    assert in_codes == BITS[name] * CODECS[name].width


def _different(a: np.ndarray, b: np.ndarray) -> int:
    """In how many numbers: float16 by their bits."""
    kind = {1: np.uint8, 2: np.uint16}[a.itemsize]
    return int((np.ascontiguousarray(a).view(kind) != np.ascontiguousarray(b).view(kind)).sum())
