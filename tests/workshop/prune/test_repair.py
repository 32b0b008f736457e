"""Least squares against numpy, and against leaving out alone, on text that was not measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from penjing.core.errors import BadInput
from penjing.core.progress import Silent
from penjing.workshop.divergence import kld
from penjing.workshop.forward import TorchModel
from penjing.workshop.prune.moments import measure_moments
from penjing.workshop.prune.repair import repaired
from penjing.workshop.prune.shape import Pruner, Shape

STAYS = np.array([0, 2, 3, 5])


def inputs(seed: int) -> np.ndarray:
    """Correlated inputs [tokens, 8], one of them huge and one silent."""
    chance = np.random.default_rng(seed)
    x = chance.standard_normal((400, 3)) @ chance.standard_normal((3, 8))
    x += 0.1 * chance.standard_normal((400, 8))
    return x * np.array([1, 1, 100, 1, 1, 1, 1, 0])


def test_it_is_ridge_regression_as_numpy_solves_it() -> None:
    x, w = inputs(1), np.random.default_rng(2).standard_normal((5, 8))
    found = repaired(torch.from_numpy(w), torch.from_numpy(x.T @ x), STAYS, damping=0.05)
    own = np.sqrt(0.05 * np.diag(x.T @ x)[STAYS])
    left = np.vstack([x[:, STAYS], np.diag(own)])
    wanted = np.vstack([x @ w.T, own[:, None] * w[:, STAYS].T])
    expected, *_ = np.linalg.lstsq(left, wanted, rcond=None)
    np.testing.assert_allclose(found.numpy(), expected.T, rtol=1e-6, atol=1e-9)


def test_the_scale_of_the_moments_is_of_no_account_and_much_damping_repairs_nothing() -> None:
    h, w = torch.from_numpy(inputs(3).T @ inputs(3)), torch.randn(4, 8, dtype=torch.float64)
    one, other = (repaired(w, h * scale, STAYS) for scale in (1.0, 1e-4))
    torch.testing.assert_close(one, other)
    torch.testing.assert_close(repaired(w, h, STAYS, damping=1e12), w[:, STAYS])


def test_what_is_left_does_more_of_the_work() -> None:
    w, told, new = np.random.default_rng(4).standard_normal((6, 8)), inputs(5), inputs(5)[::-1]
    found = repaired(torch.from_numpy(w), torch.from_numpy(told.T @ told), STAYS, damping=0.01)
    wanted = new @ w.T
    lost = [np.square(wanted - new[:, STAYS] @ v.T).sum() for v in (w[:, STAYS], found.numpy())]
    assert lost[1] < 0.2 * lost[0]


@pytest.mark.parametrize("odd", [torch.zeros(8, 8), torch.full((8, 8), torch.nan), torch.ones(4)])
def test_moments_that_say_nothing_are_refused(odd: torch.Tensor) -> None:
    with pytest.raises(BadInput):
        repaired(torch.ones(2, 8), odd, STAYS)


def test_moments_are_those_of_the_inputs_and_are_measured_once(tmp_path: Path) -> None:
    model = tiny.checkpoint("llama", layers=2, ffn=128)
    windows = np.random.default_rng(6).integers(3, 260, (2, 24)).tolist()
    found = measure_moments(model, windows, tmp_path, Silent())
    seen: dict[str, torch.Tensor] = {}
    full = TorchModel.load(model)

    def product(x: torch.Tensor, name: str) -> torch.Tensor:
        seen.setdefault(name, x.reshape(-1, x.shape[-1]))
        return full.product(x, name)

    with torch.no_grad():
        full.variant({}, product).forward(torch.tensor(windows))
    for name in ("blk.0.ffn_down", "blk.1.attn_output"):
        expected = seen[name].t() @ seen[name]
        torch.testing.assert_close(found.of(f"{name}.weight"), expected, rtol=1e-4, atol=1e-4)
    assert found.of("blk.0.attn_q.weight") is None
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    measure_moments(model, windows, tmp_path, Silent())
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


@pytest.mark.parametrize("shape", [Shape(ffn=0.5), Shape(heads=0.5), Shape(ffn=0.5, uneven=True)])
def test_a_repaired_model_is_nearer_to_the_whole_one(shape: Shape, tmp_path: Path) -> None:
    from dataclasses import replace

    model = tiny.checkpoint("llama", layers=2, ffn=128)
    chance = np.random.default_rng(7)
    text = chance.integers(3, 40, (8, 64)).tolist()
    pruner = Pruner(model, lambda count, length: text[:count], tmp_path, Silent())
    ids = torch.tensor(chance.integers(3, 40, (4, 64)).tolist())
    with torch.no_grad():
        clean = TorchModel.load(model).forward(ids).log_softmax(-1)
        lost = [
            float(kld(clean, TorchModel.load(pruner.pruned(each).checkpoint).forward(ids)).mean())
            for each in (shape, replace(shape, repair=True))
        ]
    assert lost[1] < lost[0]


def test_parts_that_go_by_chance_are_as_many(tmp_path: Path) -> None:
    model = tiny.checkpoint("llama", layers=4, ffn=128)
    pruner = Pruner(model, lambda count, length: [], tmp_path, Silent())
    made = [pruner.pruned(Shape(sublayers=3, score="random", seed=seed)) for seed in (0, 0, 5)]
    gone = [frozenset().union(*(step.parts for step in each.steps)) for each in made]
    assert [len(parts) for parts in gone] == [3, 3, 3]
    assert gone[0] == gone[1] != gone[2]
