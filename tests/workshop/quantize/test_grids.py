"""A grid means what ggml means by the bytes, its nearest is nearest, its scales are stored ones.

Beside ggml itself stand gguf's decoder and, for the two formats that it does not know, one written
down here from their definition, weight by weight.
"""

from __future__ import annotations

import gguf
import numpy as np
import pytest
import torch
from blocks import Bytes, Floats, random_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.bundle.codecs import CODECS
from penjing.core.errors import BadInput
from penjing.ggml.quantize import dequantize
from penjing.workshop.quantize.grids import GRIDS, Blocks, Grid
from penjing.workshop.quantize.packing import PACKINGS

SUPER = [name for name, grid in GRIDS.items() if grid.small is not None]
SIMPLE = [name for name in GRIDS if name not in SUPER]
HALF = [name for name in SIMPLE if name != "MXFP4"]

seeds = st.integers(0, 2**32)


def bits(values: torch.Tensor | Floats) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)


def decoded(grid: Grid, seed: int, rows: int = 2, across: int = 3) -> tuple[Blocks, Bytes]:
    raw = random_bytes(grid.codec, rows * across, seed)
    return grid.decode(raw, (rows, across * grid.codec.width)), raw


def slowly(name: str, block: Bytes) -> list[np.float32]:
    """Q1_0: bit j of the block is the sign of weight j. Q2_0: two bits, less 1, times the scale."""
    d, data = np.float32(block[:2].view(np.float16)[0]), block[2:]
    if name == "Q1_0":
        return [d if data[j // 8] >> j % 8 & 1 else -d for j in range(128)]
    return [np.float32(int(data[j // 4] >> 2 * (j % 4) & 3) - 1) * d for j in range(64)]


def independent(name: str, raw: Bytes) -> Floats:
    if name in ("Q1_0", "Q2_0"):
        return np.array([slowly(name, block) for block in raw], np.float32)
    return gguf.quants.dequantize(raw, gguf.GGMLQuantizationType[name])


def test_every_format_that_can_be_taken_apart_is_a_grid() -> None:
    assert set(GRIDS) == set(PACKINGS)
    for name, grid in GRIDS.items():
        assert grid.codec == CODECS[name]
        assert grid.codec.width % grid.group == 0


@pytest.mark.parametrize("name", GRIDS)
@given(seed=seeds)
@settings(max_examples=12, deadline=None)
def test_values_are_those_of_the_engine_to_the_bit(name: str, seed: int) -> None:
    grid = GRIDS[name]
    blocks, raw = decoded(grid, seed)
    values = grid.values(blocks)
    engine = dequantize(grid.codec, raw, tuple(values.shape))
    assert np.array_equal(bits(values), bits(engine))
    assert np.array_equal(grid.encode(blocks), raw.reshape(-1))


@pytest.mark.parametrize("name", GRIDS)
def test_values_are_those_of_an_independent_decoder(name: str) -> None:
    grid = GRIDS[name]
    blocks, raw = decoded(grid, seed=1, rows=4)
    with np.errstate(over="ignore", invalid="ignore"):
        other = independent(name, raw)
    assert np.array_equal(grid.values(blocks).reshape(other.shape).numpy(), other)


@pytest.mark.parametrize("name", GRIDS)
def test_wrong_rows_are_refused(name: str) -> None:
    grid = GRIDS[name]
    with pytest.raises(BadInput, match=f"multiple of {grid.codec.width}, not 48: choose another"):
        grid.groups(48)
    with pytest.raises(BadInput):
        grid.decode(np.zeros(grid.codec.block_bytes, np.uint8), (1, grid.codec.width + 16))


scales = st.one_of(
    st.floats(2.0**-20, 4.0, width=32),
    st.floats(-4.0, -(2.0**-20), width=32),
    st.sampled_from([2.0**-24, -(2.0**-24), 65504.0, 2.0**-126, 2.0**-128, 1.0, -0.5]),
)


@pytest.mark.parametrize("name", GRIDS)
@given(scale=scales, seed=seeds, moved=st.sampled_from([0.0, 0.5, -3.25]))
@settings(max_examples=15, deadline=None)
def test_nearest_is_nearest(name: str, scale: float, seed: int, moved: float) -> None:
    """By brute force over all levels, in float64; between two levels either may be taken."""
    grid = GRIDS[name]
    levels = grid.table.double()
    noise = torch.Generator().manual_seed(seed)
    reach = 1.2 * float(levels.abs().max())
    at = (torch.rand(64, generator=noise) * 2 - 1) * reach
    ties = torch.arange(64) / 2 - 16  # every middle between neighbouring levels, or a level
    x = torch.cat([at, ties, torch.tensor([0.0, -0.0, 1e30, -1e30])]).mul(scale)
    shift = torch.tensor([moved * scale]) if grid.shifted else None
    x = x if shift is None else x + shift
    codes = grid.nearest(x, torch.tensor([scale]), shift)
    assert codes.dtype == torch.uint8
    shifted = 0.0 if shift is None else shift.double()
    distance = (x.double()[:, None] - (levels * scale + shifted)).abs()
    taken = distance.gather(1, codes.long()[:, None])[:, 0]
    rounding = 2.0**-22 * (x.double().abs() + abs(moved * scale)) + 2.0**-149
    assert bool((taken <= distance.amin(1) + rounding).all())


@pytest.mark.parametrize("name", GRIDS)
@given(seed=seeds, size=st.sampled_from([1e-6, 0.03, 1.0, 1e4]))
@settings(max_examples=12, deadline=None)
def test_rounded_is_the_value_of_the_nearest_code_to_the_bit(
    name: str, seed: int, size: float
) -> None:
    grid = GRIDS[name]
    blocks, _ = decoded(grid, seed)
    s = blocks.scales
    noise = torch.Generator().manual_seed(seed)
    x = torch.randn(2, s.scale.shape[1], grid.group, generator=noise) * size
    scale, shift = s.scale[..., None], None if s.shift is None else s.shift[..., None]
    codes = grid.nearest(x, scale, shift).flatten(1)
    rounded = grid.rounded(x, scale, shift).flatten(1)
    assert np.array_equal(bits(rounded), bits(grid.values(Blocks(codes, s))))


@pytest.mark.parametrize("name", GRIDS)
@given(seed=seeds)
@settings(max_examples=12, deadline=None)
def test_values_of_a_tensor_are_rounded_to_themselves(name: str, seed: int) -> None:
    grid = GRIDS[name]
    blocks, _ = decoded(grid, seed)
    s = blocks.scales
    values = grid.values(blocks)
    parts = values.unflatten(-1, (-1, grid.group))
    shift = None if s.shift is None else s.shift[..., None]
    again = grid.rounded(parts, s.scale[..., None], shift).flatten(-2)
    # a small step beside a large minimum is lost in float32: then not the level, but its value
    assert torch.allclose(again, values, rtol=3e-7, atol=0)


@pytest.mark.parametrize("name", GRIDS)
def test_a_group_without_a_scale_is_its_minimum(name: str) -> None:
    grid = GRIDS[name]
    x = torch.tensor([0.0, -1.0, 5.0, 1e30])
    shift = torch.tensor([0.25]) if grid.shifted else None
    wanted = torch.full((4,), 0.25 if grid.shifted else 0.0)
    for zero in (0.0, -0.0):
        assert torch.equal(grid.rounded(x, torch.tensor([zero]), shift), wanted)
        assert torch.equal(grid.unscaled(x, torch.tensor([zero]), shift).abs(), torch.zeros(4))


@pytest.mark.parametrize("name", GRIDS)
@given(seed=seeds)
@settings(max_examples=12, deadline=None)
def test_stored_scales_are_stored_as_they_are(name: str, seed: int) -> None:
    grid = GRIDS[name]
    blocks, _ = decoded(grid, seed)
    first = blocks.scales
    like = first.fields if name in SUPER else None
    again = grid.store(first.scale, first.shift, like)
    assert torch.equal(again.scale, first.scale)
    assert (again.shift is None) == (first.shift is None) == (not grid.shifted)
    if first.shift is not None and again.shift is not None:
        assert torch.equal(again.shift, first.shift)
    values = grid.values(blocks)
    raw = grid.encode(Blocks(blocks.codes, again))
    assert np.array_equal(dequantize(grid.codec, raw, tuple(values.shape)), values.numpy())


@pytest.mark.parametrize("name", GRIDS)
@given(seed=seeds, size=st.sampled_from([1e-9, 1e-6, 1e-2, 1.0, 1e4, 1e9, 3e38]))
@settings(max_examples=12, deadline=None)
def test_what_store_says_is_what_the_bytes_say(name: str, seed: int, size: float) -> None:
    """Whatever is asked for: negative, tiny, too large."""
    grid = GRIDS[name]
    noise = torch.Generator().manual_seed(seed)
    row = 2 * grid.codec.width
    shape = (3, row // grid.group)
    scale = torch.randn(shape, generator=noise).clamp(-1, 1) * size
    shift = torch.randn(shape, generator=noise).clamp(-1, 1) * size if grid.shifted else None
    stored = grid.store(scale, shift)
    assert bool(torch.isfinite(stored.scale).all())
    codes = torch.randint(0, len(grid.levels), (3, row), generator=noise, dtype=torch.uint8)
    blocks = Blocks(codes, stored)
    again = grid.decode(grid.encode(blocks), (3, row))
    assert torch.equal(again.codes, codes)
    assert np.array_equal(bits(again.scales.scale), bits(stored.scale))
    if stored.shift is not None and again.scales.shift is not None:
        assert bool(torch.isfinite(stored.shift).all())
        assert np.array_equal(bits(again.scales.shift), bits(stored.shift))


@pytest.mark.parametrize("name", HALF)
def test_the_nearest_float16_is_stored(name: str) -> None:
    grid, noise = GRIDS[name], torch.Generator().manual_seed(2)
    scale = torch.randn(50, 4, generator=noise) * torch.logspace(-8, 5, 50)[:, None]
    stored = grid.store(scale, scale.flip(0) if grid.shifted else None)
    pairs = [(stored.scale, scale)]
    if stored.shift is not None:
        pairs.append((stored.shift, scale.flip(0)))
    for found, wanted in pairs:
        half = found.half()
        assert torch.equal(half.float(), found)
        inside = wanted.abs() <= 65504
        assert bool((found.abs() == 65504)[~inside].all())
        for direction in (-np.inf, np.inf):
            with np.errstate(over="ignore"):
                other = np.nextafter(half.numpy(), np.float16(direction)).astype(np.float64)
            nearer = (found.double() - wanted).abs() <= (torch.from_numpy(other) - wanted).abs()
            assert bool(nearer[inside].all())


def test_the_nearest_power_of_two_is_stored() -> None:
    grid = GRIDS["MXFP4"]
    powers = torch.arange(-128, 125, dtype=torch.float64)
    wanted = torch.rand(40, 8, generator=torch.Generator().manual_seed(1)).double() * 250 - 126
    stored = grid.store(wanted.exp2().float(), None).scale
    best = (powers - wanted[..., None]).abs().amin(-1)
    assert torch.allclose((stored.double().log2() - wanted).abs(), best, atol=1e-5)
    edges = grid.store(torch.tensor([[0.0, 2.0**-149, -1.0, 3.4e38]]), None)
    assert edges.scale.tolist() == [[2.0**-128, 2.0**-128, 1.0, 2.0**124]]
    assert np.isfinite(12 * edges.scale.numpy()).all()


@pytest.mark.parametrize("name", SUPER)
def test_the_nearest_small_scales_are_stored(name: str) -> None:
    """Under coarse scales that are given: by brute force over all factors."""
    grid = GRIDS[name]
    assert grid.small is not None
    blocks, _ = decoded(grid, seed=9, rows=3)
    like, noise = blocks.scales.fields, torch.Generator().manual_seed(1)
    groups = grid.codec.width // grid.group
    factors = torch.arange(grid.small[0], grid.small[1] + 1).double()

    def wanted(coarse: str, sign: int) -> torch.Tensor:
        d = torch.from_numpy(like[coarse].astype(np.float32))[:, None]
        spread = torch.rand(len(d), groups, generator=noise) * 1.4 - 0.2
        return (sign * d * (factors[0] + spread * (factors[-1] - factors[0]))).float()

    scale = wanted("d", 1)
    shift = wanted("dmin", -1) if grid.shifted else None
    stored = grid.store(scale.view(3, -1), None if shift is None else shift.view(3, -1), like)
    for coarse, found, target in (("d", stored.scale, scale), ("dmin", stored.shift, shift)):
        if target is None or found is None:
            continue
        d = torch.from_numpy(like[coarse].astype(np.float64))[:, None]
        choices = d[..., None] * factors * (1 if coarse == "d" else -1)
        best = (choices - target.double()[..., None]).abs().amin(-1)
        off = (found.view_as(target).double() - target.double()).abs()
        assert torch.allclose(off, best, rtol=1e-5, atol=1e-7 * float(d.abs().max()))
        assert stored.fields[coarse] is like[coarse]


@pytest.mark.parametrize("name", SUPER)
def test_without_coarse_scales_the_largest_group_sets_them(name: str) -> None:
    grid = GRIDS[name]
    assert grid.small is not None
    noise, top = torch.Generator().manual_seed(4), max(map(abs, grid.small))
    groups = grid.codec.width // grid.group
    scale = torch.rand(5, groups, generator=noise) + 0.01
    shift = -torch.rand(5, groups, generator=noise) if grid.shifted else None
    stored = grid.store(scale, shift)
    # the float16 and half a step of the smallest
    assert torch.allclose(stored.scale, scale, rtol=0, atol=float(scale.max()) * 0.52 / top)
    largest = scale.argmax(1, keepdim=True)
    found, wanted = stored.scale.gather(1, largest), scale.gather(1, largest)
    assert torch.allclose(found, wanted, rtol=2.0**-11, atol=0)
    if stored.shift is not None and shift is not None:
        assert torch.allclose(stored.shift, shift, rtol=0, atol=0.52 / top)


@pytest.mark.parametrize("name", SUPER)
def test_empty_super_blocks_are_empty(name: str) -> None:
    grid = GRIDS[name]
    zero = torch.zeros(1, grid.codec.width // grid.group)
    stored = grid.store(zero, zero if grid.shifted else None)
    assert not stored.scale.any()
    assert stored.shift is None or not stored.shift.any()


def test_scales_go_where_the_weights_are() -> None:
    blocks, _ = decoded(GRIDS["Q4_1"], seed=0)
    moved = blocks.scales.to("meta")
    assert moved.scale.device.type == "meta"
    assert moved.shift is not None
    assert moved.shift.device.type == "meta"
    assert moved.fields is blocks.scales.fields
