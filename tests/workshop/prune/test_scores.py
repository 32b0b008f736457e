"""Every score against an independent reference: torch's own pruning, numpy, finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.utils import prune as reference

from penjing.core.errors import BadInput
from penjing.workshop.prune import (
    importance_sum,
    magnitude,
    masks,
    random_control,
    taylor,
    wanda,
)
from penjing.workshop.prune.evidence import Evidence
from penjing.workshop.prune.masks import Pattern

NOTHING = Evidence()


def drawn(rows: int = 12, columns: int = 16, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 1, (rows, columns))).float()


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 0.77])
def test_magnitude_is_torchs_l1_unstructured(sparsity: float) -> None:
    layer = torch.nn.Linear(16, 12, bias=False)
    with torch.no_grad():
        layer.weight.copy_(drawn())
    reference.l1_unstructured(layer, "weight", amount=sparsity)
    ours = masks.by_share(magnitude.scores(drawn(), NOTHING), sparsity, per_row=False)
    assert torch.equal(ours, layer.weight_mask.bool())


@pytest.mark.parametrize("axis", [0, 1])
def test_the_importance_of_channels_is_torchs_structured_l1(axis: int) -> None:
    layer = torch.nn.Linear(16, 12, bias=False)
    with torch.no_grad():
        layer.weight.copy_(drawn())
    reference.ln_structured(layer, "weight", amount=4, n=1, dim=axis)
    sums = importance_sum.structures(magnitude.scores(drawn(), NOTHING), 1, axis)
    kept = masks.highest(sums, len(sums) - 4)
    theirs = layer.weight_mask.sum(1 - axis).nonzero().flatten()
    assert torch.equal(kept, theirs)


def test_the_importance_of_heads_is_the_sum_of_their_rows() -> None:
    weights = drawn()
    found = importance_sum.structures(weights.abs(), 4, 0)
    expected = np.abs(weights.double().numpy()).reshape(3, 4, 16).sum((1, 2))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    assert torch.equal(importance_sum.total([found, found]), 2 * found)


def test_wanda_is_the_weight_times_the_norm_of_its_input() -> None:
    weights, inputs = drawn(), drawn(100, 16, seed=1)
    squares = inputs.square().mean(0)
    ours = wanda.scores(weights, Evidence(mean_square=squares)).numpy()
    norm = np.linalg.norm(inputs.numpy(), axis=0)
    np.testing.assert_allclose(ours * np.sqrt(100), np.abs(weights.numpy()) * norm, rtol=1e-5)


def test_wanda_knows_what_magnitude_does_not() -> None:
    weights = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    squares = torch.tensor([100.0, 1.0, 1.0, 0.01])
    kept = masks.by_share(wanda.scores(weights, Evidence(mean_square=squares)), 0.5, per_row=True)
    assert kept.tolist() == [[True, False, True, False]]


def test_taylor_is_the_loss_without_a_weight_to_first_order() -> None:
    weights, inputs, step = drawn().double(), drawn(50, 16, seed=1).double(), 1e-6

    def loss(matrix: torch.Tensor) -> torch.Tensor:
        return torch.tanh(inputs @ matrix.T).square().mean()

    leaf = weights.clone().requires_grad_()
    loss(leaf).backward()
    ours = taylor.scores(weights, Evidence(gradient=leaf.grad))
    for place in ((0, 0), (3, 7), (11, 15)):
        shrunk = weights.clone()
        shrunk[place] *= 1 - step
        change = float((loss(shrunk) - loss(weights)).abs()) / step
        assert float(ours[place]) == pytest.approx(change, rel=1e-3, abs=1e-9)


def test_chance_is_seeded_and_blind() -> None:
    one, other = Evidence(seed=1), Evidence(seed=2)
    assert torch.equal(random_control.scores(drawn(), one), random_control.scores(drawn() * 9, one))
    assert not torch.equal(
        random_control.scores(drawn(), one), random_control.scores(drawn(), other)
    )


@pytest.mark.parametrize("pattern", [Pattern(2, 4), Pattern(1, 4), Pattern(4, 8)])
def test_of_every_m_neighbours_the_n_largest_stay(pattern: Pattern) -> None:
    weights = drawn()
    found = masks.by_pattern(weights.abs(), pattern)
    for row, kept in zip(weights.abs().tolist(), found.tolist(), strict=True):
        for first in range(0, len(row), pattern.of):
            group = row[first : first + pattern.of]
            best = sorted(range(pattern.of), key=lambda i: -group[i])[: pattern.keep]
            assert [i for i in range(pattern.of) if kept[first + i]] == sorted(best)


def test_a_share_of_every_row() -> None:
    found = masks.by_share(drawn().abs(), 0.25, per_row=True)
    assert found.sum(1).tolist() == [12] * 12


def test_equal_scores_give_the_same_mask_always() -> None:
    found = masks.by_share(torch.ones(2, 4), 0.5, per_row=True)
    assert found.tolist() == [[False, False, True, True]] * 2
    assert masks.highest(torch.ones(4), 2).tolist() == [0, 1]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(BadInput, match="calibrate with some text"):
        wanda.scores(drawn(), NOTHING)
    with pytest.raises(BadInput, match="gradient"):
        taylor.scores(drawn(), Evidence(gradient=torch.ones(3)))
    with pytest.raises(BadInput, match="finite"):
        wanda.scores(drawn(), Evidence(mean_square=torch.full((16,), torch.nan)))
    with pytest.raises(BadInput, match="sparsity of 1 is not"):
        masks.by_share(drawn(), 1.0, per_row=True)
    with pytest.raises(BadInput, match="rows of 16 cannot be cut into groups of 3"):
        masks.by_pattern(drawn(), Pattern(2, 3))
    with pytest.raises(BadInput, match="keeps nothing or all"):
        Pattern(4, 4)
