"""Low rank against numpy's decomposition, and no other product of that rank does better."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from penjing.core.errors import BadInput
from penjing.workshop.factorize.svd import correction, svd


def drawn(rows: int = 12, columns: int = 20, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 1, (rows, columns))).float()


def inputs(columns: int = 20, tokens: int = 300) -> torch.Tensor:
    """Some channels are loud, and they are correlated."""
    noise = np.random.default_rng(1)
    loud = np.geomspace(10, 0.1, columns)
    mixed = noise.normal(0, 1, (columns, columns)) * 0.3 + np.eye(columns)
    return torch.from_numpy((noise.normal(0, 1, (tokens, columns)) @ mixed) * loud).float()


def lost(weights: torch.Tensor, other: torch.Tensor, x: torch.Tensor) -> float:
    return float((x.double() @ (weights - other).double().T).square().sum())


@pytest.mark.parametrize("rank", [1, 5, 12])
def test_without_inputs_it_is_the_truncated_decomposition(rank: int) -> None:
    weights = drawn()
    u, s, v = np.linalg.svd(weights.double().numpy(), full_matrices=False)
    expected = (u[:, :rank] * s[:rank]) @ v[:rank]
    found = svd(weights, rank)
    np.testing.assert_allclose(found.matrix.numpy(), expected, atol=1e-5)
    assert found.lost == pytest.approx(float((s[rank:] ** 2).sum()), abs=1e-9)
    assert found.parameters == rank * (12 + 20)


@pytest.mark.parametrize("rank", [1, 4, 9])
def test_with_inputs_it_is_the_best_of_its_rank_for_them(rank: int) -> None:
    weights, x = drawn(), inputs()
    found = svd(weights, rank, x.T @ x)
    outputs = x.double().numpy() @ weights.double().numpy().T
    least = (np.linalg.svd(outputs, compute_uv=False)[rank:] ** 2).sum()
    assert lost(weights, found.matrix, x) == pytest.approx(least, rel=1e-3)
    assert found.lost == pytest.approx(least, rel=1e-3)
    assert lost(weights, svd(weights, rank).matrix, x) > 1.2 * least


def test_a_whole_rank_loses_nothing() -> None:
    weights, x = drawn(), inputs()
    assert lost(weights, svd(weights, 12, x.T @ x).matrix, x) < 1e-4 * lost(weights, 0 * weights, x)


def test_a_correction_makes_up_for_rounding() -> None:
    weights, x = drawn(), inputs()
    rounded = (weights * 2).round() / 2
    found = correction(weights, rounded, 4, x.T @ x)
    assert lost(weights, rounded + found.matrix, x) < 0.3 * lost(weights, rounded, x)


def test_a_channel_that_never_speaks_does_no_harm() -> None:
    weights, x = drawn(), inputs()
    x[:, 3] = 0
    found = svd(weights, 6, x.T @ x)
    assert torch.isfinite(found.matrix).all()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(BadInput, match="12 x 20 matrix has no rank 13: give 1 to 12"):
        svd(drawn(), 13)
    with pytest.raises(BadInput, match="Hessian of"):
        svd(drawn(), 2, torch.eye(5))
    with pytest.raises(BadInput, match="never filled"):
        svd(drawn(), 2, torch.zeros(20, 20))
    with pytest.raises(BadInput, match="no rounding of"):
        correction(drawn(), drawn(12, 4), 2)
