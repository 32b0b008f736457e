"""What is trained is what is exported, and gradients are those that automatic differentiation
finds when rounding is taken as the identity."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
import torch
from blocks import random_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.core.errors import PenjingError
from penjing.ggml.quantize import dequantize
from penjing.workshop.distill.latent import Latent
from penjing.workshop.quantize.gptq import gptq
from penjing.workshop.quantize.grids import GRIDS, Grid
from penjing.workshop.quantize.scales import round_to, search

SIMPLE = [name for name, grid in GRIDS.items() if grid.small is None]
seeds = st.integers(0, 2**31)


def started(grid: Grid, seed: int, rows: int = 3) -> Latent:
    """A tensor with scales of usual size, some weights beyond the grid, one group empty."""
    noise = torch.Generator().manual_seed(seed)
    w = torch.randn(rows, 2 * grid.codec.width, generator=noise) * 0.05
    w[0, : grid.codec.width] = 0
    scales = search(grid, w * 0.8, torch.ones(w.shape[1]))
    return Latent(grid, w, scales)


def trained(grid: Grid, seed: int, far: float = 0.3) -> Latent:
    """After some steps: everything has moved."""
    latent = started(grid, seed)
    noise = torch.Generator().manual_seed(seed + 1)
    latent.weight += far * 0.05 * torch.randn(latent.weight.shape, generator=noise)
    latent.stretch += far * torch.randn(latent.stretch.shape, generator=noise)
    if latent.drift is not None:
        latent.drift += far * torch.randn(latent.drift.shape, generator=noise)
    return latent


def backward(latent: Latent, seed: int = 0, heard: torch.Tensor | None = None) -> torch.Tensor:
    """Project and give back a random gradient where weights are `heard`; gives that gradient."""
    values = latent.project(torch.float32)
    given = torch.randn(values.shape, generator=torch.Generator().manual_seed(seed))
    given = given if heard is None else given * heard
    (values * given).sum().backward()
    latent.receive()
    return given


# -- forward


@pytest.mark.parametrize("name", GRIDS)
@given(seed=seeds, far=st.sampled_from([0.0, 0.05, 0.3, 2.0, 1e5]))
@settings(max_examples=8, deadline=None)
def test_what_is_projected_is_what_the_engine_reads(name: str, seed: int, far: float) -> None:
    latent = trained(GRIDS[name], seed, far)
    values = latent.project(torch.float32)
    raw = latent.grid.encode(latent.blocks())
    engine = dequantize(latent.grid.codec, raw, tuple(values.shape))
    assert values.is_leaf
    assert values.requires_grad
    assert np.isfinite(engine).all()
    assert np.array_equal(values.detach().numpy().view(np.uint32), engine.view(np.uint32))


@pytest.mark.parametrize("name", GRIDS)
def test_an_untrained_latent_gives_the_bytes_it_came_from(name: str) -> None:
    grid = GRIDS[name]
    w = torch.randn(4, grid.codec.width, generator=torch.Generator().manual_seed(0))
    x = torch.randn(400, grid.codec.width, generator=torch.Generator().manual_seed(1))
    done = gptq(grid, w, x.t() @ x)
    latent = Latent(grid, done.latent, done.blocks.scales)
    assert np.array_equal(grid.encode(latent.blocks()), grid.encode(done.blocks))
    assert torch.equal(latent.project(torch.float32), grid.values(done.blocks))


@pytest.mark.parametrize("name", GRIDS)
def test_bytes_from_anywhere_can_be_trained_on(name: str) -> None:
    """Any scales that a file can hold; weights start on the values themselves."""
    grid = GRIDS[name]
    raw = random_bytes(grid.codec, 6, seed=4)
    shape = (2, 3 * grid.codec.width)
    blocks = grid.decode(raw, shape)
    latent = Latent(grid, grid.values(blocks), blocks.scales)
    engine = dequantize(grid.codec, raw, shape)
    assert np.allclose(latent.project(torch.float32).detach(), engine, rtol=3e-7, atol=0)


@pytest.mark.parametrize("name", SIMPLE)
def test_stretch_multiplies_and_drift_moves_by_scales(name: str) -> None:
    latent = started(GRIDS[name], 8)
    first = latent.scales()
    latent.stretch *= 2.0
    now = latent.scales()
    assert torch.equal(now.scale, 2 * first.scale)
    if latent.drift is None or first.shift is None or now.shift is None:
        assert now.shift is None
        return
    assert torch.equal(now.shift, first.shift)
    latent.drift -= 3.0
    moved = latent.scales().shift
    assert moved is not None
    assert torch.allclose(moved, first.shift - 3 * first.scale, rtol=1e-3, atol=1e-7)


def test_short_floats_are_the_exported_ones_rounded() -> None:
    latent = trained(GRIDS["Q4_1"], 0)
    exact = latent.project(torch.float32).detach()
    short = latent.project(torch.bfloat16)
    assert short.dtype == torch.bfloat16
    assert torch.equal(short.detach(), exact.bfloat16())


def test_pieces_are_of_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    latent = trained(GRIDS["Q5_1"], 1)
    whole = latent.project(torch.float32).detach()
    backward(latent)
    gradients = [p.grad for part in latent.parameters() for p in part]
    monkeypatch.setattr("penjing.workshop.distill.latent._PIECE", 1)
    assert torch.equal(latent.project(torch.float32), whole)
    backward(latent)
    for before, part in zip(gradients, chain(*latent.parameters()), strict=True):
        assert torch.equal(before, part.grad)


def test_nothing_is_shared_with_what_it_was_made_from() -> None:
    grid = GRIDS["Q4_0"]
    w = torch.randn(2, 64, generator=torch.Generator().manual_seed(0))
    scales = search(grid, w, torch.ones(64))
    before = w.clone(), scales.scale.clone()
    latent = Latent(grid, w, scales)
    latent.weight += 1
    latent.stretch *= 2
    latent.project(torch.float32)
    assert torch.equal(w, before[0])
    assert torch.equal(scales.scale, before[1])


@pytest.mark.parametrize("name", GRIDS)
def test_the_step_is_the_usual_distance_between_levels(name: str) -> None:
    latent = started(GRIDS[name], 3)
    grid = latent.grid
    every = latent.scales().scale.abs().double().mean() * grid.table.sort().values.diff().double()
    gaps = every[every > 0]
    assert latent.step == pytest.approx(float(gaps.mean()), rel=1e-5)


# -- backward


def straight_through(latent: Latent, given: torch.Tensor) -> dict[str, torch.Tensor]:
    """The same gradients by automatic differentiation of the definition, group after group."""
    grid, now, first = latent.grid, latent.scales(), latent._first
    levels = grid.table.double()
    w = latent.weight.double().requires_grad_()
    stretch = latent.stretch.double().requires_grad_()
    drift = None if latent.drift is None else latent.drift.double().requires_grad_()
    scale = first.scale.double() * stretch
    scale = scale + (now.scale.double() - scale).detach()  # what the bytes can hold of it
    shift = torch.zeros_like(scale)
    if drift is not None and first.shift is not None and now.shift is not None:
        shift = first.shift.double() + drift * first.scale.double()
        shift = shift + (now.shift.double() - shift).detach()
    s, t = scale.repeat_interleave(grid.group, 1), shift.repeat_interleave(grid.group, 1)
    x = (w - t) / s.where(s != 0, torch.inf)
    level = levels[(x.detach()[..., None] - levels).abs().argmin(-1)]
    inside = (x.detach() >= levels.min() - 0.5) & (x.detach() <= levels.max() + 0.5)
    straight = torch.where(inside, x + (level - x).detach(), level)
    values = s * straight + t
    off = (values.float() - latent.project(torch.float32)) * (given != 0)
    assert bool((off.abs() <= 1e-7 + 1e-5 * values.abs()).all())
    (values * given.double()).sum().backward()
    assert w.grad is not None
    # out there, only what descent would bring nearer to the grid moves
    outwards = (w - t).detach().sign()
    returning = ~inside & (given * outwards > 0)
    out = {"weight": w.grad + given.double() * returning, "stretch": stretch.grad}
    return out if drift is None else out | {"drift": drift.grad}


@pytest.mark.parametrize("name", GRIDS)
@given(seed=seeds, far=st.sampled_from([0.05, 0.5, 2.0]))
@settings(max_examples=8, deadline=None)
def test_gradients_are_those_of_automatic_differentiation(name: str, seed: int, far: float) -> None:
    latent = trained(GRIDS[name], seed, far)
    given = backward(latent, seed, decided(latent))
    found = {"weight": latent.weight, "stretch": latent.stretch, "drift": latent.drift}
    for part, wanted in straight_through(latent, given).items():
        tensor = found[part]
        assert tensor is not None
        assert tensor.grad is not None
        assert tensor.grad.shape == tensor.shape
        assert torch.allclose(tensor.grad.double(), wanted, rtol=1e-4, atol=1e-5)


def decided(latent: Latent) -> torch.Tensor:
    """Where float32 and float64 surely agree: not between two levels, not without a scale."""
    now, group = latent.scales(), latent.grid.group
    s = now.scale.repeat_interleave(group, 1)
    t = torch.zeros_like(s) if now.shift is None else now.shift.repeat_interleave(group, 1)
    doubled = 2 * (latent.weight - t).double() / s  # boundaries are at multiples of a half
    off = (doubled - doubled.round()).abs()
    return (s != 0) & (off > 1e-4 * (1 + t.abs() / s.abs()))


@pytest.mark.parametrize("name", GRIDS)
def test_both_sides_of_the_grid_are_reached_in_these_tests(name: str) -> None:
    latent = trained(GRIDS[name], 0, 2.0)
    backward(latent)
    assert latent.weight.grad is not None
    still = latent.weight.grad == 0
    assert 0.0005 < float(still.double().mean()) < 0.9


@pytest.mark.parametrize("name", SIMPLE)
def test_gradients_predict_what_happens_where_codes_stay(name: str) -> None:
    """By finite differences: weights and scale grow together by a share, so no code changes.

    Then v - t grows by that share as well, and what weights and scale are said to add to the loss
    must come to exactly that.
    """
    latent = trained(GRIDS[name], 5, 0.5)
    given = backward(latent, 1)
    assert latent.weight.grad is not None
    assert latent.stretch.grad is not None
    now, group = latent.scales(), latent.grid.group
    shift = torch.zeros_like(now.scale) if now.shift is None else now.shift
    t = shift.repeat_interleave(group, 1)
    values = latent.project(torch.float32).detach()
    x = (latent.weight - t) / now.scale.repeat_interleave(group, 1)
    levels = latent.grid.table
    inside = (x >= levels.min() - 0.5) & (x <= levels.max() + 0.5)
    share = 1e-3
    before = (given * values).double().sum()
    codes = latent.blocks().codes
    grown = levels[codes.int()] * (now.scale * (1 + share)).repeat_interleave(group, 1) + t
    happened = ((given * grown).double().sum() - before) / share
    # weights that are out may be pulled back: that part is not a gradient
    by_weights = ((latent.weight - t) * latent.weight.grad * inside).double().sum()
    first = latent._first.scale
    by_scale = (latent.stretch.grad * now.scale / first.where(first != 0, 1)).double().sum()
    assert float(by_weights + by_scale) == pytest.approx(float(happened), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("name", SIMPLE)
def test_the_scale_of_clipped_weights_has_a_plain_derivative(name: str) -> None:
    """All weights far out: codes do not change with the scale, and finite differences say it."""
    grid = GRIDS[name]
    noise = torch.Generator().manual_seed(2)
    w = torch.randn(2, grid.codec.width, generator=noise).sign() * 500
    groups = grid.codec.width // grid.group
    unit = torch.full((2, groups), 0.25)
    latent = Latent(grid, w, grid.store(unit, -unit if grid.shifted else None))
    given = backward(latent)
    assert latent.stretch.grad is not None
    for k in range(groups):
        before, after = ((given * _stretched(latent, k, by)).sum() for by in (0.5, 2.0))
        slope = float(after - before) / 1.5
        assert float(latent.stretch.grad[:, k].sum()) == pytest.approx(slope, rel=1e-4, abs=1e-4)


def _stretched(latent: Latent, group: int, by: float) -> torch.Tensor:
    """Values when one group's scale is `by` times what it was; powers of two: stored exactly."""
    latent.stretch[:, group] = by
    values = latent.project(torch.float32).detach()
    latent.stretch[:, group] = 1
    return values


def test_a_weight_beyond_the_grid_may_only_come_back() -> None:
    grid = GRIDS["Q4_0"]
    for sign in (1.0, -1.0):
        scales = grid.store(torch.full((1, 1), sign * 0.25), None)
        w = torch.zeros(1, 32)
        w[0, :4] = torch.tensor([10.0, 10.0, -10.0, -10.0])
        latent = Latent(grid, w, scales)
        latent.project(torch.float32)
        latent.values.grad = torch.zeros(1, 32)
        latent.values.grad[0, :6] = torch.tensor([1.0, -1.0, 1.0, -1.0, 2.0, -3.0])
        latent.receive()
        assert latent.weight.grad is not None
        assert latent.weight.grad[0, :6].tolist() == [1.0, 0.0, 0.0, -1.0, 2.0, -3.0]


@pytest.mark.parametrize("name", ["Q2_0", "Q4_1", "IQ4_NL"])
def test_descent_moves_weights_and_scales(name: str) -> None:
    """Scales start too large: the target is met better than these scales could ever do."""
    grid = GRIDS[name]
    noise = torch.Generator().manual_seed(0)
    target = torch.randn(4, 64, generator=noise) * 0.1
    scales = search(grid, target * 2, torch.ones(64))
    best = grid.values(round_to(grid, target, scales))
    stuck = float((best - target).square().sum())
    latent = Latent(grid, target + 0.1 * torch.randn(4, 64, generator=noise), scales)
    weights, others = latent.parameters()
    optimizer = torch.optim.Adam(
        [{"params": weights, "lr": 0.2 * latent.step}, {"params": others, "lr": 0.02}]
    )
    slower = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=100)
    for _ in range(100):
        loss = (latent.project(torch.float32) - target).square().sum()
        loss.backward()
        latent.receive()
        optimizer.step()
        slower.step()
    assert loss.item() < 0.9 * stuck


def test_a_tensor_that_got_no_gradient_is_an_error() -> None:
    latent = started(GRIDS["Q4_0"], 0)
    with pytest.raises(PenjingError, match="got no gradient"):
        latent.receive()
    latent.project(torch.float32)
    with pytest.raises(PenjingError, match="go backward"):
        latent.receive()
    backward(latent)
    with pytest.raises(PenjingError):  # a gradient is received once
        latent.receive()
