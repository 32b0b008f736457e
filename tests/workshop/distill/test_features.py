"""What lies behind the logits: each loss beside its definition, written out in loops."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from penjing.workshop.distill.features import (
    Activations,
    Features,
    angle_loss,
    attention_loss,
    attention_map,
    distance_loss,
    hidden_loss,
    places,
)
from penjing.workshop.distill.loss import Objective

TEXTS, TOKENS, WIDTH = 2, 5, 3


def states(seed: int, width: int = WIDTH) -> torch.Tensor:
    noise = torch.Generator().manual_seed(seed)
    return torch.randn(TEXTS, TOKENS, width, generator=noise, dtype=torch.float64)


def huber(x: float, y: float) -> float:
    apart = abs(x - y)
    return 0.5 * apart**2 if apart <= 1 else apart - 0.5


def test_hidden_states() -> None:
    ours, theirs = states(0), states(1)
    wanted = ((ours - theirs) ** 2).sum() / (theirs**2).sum()
    assert float(hidden_loss(ours, theirs)) == pytest.approx(float(wanted))
    assert float(hidden_loss(theirs, theirs)) == 0


def test_distances_in_loops() -> None:
    """Park et al. 2019, eq. 4: over the mean of all pairs of a text; no width is compared."""
    ours, theirs = states(0), states(1, width=7)

    def psi(text: torch.Tensor) -> list[float]:
        pairs = [(i, j) for i, j in product(range(TOKENS), repeat=2) if i < j]
        apart = [float((text[i] - text[j]).norm()) for i, j in pairs]
        return [each / np.mean(apart) for each in apart]

    told = [
        huber(a, b)
        for text in range(TEXTS)
        for a, b in zip(psi(ours[text]), psi(theirs[text]), strict=True)
    ]
    assert float(distance_loss(ours, theirs)) == pytest.approx(np.mean(told))
    assert float(distance_loss(3 * ours, ours)) == pytest.approx(0), "a scale is no relation"


def test_angles_in_loops() -> None:
    """Park et al. 2019, eq. 6."""
    ours, theirs = states(2), states(3, width=7)

    def cosine(text: torch.Tensor, i: int, j: int, k: int) -> float:
        if j in {i, k}:
            return 0.0
        a, b = text[i] - text[j], text[k] - text[j]
        return float(a @ b / (a.norm() * b.norm()))

    told = [
        huber(cosine(ours[text], *three), cosine(theirs[text], *three))
        for text in range(TEXTS)
        for three in product(range(TOKENS), repeat=3)
    ]
    assert float(angle_loss(ours, theirs)) == pytest.approx(np.mean(told))
    turn, _ = torch.linalg.qr(torch.randn(WIDTH, WIDTH, dtype=torch.float64))
    assert float(angle_loss(2 * ours @ turn + 1, ours)) == pytest.approx(0, abs=1e-12)


def test_attention_maps_are_means_over_heads_and_causal() -> None:
    noise = torch.Generator().manual_seed(4)
    q = torch.randn(1, 4, TOKENS, 8, generator=noise)
    k = torch.randn(1, 2, TOKENS, 8, generator=noise)
    found = attention_map(q, k, 0.5, None)
    heads = []
    for head in range(4):
        scores = 0.5 * q[0, head] @ k[0, head // 2].t()
        scores[torch.triu(torch.ones(TOKENS, TOKENS), 1).bool()] = -torch.inf
        heads.append(scores.softmax(-1))
    assert torch.allclose(found[0], torch.stack(heads).mean(0), atol=1e-6)
    near = attention_map(q, k, 0.5, 2)
    assert float(near[0, 4, :3].abs().max()) == 0, "a window"
    assert float(attention_loss(found, found)) == 0
    assert float(attention_loss(near, found)) > 0


def test_places_are_of_equal_depth_and_the_last_is_among_them() -> None:
    assert places(30, 30) == {7: 7, 14: 14, 21: 21, 29: 29}
    assert places(24, 30) == {5: 7, 11: 14, 17: 21, 23: 29}
    assert places(2, 30) == {0: 14, 1: 29}
    assert places(1, 1) == {0: 0}


def test_a_projection_bridges_two_widths() -> None:
    """The teacher is a linear image of the student: fitted, there is nothing left to lose."""
    ours = {0: torch.randn(2, 40, 4), 1: torch.randn(2, 40, 4)}
    ways = {place: torch.randn(4, 6) for place in ours}
    wanted = Activations(hidden={place: ours[place] @ ways[place] for place in ours})
    features = Features(Objective(hidden=1.0), {0: 0, 1: 1}, (4, 6))
    assert features.projected
    features.fit([ours[0], ours[1]], wanted)
    assert set(features.trained()) == {"projection 0", "projection 1"}
    for layer, left in ours.items():
        loss = features.loss(layer, left, None, wanted)
        assert loss is not None
        assert loss.item() < 1e-3
    assert not Features(Objective(hidden=1.0), {0: 0}, (4, 4)).projected
    assert not Features(Objective(angles=1.0), {0: 0}, (4, 6)).projected


def test_weights_are_weights_and_places_count_alike() -> None:
    ours, theirs = states(5).float(), states(6).float()
    wanted = Activations(hidden={3: theirs})
    features = Features(Objective(hidden=0.5, distances=2.0), {1: 3, 2: 9}, (WIDTH, WIDTH))
    found = features.loss(1, ours, None, wanted)
    assert found is not None
    told = 0.5 * hidden_loss(ours, theirs) + 2.0 * distance_loss(ours, theirs)
    assert float(found) == pytest.approx(float(told) / 2)
    assert features.loss(0, ours, None, wanted) is None, "not compared"
