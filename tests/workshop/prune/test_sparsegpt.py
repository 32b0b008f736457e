"""SparseGPT against least squares on a small layer, and against masks without an update."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from penjing.core.errors import BadInput
from penjing.workshop.prune import magnitude, masks, sparsegpt, wanda
from penjing.workshop.prune.evidence import Evidence
from penjing.workshop.prune.masks import Pattern
from penjing.workshop.prune.sparsegpt import sparsegpt as pruned
from penjing.workshop.quantize.gptq import inverse_factor


def layer(
    rows: int = 6, columns: int = 24, tokens: int = 400, mixed: float = 0.5
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights, and inputs whose channels are correlated by so much."""
    noise = np.random.default_rng(3)
    mixing = mixed * noise.normal(0, 1, (columns, columns)) + np.eye(columns)
    inputs = noise.normal(0, 1, (tokens, columns)) @ mixing
    weights = noise.normal(0, 1, (rows, columns))
    return torch.from_numpy(weights).float(), torch.from_numpy(inputs).float()


def loss(weights: torch.Tensor, other: torch.Tensor, inputs: torch.Tensor) -> float:
    return float((inputs.double() @ (weights - other).double().T).square().mean())


def by_least_squares(
    weights: torch.Tensor, stays: torch.Tensor, hessian: torch.Tensor
) -> torch.Tensor:
    """The same elimination by solving a linear system for every weight that goes."""
    out = weights.double().clone()
    h = hessian.double()
    for row in range(len(out)):
        for j in range(out.shape[1]):
            if bool(stays[row, j]):
                continue
            gone, later = out[row, j].clone(), slice(j + 1, None)
            out[row, j] = 0
            if j + 1 < out.shape[1]:
                out[row, later] += torch.linalg.solve(h[later, later], h[later, j] * gone)
    return out


@pytest.mark.parametrize("wanted", [0.5, 0.25, Pattern(2, 4)])
def test_later_weights_make_up_for_it_as_least_squares_would(wanted: float | Pattern) -> None:
    weights, inputs = layer()
    hessian = inputs.T @ inputs
    found = pruned(weights, hessian, wanted)
    damping = sparsegpt.DAMPING * float(hessian.diagonal().mean())
    expected = by_least_squares(weights, found != 0, hessian + damping * torch.eye(24))
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=2e-4)


def test_the_mask_is_that_of_the_cheapest_weights() -> None:
    weights, inputs = layer()
    hessian = inputs.T @ inputs
    cost = (weights / inverse_factor(hessian, 24, sparsegpt.DAMPING).diagonal()).square()
    expected = masks.by_share(cost, 0.5, per_row=False)  # one block: chosen before any update
    assert torch.equal(pruned(weights, hessian, 0.5) != 0, expected)


def test_it_loses_less_than_masks_without_an_update() -> None:
    weights, inputs = layer(rows=32, columns=384, tokens=2000, mixed=0.06)
    evidence = Evidence(mean_square=inputs.square().mean(0))
    ours = loss(weights, pruned(weights, inputs.T @ inputs, 0.5), inputs)
    for scores in (magnitude.scores, wanda.scores):
        stays = masks.by_share(scores(weights, evidence), 0.5, per_row=True)
        assert ours < 0.8 * loss(weights, weights * stays, inputs)


def test_many_blocks_of_columns_have_the_sparsity_asked_for() -> None:
    weights, inputs = layer(rows=4, columns=300, tokens=900)
    found = pruned(weights, inputs.T @ inputs, 0.5)
    assert float((found == 0).float().mean()) == pytest.approx(0.5, abs=0.01)
    assert torch.isfinite(found).all()


def test_two_of_every_four_are_zero() -> None:
    weights, inputs = layer()
    found = pruned(weights, inputs.T @ inputs, Pattern(2, 4))
    assert ((found == 0).reshape(6, 6, 4).sum(2) == 2).all()


def test_nothing_is_changed_where_nothing_goes() -> None:
    weights, inputs = layer()
    assert torch.equal(pruned(weights, inputs.T @ inputs, 0.0), weights)


def test_what_cannot_be_is_refused() -> None:
    weights, inputs = layer()
    with pytest.raises(BadInput, match="never filled"):
        pruned(weights, torch.zeros(24, 24), 0.5)
    with pytest.raises(BadInput, match="groups of 5"):
        pruned(weights, inputs.T @ inputs, Pattern(2, 5))
