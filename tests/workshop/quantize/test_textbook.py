"""Every method by name, its bits counted, and which one loses least: measured."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from textbook_tensors import FLOATS, GROUPED, distance, normal

from penjing.core.errors import BadInput, UnknownName
from penjing.workshop.quantize import affine, codebook, symmetric
from penjing.workshop.quantize.grouping import per_group
from penjing.workshop.quantize.textbook import METHODS, pack, round_trip, unpack


def squared(name: str, x: torch.Tensor, bits: int, *grouping: object) -> float:
    back = round_trip(name, x, bits, *grouping)  # type: ignore[arg-type]
    return float(distance(back.values, x).square().mean())


def test_a_name_is_the_file_it_names() -> None:
    x = normal(4, 64)
    found = round_trip("symmetric", x, bits=4, granularity="group", group=32)
    codes = symmetric.quantize(x, 4, per_group(32))
    assert torch.equal(found.values, symmetric.dequantize(codes))
    assert torch.equal(found.error_bound, symmetric.error_bound(codes))
    other = affine.quantize(x, 3, zero="real")
    assert torch.equal(round_trip("affine_real", x, 3).values, affine.dequantize(other))
    assert not torch.equal(round_trip("affine", x, 3).values, affine.dequantize(other))


@pytest.mark.parametrize("name", METHODS)
def test_every_method_can_be_called_by_name(name: str) -> None:
    x = normal(3, 64)
    for bits in METHODS[name].bits:
        found = round_trip(name, x, bits)
        assert found.values.shape == x.shape
        assert bool((distance(found.values, x) <= found.error_bound).all())
        assert found.effective_bits >= bits


@pytest.mark.parametrize(
    ("name", "bits", "grouping", "expected"),
    [
        ("symmetric", 4, ("group", 32), 4 + 32 / 32),
        ("linear", 3, ("group", 16), 3 + 64 / 16),
        ("affine", 5, ("group", 64), 5 + 40 / 64),
        ("affine_real", 5, ("group", 64), 5 + 64 / 64),
        ("normal_float", 4, ("channel",), 4 + 32 / 64),
        ("powers", 2, ("group", 8), 2 + 16 / 8),
        ("codebook", 2, ("channel",), 2 + 4 * 32 / 64),
        ("symmetric", 8, ("tensor",), 8 + 32 / 128),
        ("float16", 16, (), 16),
        ("bfloat16", 16, (), 16),
    ],
)
def test_effective_bits_by_hand(
    name: str, bits: int, grouping: tuple[object, ...], expected: float
) -> None:
    found = round_trip(name, normal(2, 64), bits, *grouping)  # type: ignore[arg-type]
    assert found.effective_bits == expected


def test_a_byte_that_is_begun_is_counted() -> None:
    assert round_trip("symmetric", normal(5), 3).effective_bits == 8 * (2 + 4) / 5


@given(st.integers(2, 8), st.booleans(), st.integers(0, 2**31), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_packing_loses_nothing_and_wastes_less_than_a_byte(
    bits: int, signed: bool, seed: int, count: int
) -> None:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    noise = torch.Generator().manual_seed(seed)
    codes = torch.randint(low, high, (count, 3), generator=noise)
    codes = codes.to(torch.int8 if signed else torch.uint8)
    packed = pack(codes, bits)
    assert packed.dtype == torch.uint8
    assert 0 <= 8 * packed.numel() - bits * codes.numel() < 8
    restored = unpack(packed, bits, codes)
    assert restored.dtype == codes.dtype
    assert torch.equal(restored, codes)


def test_packed_bits_are_in_order() -> None:
    assert pack(torch.tensor([1, 2, 3], dtype=torch.uint8), 4).tolist() == [0x21, 0x03]
    assert pack(torch.tensor([-1, 1, 0], dtype=torch.int8), 3).tolist() == [0b00001111, 0]


def test_the_order_of_losses_on_a_normal_tensor() -> None:
    """The table at the top of textbook.py, within 4 % of each of its numbers."""
    expected = {
        ("group", 64): [0.0030, 0.0081, 0.0083, 0.0085, 0.0116, 0.0377],
        ("channel",): [0.0084, 0.0110, 0.0158, 0.0158, 0.0205, 0.0377],
        ("tensor",): [0.0095, 0.0159, 0.0299, 0.0300, 0.0369, 0.0377],
    }
    order = {
        ("group", 64): "codebook linear affine normal_float symmetric powers",
        ("channel",): "codebook normal_float linear affine symmetric powers",
        ("tensor",): "codebook normal_float affine linear symmetric powers",
    }
    x = normal(256, 1024)
    for grouping, losses in expected.items():
        names = order[grouping].split()
        few = x if grouping == ("tensor",) else x[:64]
        found = [squared(name, few, 4, *grouping) for name in names]
        assert found == pytest.approx(losses, rel=0.04)
        assert all(lower <= higher * 1.01 for lower, higher in pairwise(found))


def test_normal_float_wants_few_bits_in_groups() -> None:
    x = normal(32, 1024)
    lost = [squared(name, x, 8, "group", 64) for name in ("normal_float", "linear")]
    assert lost[0] == pytest.approx(7.1 * lost[1], rel=0.1)


def test_the_order_at_equal_effective_bits() -> None:
    """4.5 bits a weight: centres for each channel, NF4, then symmetric groups of 64."""
    x = normal(32, 1024)
    rows = [
        round_trip("codebook", x, 4, "channel"),
        round_trip("normal_float", x, 4, "group", 64),
        round_trip("symmetric", x, 4, "group", 64),
    ]
    assert [row.effective_bits for row in rows] == [4.5, 4.5, 4.5]
    found = [float(distance(row.values, x).square().mean()) for row in rows]
    assert found == sorted(found)
    assert found[2] > 1.3 * found[1]


@pytest.mark.parametrize("name", ["linear", "affine", "affine_real", "symmetric", "codebook"])
def test_more_bits_lose_less(name: str) -> None:
    losses = [squared(name, normal(8, 256), bits, "channel") for bits in range(2, 9)]
    assert all(b < a / 2.5 for a, b in pairwise(losses))


@pytest.mark.parametrize("name", [name for name in GROUPED if not name.startswith("powers")])
def test_smaller_groups_lose_less(name: str) -> None:
    x = normal(16, 512)
    losses = [squared(name, x, 4, "group", size) for size in (16, 64, 512)]
    assert losses == sorted(losses)
    assert losses[-1] < squared(name, x, 4) * 1.001


def test_an_equal_number_of_centres_beats_the_best_fixed_levels() -> None:
    """K-means is at least as good as any 16 levels for the same values: here NF4's."""
    x = normal(1, 4096)
    ours = codebook.dequantize(codebook.quantize(x, 4))
    assert float(distance(ours, x).square().mean()) < squared("normal_float", x, 4)


def test_what_cannot_be_is_refused() -> None:
    x = normal(2, 64)
    with pytest.raises(UnknownName, match="did you mean symmetric"):
        round_trip("symetric", x, 4)
    with pytest.raises(UnknownName, match="granularity"):
        round_trip("linear", x, 4, "row")
    with pytest.raises(BadInput, match="divides the row"):
        round_trip("linear", x, 4, "group", 48)
    for name in GROUPED:
        with pytest.raises(BadInput, match="choose one of 2, 3, 4, 5, 6, 7, 8"):
            round_trip(name, x, 9)
    for name in FLOATS:
        with pytest.raises(BadInput, match="choose one of 16"):
            round_trip(name, x, 8)
        with pytest.raises(BadInput, match="shares no parameters"):
            round_trip(name, x, 16, "channel")
