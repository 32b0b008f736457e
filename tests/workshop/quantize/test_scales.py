"""The search for scales against ggml's encoders, brute force, and groups that are hard on it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from blocks import KINDS, importance, random_bytes, weights
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.bundle.codecs import CODECS
from penjing.core.errors import BadInput
from penjing.ggml.quantize import dequantize, quantize
from penjing.workshop.quantize.grids import GRIDS, Grid
from penjing.workshop.quantize.scales import require_filled, round_to, search

SUPER = [name for name, grid in GRIDS.items() if grid.small is not None]
SIMPLE = [name for name in GRIDS if name not in SUPER]
CENTRED = [name for name in SIMPLE if not GRIDS[name].shifted]

seeds = st.integers(0, 2**31)


def rounded(grid: Grid, x: torch.Tensor, m: torch.Tensor) -> torch.Tensor:
    return grid.values(round_to(grid, x, search(grid, x, m)))


def by_ggml(grid: Grid, x: torch.Tensor, m: torch.Tensor) -> torch.Tensor:
    raw = quantize(grid.codec, x.numpy(), m.numpy())
    return torch.from_numpy(dequantize(grid.codec, raw, tuple(x.shape)))


def error(x: torch.Tensor, q: torch.Tensor, m: torch.Tensor) -> float:
    return float(((x.double() - q.double()).square() * m.double()).sum())


def tensors(
    kind: str, rows: int, row: int, seed: int = 0, spread: float = 1.0
) -> list[torch.Tensor]:
    made = weights(kind, rows, row, seed), importance(row, seed, spread)
    return [torch.from_numpy(each) for each in made]


# -- how good


@pytest.mark.parametrize("spread", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SIMPLE)
def test_no_worse_than_the_encoders_of_ggml(name: str, kind: str, spread: float) -> None:
    grid = GRIDS[name]
    x, m = tensors(kind, 40, 640, seed=5, spread=spread)
    ours, theirs = error(x, rounded(grid, x, m), m), error(x, by_ggml(grid, x, m), m)
    assert ours <= theirs
    if name == "Q2_0":
        assert ours < 0.4 * theirs
    if name == "Q5_1" and kind != "super weight":
        assert ours < 0.97 * theirs


@pytest.mark.parametrize("name", SUPER)
def test_scales_of_super_blocks_are_those_of_ggml(name: str) -> None:
    grid = GRIDS[name]
    x, m = tensors("student", 8, 512)
    raw = quantize(grid.codec, x.numpy(), m.numpy())
    found = search(grid, x, m)
    assert torch.equal(found.scale, grid.decode(raw, (8, 512)).scales.scale)
    # and codes that are nearest are never worse than codes that ggml left
    assert error(x, rounded(grid, x, m), m) <= error(x, by_ggml(grid, x, m), m) * (1 + 1e-6)
    each = search(grid, x, torch.stack([2 * m, 0 * m]).repeat(4, 1))
    assert torch.equal(each.scale, found.scale)  # the mean over rows


@pytest.mark.parametrize(
    ("name", "spread"),
    [(name, spread) for name in CENTRED if name != "MXFP4" for spread in (0.5, 2.0)]
    + [("Q2_0", 4.0)],
)
def test_four_hundred_places_to_begin_with_gain_next_to_nothing(name: str, spread: float) -> None:
    grid = GRIDS[name]
    x, m = tensors("student", 6, 640, seed=3, spread=spread)
    ours = error(x, rounded(grid, x, m), m)
    # where few weights matter, luck with them does
    assert ours <= (1.02 if name == "Q2_0" or spread < 1 else 1.05) * scanned(grid, x, m)


def scanned(grid: Grid, x: torch.Tensor, m: torch.Tensor) -> float:
    """The error after a plain search in float64: of all scales, the best for the nearest codes."""
    levels = torch.tensor(sorted(set(grid.levels)), dtype=torch.float64)
    middles = (levels[1:] + levels[:-1]) / 2
    groups = x.double().unflatten(-1, (-1, grid.group))
    weight = m.double().view(-1, grid.group)
    extreme = groups.abs().amax(-1, keepdim=True) / levels.abs().max()
    best = torch.full(groups.shape[:-1], torch.inf, dtype=torch.float64)
    for share in torch.cat([torch.linspace(0.02, 0.6, 80), torch.linspace(0.6, 1.25, 120)]):
        for scale in (extreme * share, -extreme * share):
            level = levels[torch.bucketize(groups / scale, middles)]
            slope = (weight * level * groups).sum(-1) / (weight * level.square()).sum(-1)
            off = groups - slope.nan_to_num()[..., None] * level
            best = torch.minimum(best, (weight * off.square()).sum(-1))
    return float(best.sum())


def best_error(grid: Grid, x: torch.Tensor, m: torch.Tensor) -> torch.Tensor:
    """[groups] the least error of all codes, each with its own best scale (and minimum)."""
    levels = torch.tensor(sorted(set(grid.levels)), dtype=torch.float64)
    codes = torch.cartesian_prod(*[levels] * x.shape[1])
    out = []
    for values, weight in zip(x.double(), m.double(), strict=True):
        share = weight / weight.sum()
        mean = values @ share if grid.shifted else 0.0
        middle = (codes @ share)[:, None] if grid.shifted else 0.0
        v, c = values - mean, codes - middle
        square = (c.square() @ share).clamp(min=1e-30)
        gain = ((c * v) @ share).square() / square
        out.append((v.square() @ share - gain.max()) * weight.sum())
    return torch.stack(out)


@pytest.mark.parametrize(
    ("name", "size", "typical", "total"),
    [
        ("Q1_0", 8, 1.0, 1.0),
        ("Q2_0", 4, 1.0, 1.0),
        ("Q2_0", 8, 1.0, 1.02),
        ("Q4_0", 4, 1.0, 1.3),
        ("Q4_1", 4, 1.02, 2.5),
    ],
)
@pytest.mark.parametrize("seed", [3, 4])
def test_near_the_best_of_all_codes(
    name: str, size: int, typical: float, total: float, seed: int
) -> None:
    """In groups so small that every assignment of codes can be tried.

    The fewer numbers there are for a level, the luckier the best: sixteen levels for four numbers
    fit some groups almost exactly.
    """
    codec = CODECS[name]
    grid = Grid(codec, size, GRIDS[name].levels, GRIDS[name].shifted)
    noise = torch.Generator().manual_seed(seed)
    x = torch.randn(1, 128, generator=noise)
    m = torch.rand(128, generator=noise) + 0.1
    best = best_error(grid, x.view(-1, size), m.view(-1, size))
    found = ((x - rounded(grid, x, m)).double().square() * m).view(-1, size).sum(1)
    slack = 1e-6 * (x.square() * m).view(-1, size).sum(1)  # scales are float16
    assert bool((found >= best - slack).all())
    assert float(found.sum()) <= total * float(best.sum()) + float(slack.sum())
    assert float((found / (best + slack)).median()) <= 1.001 * typical


@pytest.mark.parametrize("name", SIMPLE)
@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_what_is_on_the_grid_stays_there(name: str, seed: int) -> None:
    """Groups that reach the outermost level (and with a minimum, both ends)."""
    grid, noise = GRIDS[name], torch.Generator().manual_seed(seed)
    levels = grid.table[torch.randint(len(grid.levels), (4, 5, grid.group), generator=noise)]
    levels[..., 0] = grid.table[grid.table.abs().argmax()]
    levels[..., 1] = grid.table.min()
    scale = (torch.rand(4, 5, 1, generator=noise) + 0.5).half().float() / 64
    scale = 2.0 ** scale.log2().round() if name == "MXFP4" else scale
    minimum = -(2.0**-4) if grid.shifted else 0.0
    x = (levels * scale + minimum).flatten(1)
    x = torch.nn.functional.pad(x, (0, -x.shape[1] % grid.codec.width))
    m = torch.rand(x.shape[1], generator=noise) + 0.1
    assert torch.allclose(rounded(grid, x, m), x, rtol=0, atol=1e-6)


# -- what it must not depend on


@pytest.mark.parametrize("name", SIMPLE)
@given(seed=seeds, power=st.sampled_from([-3, 1, 5]), louder=st.sampled_from([-40, 7]))
@settings(max_examples=10, deadline=None)
def test_units_are_of_no_account(name: str, seed: int, power: int, louder: int) -> None:
    grid = GRIDS[name]
    x, m = tensors("laplace", 3, 640, seed)
    plain, scaled = search(grid, x, m), search(grid, x * 2.0**power, m * 2.0**louder)
    assert torch.allclose(scaled.scale, plain.scale * 2.0**power, rtol=1e-3, atol=1e-7)
    if plain.shift is not None and scaled.shift is not None:
        assert torch.allclose(scaled.shift, plain.shift * 2.0**power, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("name", SIMPLE)
def test_rows_do_not_touch_each_other(name: str) -> None:
    grid = GRIDS[name]
    x, m = tensors("student", 300, 640)  # more than one piece
    whole = search(grid, x, m)
    some = search(grid, x[[7, 205, 299]], m)
    assert torch.equal(whole.scale[[7, 205, 299]], some.scale)
    each = search(grid, x[:4], m.expand(4, 640))
    assert torch.equal(whole.scale[:4], each.scale)
    if whole.shift is not None and some.shift is not None and each.shift is not None:
        assert torch.equal(whole.shift[[7, 205, 299]], some.shift)
        assert torch.equal(whole.shift[:4], each.shift)


@pytest.mark.parametrize("name", SIMPLE)
def test_importance_of_each_weight_is_heard(name: str) -> None:
    grid = GRIDS[name]
    x, m = tensors("normal", 6, 640)
    each = torch.stack([m.roll(k) for k in range(6)])
    found = search(grid, x, each)
    for k in range(6):
        assert torch.equal(found.scale[k], search(grid, x[k : k + 1], each[k]).scale[0])


@pytest.mark.parametrize("name", SIMPLE)
def test_a_channel_without_importance_does_not_set_the_scale(name: str) -> None:
    grid = GRIDS[name]
    x, m = tensors("normal", 20, 640)
    loud = x.clone()
    loud[:, :: grid.group] = 1.5 * x.abs().amax()
    silent = m.clone()
    silent[:: grid.group] = 0
    without = error(x, rounded(grid, x, silent), silent)
    assert error(loud, rounded(grid, loud, silent), silent) < 1.01 * without


@pytest.mark.parametrize("name", ["Q4_1", "Q5_1"])
def test_groups_far_from_zero_are_resolved(name: str) -> None:
    """The minimum takes what they have in common, silent channels or not."""
    grid = GRIDS[name]
    x, m = tensors("normal", 8, 640)
    silent = m.clone()
    silent[:: grid.group] = 0
    for weight in (m, silent):
        alone = error(x, rounded(grid, x, weight), weight)
        beside = error(x + 1, rounded(grid, x + 1, weight), weight)
        # the minimum is a float16 near 1: off by 2^-12 at most
        assert beside < 1.02 * alone + 2.0**-24 * float(weight.sum() * len(x))


# -- hard groups


@pytest.mark.parametrize("name", SIMPLE)
@pytest.mark.parametrize("size", [0.0, -0.0, 1e-45, -1e-39, 1e-30, 1e-8, 6e-6, 1e6, 1e20, 3.4e38])
def test_extreme_groups_stay_finite(name: str, size: float) -> None:
    """All zero, denormal, and beyond what float16 scales can say: clipped, never infinite."""
    grid = GRIDS[name]
    x = extreme(size, grid.codec.width)
    found = search(grid, x, torch.ones(grid.codec.width))
    q = grid.values(round_to(grid, x, found))
    assert bool(torch.isfinite(found.scale).all())
    assert bool(torch.isfinite(q).all())
    assert bool((q.abs() <= 2 * x.abs().amax(1, keepdim=True) + 1e-6).all())
    if size == 0:
        assert not q.any()
    if size >= 1e20:
        large = x.abs() > 0.9 * size
        assert bool((q.sign() == x.sign())[large].all())
        assert name == "MXFP4" or float(q.abs().max()) >= 65504


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("size", [1e-2, 1.0, 1e4])
def test_no_weight_is_further_than_a_step(name: str, size: float) -> None:
    grid = GRIDS[name]
    x = extreme(size, grid.codec.width)
    found = search(grid, x, torch.ones(grid.codec.width))
    q = grid.values(round_to(grid, x, found))
    step = float(found.scale.abs().max()) * float(grid.table.sort().values.diff().max())
    assert float((x - q).abs().max()) <= 1.01 * step


def extreme(size: float, row: int) -> torch.Tensor:
    """Rows that have both signs, one sign, and a single weight."""
    x = (torch.rand(3, row, generator=torch.Generator().manual_seed(1)) * 2 - 1) * size
    x[1] = x[1].abs()
    x[2, 1:] = 0
    return x


@pytest.mark.parametrize("name", SIMPLE)
@pytest.mark.parametrize("value", [1.0, -0.37, 0.02, -1e-3, 100.0])
def test_constant_groups(name: str, value: float) -> None:
    grid = GRIDS[name]
    x = torch.full((2, 640), value)
    q = rounded(grid, x, torch.rand(640, generator=torch.Generator().manual_seed(1)) + 0.1)
    near = 0.2 if name == "MXFP4" else 2.0**-11  # 1.25 lies between 1 and 1.5
    denormal = 2.0**-25 * float(grid.table.abs().max())
    assert torch.allclose(q, x, rtol=near, atol=denormal)
    low, high = q.view(2, -1, grid.group).aminmax(dim=-1)
    assert torch.equal(low, high)


@pytest.mark.parametrize("name", SIMPLE)
def test_a_super_weight_is_kept(name: str) -> None:
    """One weight of a hundred times the others' size, as important as they are."""
    grid = GRIDS[name]
    x, m = tensors("normal", 4, 640)
    x[2, 100] = 3.0
    q = rounded(grid, x, m)
    if name != "Q1_0":  # which has one size for a whole group
        assert float(q[2, 100]) == pytest.approx(3.0, rel=0.2 if name == "MXFP4" else 0.02)
    others = torch.ones(640, dtype=torch.bool)
    others[100 // grid.group * grid.group :][: grid.group] = False
    alone = rounded(grid, x.where(x < 3, 0), m)
    assert torch.equal(q[:, others], alone[:, others])


@pytest.mark.parametrize("name", [n for n in CENTRED if n not in ("MXFP4", "Q8_0", "Q1_0")])
def test_scales_may_be_negative(name: str) -> None:
    """The longer side of the grid goes to the side of the group where the extreme is."""
    grid = GRIDS[name]
    x = torch.linspace(-0.5, 1.0, grid.group).repeat(1, grid.codec.width // grid.group)
    m = torch.ones(x.shape[1])
    found, mirrored = search(grid, x, m), search(grid, -x, m)
    longer = max(grid.levels) + min(grid.levels)
    assert float(found.scale[0, 0]) * longer > 0
    assert torch.equal(mirrored.scale, -found.scale)


@pytest.mark.parametrize("name", SIMPLE)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_any_group_is_better_than_nothing(name: str, data: st.DataObject) -> None:
    """Less error than zeros (with a minimum: than the mean), up to what scales are rounded by."""
    grid = GRIDS[name]
    numbers = st.sampled_from([0.0, 1.0, -1.0, 0.5, 1e-3, -7.0, 100.0, 3.25])
    values = data.draw(st.lists(numbers, min_size=1, max_size=grid.codec.width))
    loud = data.draw(st.lists(st.sampled_from([0.0, 1e-6, 1.0, 30.0]), min_size=1, max_size=40))
    x = torch.tensor(list(itertools.islice(itertools.cycle(values), grid.codec.width)))[None]
    m = torch.tensor(list(itertools.islice(itertools.cycle(loud), grid.codec.width)))
    if not m.any():
        return
    q = rounded(grid, x, m)
    assert bool(torch.isfinite(q).all())
    floor = torch.zeros_like(x)
    if grid.shifted:
        w = m + 1e-6 * m.mean()
        floor = ((x * w).sum() / w.sum()).expand_as(x)
    most = error(x, floor, m + 1e-6 * m.mean())
    slack = 1e-5 * float((x.square() * m).sum() + x.square().mean() * m.mean())
    if name == "MXFP4":  # of four powers of two the best, which may be worse than zeros by a little
        most *= 1.2
    assert error(x, q, m) <= most * (1 + 1e-3) + slack


# -- refusals


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (torch.zeros(640), "never filled: run the calibration first"),
        (torch.full((640,), -1.0), "negative: run the calibration again"),
        (torch.full((640,), torch.nan), "not finite"),
        (torch.full((640,), torch.inf), "not finite"),
    ],
)
def test_importance_that_cannot_be_is_refused(bad: torch.Tensor, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        require_filled(bad)
    with pytest.raises(BadInput, match=words):
        search(GRIDS["Q4_0"], torch.ones(2, 640), bad)


@pytest.mark.parametrize("name", ["Q4_0", "Q5_1", "Q4_K"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_damaged_weight_is_refused(name: str, bad: float) -> None:
    x = torch.ones(2, 512)
    x[1, 3] = bad
    with pytest.raises(BadInput, match="not a number"):
        search(GRIDS[name], x, torch.ones(512))


def test_a_row_that_does_not_fit_is_refused() -> None:
    with pytest.raises(BadInput, match="multiple of 64, not 96"):
        search(GRIDS["Q2_0"], torch.ones(2, 96), torch.ones(96))


def test_codes_are_nearest_to_the_scales_they_are_given() -> None:
    grid = GRIDS["Q4_1"]
    raw = random_bytes(grid.codec, 6, seed=2)
    scales = grid.decode(raw, (2, 96)).scales
    x = torch.randn(2, 96, generator=torch.Generator().manual_seed(0))
    blocks = round_to(grid, x, scales)
    assert blocks.scales is scales
    assert scales.shift is not None
    choices = grid.table * scales.scale[..., None, None] + scales.shift[..., None, None]
    taken = (grid.values(blocks) - x).abs().view(2, 3, 32)
    best = (choices - x.view(2, 3, 32, 1)).abs().amin(-1)
    assert np.allclose(taken, best, rtol=1e-5, atol=1e-6)
