"""GPTQ on codecs against the paper's slow algorithm, and what it must not do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from blocks import weights
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.core.errors import BadInput
from penjing.ggml.quantize import dequantize
from penjing.workshop.quantize.gptq import DAMPING, RoundedTensor, gptq
from penjing.workshop.quantize.grids import GRIDS, Grid
from penjing.workshop.quantize.scales import round_to, search

SIMPLE = [name for name, grid in GRIDS.items() if grid.small is None]


def columns(grid: Grid) -> int:
    """Of a matrix of several blocks, but not more than the slow algorithm can bear."""
    return min(3 * grid.codec.width, 256)


def matrix(rows: int, row: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(weights("student", rows, row, seed))


def correlated(row: int, count: int, seed: int = 0) -> torch.Tensor:
    """X X^T of inputs that move together, a few channels louder than others: [row, row]."""
    noise = torch.Generator().manual_seed(seed)
    mix = torch.randn(row // 4, row, generator=noise) + 0.3 * torch.randn(1, row, generator=noise)
    x = torch.randn(count, row // 4, generator=noise) @ mix / row**0.5
    x += 0.3 * torch.randn(count, row, generator=noise)
    x *= torch.exp(torch.randn(row, generator=noise))
    return x.t() @ x


def loss(w: torch.Tensor, q: torch.Tensor, hessian: torch.Tensor) -> float:
    off = w.double() - q.double()
    return float(((off @ hessian.double()) * off).sum())


def slowly(grid: Grid, w: torch.Tensor, hessian: torch.Tensor, done: RoundedTensor) -> torch.Tensor:
    """Codes by optimal brain surgery, one column after another, with the scales of `done`.

    Float64. After a column is rounded, all others move by the inverse Hessian (eq. 2), and the
    column leaves the inverse (eq. 3): nothing is factored, nothing waits for a block to end.
    """
    left, row = w.double().clone(), w.shape[1]
    damped = hessian.double()
    damped += DAMPING * damped.diagonal().mean() * torch.eye(row, dtype=torch.float64)
    inverse = torch.linalg.inv(damped)
    levels = grid.table.double()
    scales, codes = done.blocks.scales, []
    for j in range(row):
        scale = scales.scale[:, j // grid.group].double()
        shift = torch.zeros_like(scale)
        if scales.shift is not None:
            shift = scales.shift[:, j // grid.group].double()
        choices = scale[:, None] * levels + shift[:, None]
        code = (choices - left[:, j : j + 1]).abs().argmin(1)
        codes.append(code)
        off = left[:, j] - choices.gather(1, code[:, None])[:, 0]
        left[:, j:] -= torch.outer(off / inverse[0, 0], inverse[0])
        inverse = (inverse - torch.outer(inverse[:, 0], inverse[0]) / inverse[0, 0])[1:, 1:]
    return torch.stack(codes, dim=1)


@pytest.mark.parametrize("name", GRIDS)
def test_codes_are_those_of_the_slow_algorithm(name: str) -> None:
    grid = GRIDS[name]
    row = columns(grid)
    w, hessian = matrix(24, row), correlated(row, 2 * row)
    done = gptq(grid, w, hessian)
    codes = slowly(grid, w, hessian, done)
    values = grid.table[done.blocks.codes.int()], grid.table[codes]  # 0 and -0 are two codes
    # float32 may decide a tie the other way, and from there on the row is another
    assert int((values[0] == values[1]).all(1).sum()) >= 23


@pytest.mark.parametrize("name", SIMPLE)
def test_scales_are_searched_on_what_is_left_when_a_block_is_reached(name: str) -> None:
    """By the slow algorithm again, up to the second block: its scales are those of the search."""
    grid = GRIDS[name]
    width, row = grid.codec.width, 2 * grid.codec.width
    w, hessian = matrix(6, row), correlated(row, 3 * row)
    done = gptq(grid, w, hessian)
    first = search(grid, w[:, :width].contiguous(), hessian.diagonal()[:width])
    each = width // grid.group
    assert torch.allclose(done.blocks.scales.scale[:, :each], first.scale, rtol=2.0**-9)
    q = grid.values(done.blocks)[:, :width].double()
    damped = hessian.double()
    damped += DAMPING * damped.diagonal().mean() * torch.eye(row, dtype=torch.float64)
    # the best that the second block can do about the first one's error: a linear regression
    moved = (w[:, :width].double() - q) @ damped[:width, width:] @ damped[width:, width:].inverse()
    left = w[:, width:].double() + moved
    assert torch.allclose(done.latent[:, width:][:, 0].double(), left[:, 0], atol=1e-5)
    second = search(grid, left.float().contiguous(), hessian.diagonal()[width:])
    found = done.blocks.scales.scale[:, each:]
    assert torch.allclose(found, second.scale, rtol=2.0**-9)


@pytest.mark.parametrize("name", GRIDS)
def test_with_a_diagonal_hessian_it_is_plain_rounding(name: str) -> None:
    grid = GRIDS[name]
    width, row = grid.codec.width, columns(grid)
    w = matrix(9, row)
    diagonal = torch.rand(row, generator=torch.Generator().manual_seed(1)) + 0.01
    done = gptq(grid, w, diagonal.diag())
    assert torch.equal(done.latent, w)
    for first in range(0, row, width):
        block = slice(first, first + width)
        part = w[:, block].contiguous()
        plain = round_to(grid, part, search(grid, part, diagonal[block]))
        assert torch.equal(done.blocks.codes[:, block], plain.codes)


@pytest.mark.parametrize("name", GRIDS)
def test_correlated_inputs_lose_less_than_with_plain_rounding(name: str) -> None:
    grid = GRIDS[name]
    row = columns(grid)
    w, hessian = matrix(40, row), correlated(row, 4 * row)
    plain = grid.values(round_to(grid, w, search(grid, w, hessian.diagonal())))
    ours = grid.values(gptq(grid, w, hessian).blocks)
    assert loss(w, ours, hessian) < 0.75 * loss(w, plain, hessian)


@pytest.mark.parametrize("name", GRIDS)
def test_the_latent_rounds_to_the_codes_and_the_bytes_are_the_values(name: str) -> None:
    grid = GRIDS[name]
    row = 2 * grid.codec.width
    w = matrix(7, row)
    done = gptq(grid, w, correlated(row, row))
    again = round_to(grid, done.latent, done.blocks.scales)
    assert torch.equal(again.codes, done.blocks.codes)
    assert not torch.equal(done.latent, w)
    raw = grid.encode(done.blocks)
    assert raw.nbytes == grid.codec.nbytes(tuple(w.shape))
    engine = dequantize(grid.codec, raw, tuple(w.shape))
    assert np.array_equal(engine, grid.values(done.blocks).numpy())


@pytest.mark.parametrize("name", ["Q2_0", "Q4_1", "MXFP4", "Q4_K"])
def test_stacked_matrices_are_separate_ones(name: str) -> None:
    grid = GRIDS[name]
    row = columns(grid)
    a, b, hessian = matrix(5, row), matrix(11, row, seed=1), correlated(row, 2 * row)
    stacked = gptq(grid, torch.cat([a, b]), hessian)
    apart = [gptq(grid, each, hessian) for each in (a, b)]
    codes = torch.cat([each.blocks.codes for each in apart])
    assert torch.equal(stacked.blocks.codes, codes)
    raw = np.concatenate([grid.encode(each.blocks) for each in apart])
    assert np.array_equal(grid.encode(stacked.blocks), raw)


@pytest.mark.parametrize("name", ["Q2_0", "IQ4_NL", "Q5_1"])
@given(power=st.sampled_from([-20, -3, 4, 30]))
@settings(max_examples=4, deadline=None)
def test_the_number_of_samples_is_of_no_account(name: str, power: int) -> None:
    grid = GRIDS[name]
    row = columns(grid)
    w, hessian = matrix(5, row), correlated(row, 2 * row)
    plain, scaled = gptq(grid, w, hessian), gptq(grid, w, hessian * 2.0**power)
    assert torch.equal(plain.blocks.codes, scaled.blocks.codes)


@pytest.mark.parametrize("name", ["Q2_0", "Q4_1", "Q8_0", "Q3_K"])
@pytest.mark.parametrize("samples", [1, 7])
def test_fewer_samples_than_columns_are_damped(name: str, samples: int) -> None:
    grid = GRIDS[name]
    row = columns(grid)
    w, hessian = matrix(8, row), correlated(row, samples)
    done = gptq(grid, w, hessian)
    plain = grid.values(round_to(grid, w, search(grid, w, hessian.diagonal())))
    ours = grid.values(done.blocks)
    assert bool(torch.isfinite(done.latent).all())
    assert loss(w, ours, hessian) < 0.6 * loss(w, plain, hessian)
    # and what no sample saw is not thrown away
    assert float((w - ours).square().sum()) < 12 * float((w - plain).square().sum())


@pytest.mark.parametrize("name", ["Q2_0", "Q5_1", "Q4_K"])
def test_dead_channels_are_rounded_as_well(name: str) -> None:
    """A whole block of channels that are always 0, and single ones: their weights stay about."""
    grid = GRIDS[name]
    width, row = grid.codec.width, 2 * grid.codec.width
    w, hessian = matrix(8, row), correlated(row, 2 * row)
    dead = torch.zeros(row, dtype=torch.bool)
    dead[:width] = True
    dead[width + 3] = True
    hessian[dead], hessian[:, dead] = 0, 0
    q = grid.values(gptq(grid, w, hessian).blocks)
    block = w[:, :width].contiguous()
    plain = grid.values(round_to(grid, block, search(grid, block, torch.ones(width))))
    assert torch.allclose(q[:, :width], plain)
    assert bool(torch.isfinite(q).all())


def test_a_singular_hessian_without_damping_is_refused() -> None:
    with pytest.raises(BadInput, match="not positive: calibrate with more text"):
        gptq(GRIDS["Q4_0"], matrix(3, 64), correlated(64, 5), damping=0.0)


def test_more_damping_where_float64_needs_it() -> None:
    """Not even a Hessian that rounding made slightly indefinite stops the work."""
    row = 64
    hessian = correlated(row, 3)
    hessian -= 0.02 * float(hessian.diagonal().mean()) * torch.eye(row)
    done = gptq(GRIDS["Q4_0"], matrix(3, row), hessian)
    assert bool(torch.isfinite(done.latent).all())


@pytest.mark.parametrize(
    ("hessian", "words"),
    [
        (torch.zeros(64, 64), "never filled: run the calibration first"),
        (-torch.eye(64), "never filled"),
        (torch.eye(64) * torch.inf, "not finite: the model overflows"),
        (torch.full((64, 64), torch.nan), "not finite"),
        (torch.eye(64) - 0.1 * torch.ones(64, 64), "not positive"),
        (torch.eye(32), r"of \[32, 32\] is given for rows of 64"),
        (torch.ones(64), r"of \[64\] is given"),
    ],
)
def test_a_hessian_that_cannot_be_is_refused(hessian: torch.Tensor, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        gptq(GRIDS["Q4_0"], matrix(2, 64), hessian)


def test_weights_that_cannot_be_are_refused() -> None:
    w = matrix(2, 64)
    w[1, 40] = torch.nan
    with pytest.raises(BadInput, match="not a number"):
        gptq(GRIDS["Q4_0"], w, torch.eye(64))
    with pytest.raises(BadInput, match="multiple of 256, not 64"):
        gptq(GRIDS["Q4_K"], matrix(2, 64), torch.eye(64))


def test_nothing_that_was_given_is_changed() -> None:
    w, hessian = matrix(4, 64), correlated(64, 100)
    before = w.clone(), hessian.clone()
    gptq(GRIDS["Q4_1"], w, hessian)
    assert torch.equal(w, before[0])
    assert torch.equal(hessian, before[1])
