"""The codebook is the best there is on small groups, and known optima are met on large ones."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from textbook_tensors import normal

from penjing.core.errors import BadInput
from penjing.workshop.quantize import codebook
from penjing.workshop.quantize.grouping import PER_CHANNEL, per_group
from penjing.workshop.quantize.intervals import best_cuts

numbers = st.lists(st.integers(-40, 40).map(lambda n: n / 8), min_size=1, max_size=10)


def chances(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) + 0.01


def loss(x: torch.Tensor, back: torch.Tensor, weight: torch.Tensor) -> float:
    return float((weight.double() * (x.double() - back.double()).square()).sum())


def least_loss(x: torch.Tensor, weight: torch.Tensor, count: int) -> float:
    """Every way of cutting the sorted values into `count` intervals, tried."""
    order = x.argsort()
    x, weight = x[order].double(), weight[order].double()

    def cost(start: int, end: int) -> float:
        part, by = x[start:end], weight[start:end]
        mean = (part * by).sum() / by.sum()
        return float((by * (part - mean).square()).sum())

    if len(x) <= count:
        return 0.0
    cuts = itertools.combinations(range(1, len(x)), count - 1)
    return min(sum(itertools.starmap(cost, itertools.pairwise((0, *c, len(x))))) for c in cuts)


@given(x=numbers.map(torch.tensor), seed=st.integers(0, 2**31), weighted=st.booleans())
@settings(max_examples=40, deadline=None)
def test_small_groups_get_the_optimum(x: torch.Tensor, seed: int, weighted: bool) -> None:
    weight = chances(len(x), seed=seed)
    weight = weight if weighted else torch.ones_like(weight)
    found = codebook.quantize(x, 2, weight=weight)
    least = least_loss(x, weight, 4)
    assert loss(x, codebook.dequantize(found), weight) == pytest.approx(least, rel=1e-5, abs=1e-9)


def test_cuts_of_many_values_are_the_best_in_two() -> None:
    """128 values in two clusters: all 127 cuts tried, for groups that are solved together."""
    x, weight = normal(5, 128).double().sort().values, chances(5, 128).double()
    cuts = best_cuts(x, weight, 2, places=128)
    assert cuts[:, 0].tolist() == [0] * 5
    assert cuts[:, 2].tolist() == [128] * 5
    for row, by, cut in zip(x, weight, cuts[:, 1].tolist(), strict=True):
        found = [least_loss(part, w, 1) for part, w in parts(row, by, cut)]
        tried = (sum(least_loss(p, w, 1) for p, w in parts(row, by, c)) for c in range(1, 128))
        assert sum(found) == pytest.approx(min(tried), rel=1e-9)


def parts(row: torch.Tensor, by: torch.Tensor, cut: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(row[:cut], by[:cut]), (row[cut:], by[cut:])]


@pytest.mark.parametrize(("bits", "published"), [(2, 0.1175), (3, 0.03454), (4, 0.009497)])
def test_a_normal_tensor_reaches_the_published_optimum(bits: int, published: float) -> None:
    """Max 1960, "Quantizing for minimum distortion", IRE Trans. Information Theory 6(1)."""
    x = normal(1 << 16, seed=3)
    back = codebook.dequantize(codebook.quantize(x, bits))
    assert loss(x, back, torch.ones(())) / x.numel() == pytest.approx(published, rel=0.02)


def test_many_centres_reach_the_asymptotic_optimum() -> None:
    """Panter and Dite 1951: sqrt(3) pi / 2 / K^2 for a normal density, here K = 256."""
    x = normal(1 << 17, seed=4)
    back = codebook.dequantize(codebook.quantize(x, 8))
    expected = 3**0.5 * torch.pi / 2 / 256**2
    assert loss(x, back, torch.ones(())) / x.numel() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("bits", [2, 4, 6])
def test_it_is_a_fixed_point_of_lloyd(bits: int) -> None:
    x, weight = normal(3, 500, seed=bits), chances(3, 500)
    found = codebook.quantize(x, bits, PER_CHANNEL, weight=weight)
    for row, by, codes, centres in zip(x, weight, found.codes, found.centres, strict=True):
        far = (row[:, None] - centres).abs()
        torch.testing.assert_close(far.amin(1), (row - centres[codes.long()]).abs())
        for k in codes.unique().tolist():
            mean = (row * by)[codes == k].double().sum() / by[codes == k].double().sum()
            assert float(mean) == pytest.approx(float(centres[k]), abs=1e-5)


def test_weights_draw_the_centres() -> None:
    x = normal(1, 512)
    weight = torch.where(x > 1, 100.0, 1.0)
    plain, drawn = codebook.quantize(x, 3), codebook.quantize(x, 3, weight=weight)
    assert int((drawn.centres > 1).sum()) > int((plain.centres > 1).sum())
    ours, theirs = (loss(x, codebook.dequantize(each), weight) for each in (drawn, plain))
    assert ours < 0.7 * theirs


def test_a_row_of_weights_is_meant_for_every_row() -> None:
    x, weight = normal(4, 64), chances(64)
    short = codebook.quantize(x, 3, per_group(32), weight=weight)
    long = codebook.quantize(x, 3, per_group(32), weight=weight.expand(4, 64).contiguous())
    assert torch.equal(short.centres, long.centres)
    assert torch.equal(short.codes, long.codes)


@pytest.mark.parametrize("distinct", [1, 2, 3, 4])
def test_no_more_values_than_centres_are_kept_exactly(distinct: int) -> None:
    values = torch.tensor([-3e38, 1e-42, 1e-20, 3.4e38])[:distinct]
    x = values.repeat(50)
    found = codebook.quantize(x, 2)
    assert torch.equal(codebook.dequantize(found), x)
    assert set(found.centres.reshape(-1).tolist()) == set(values.tolist())


def test_groups_are_solved_as_if_alone() -> None:
    x = normal(6, 300)
    x[2] = 1.0  # one that needs no programme among others that do
    together = codebook.quantize(x, 3, PER_CHANNEL)
    for i, row in enumerate(x):
        assert torch.equal(codebook.quantize(row, 3).centres[0], together.centres[i])


def test_values_without_weight_do_not_draw_a_centre() -> None:
    x = torch.cat([normal(100), torch.tensor([1e6])])
    weight = torch.cat([torch.ones(100), torch.zeros(1)])
    found = codebook.quantize(x, 2, weight=weight)
    lost = loss(x, codebook.dequantize(found), weight)
    assert lost == pytest.approx(least_two(x[:100]), rel=0.02)


def least_two(x: torch.Tensor) -> float:
    return loss(x, codebook.dequantize(codebook.quantize(x, 2)), torch.ones(()))


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (torch.zeros(8), "never filled"),
        (torch.tensor([1.0, -1, 1, 1, 1, 1, 1, 1]), "negative"),
        (torch.ones(7), "do not belong"),
        (torch.full((8,), float("nan")), "not a number"),
    ],
)
def test_weights_that_cannot_weigh_are_refused(weight: torch.Tensor, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        codebook.quantize(normal(2, 8), 2, weight=weight)
