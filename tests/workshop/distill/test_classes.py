"""Soft labels of classes: the loss by its definition, and what an unlabelled row teaches."""

from __future__ import annotations

import pytest
import torch

from penjing.core.errors import BadInput
from penjing.workshop.distill.classes import NONE, ClassLabels, Features, learn, logits, loss


def data(seed: int, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Three blobs [rows, 12] and which one each row is of."""
    chance = torch.Generator().manual_seed(seed)
    kinds = torch.randint(0, 3, (rows,), generator=chance)
    centres = torch.randn(3, 12, generator=torch.Generator().manual_seed(0))
    return centres[kinds] + 1.5 * torch.randn(rows, 12, generator=chance), kinds


def test_the_loss_is_what_the_paper_says() -> None:
    chance = torch.Generator().manual_seed(1)
    ours, theirs = (torch.randn(4, 3, generator=chance).double() for _ in range(2))
    hard = torch.tensor([0, 2, NONE, 1])
    found = loss(ours, ClassLabels(hard, theirs, alpha=0.3, temperature=2.0))
    expected = 0.0
    for row in range(4):
        p, q = (theirs[row] / 2).softmax(-1), (ours[row] / 2).softmax(-1)
        soft = 4 * float((p * (p / q).log()).sum())
        share = 0.0 if hard[row] == NONE else 0.3
        own = -float(ours[row].log_softmax(-1)[hard[row].clamp(min=0)])
        expected += (share * own + (1 - share) * soft) / 4
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_alone_with_hard_labels_it_is_logistic_regression() -> None:
    x, y = data(2, 200)
    weights = learn(Features.dense(x), ClassLabels(y), 3, steps=600, decay=1e-3)
    weights.requires_grad_()
    found = torch.nn.functional.cross_entropy(x @ weights, y) + 1e-3 * weights.square().sum()
    torch.autograd.backward(found)
    assert weights.grad is not None
    assert float(weights.grad.abs().max()) < 2e-4  # it stands at the least
    torch.testing.assert_close(logits(Features.dense(x), weights.detach()), x @ weights.detach())


def test_unlabelled_rows_and_a_good_teacher_beat_a_few_hard_labels() -> None:
    x, y = data(3, 300)
    new, meant = data(4, 1000)
    teacher = learn(Features.dense(x), ClassLabels(y), 3)
    few = y.clone()
    few[9:] = NONE
    alone = learn(Features.dense(x[:9]), ClassLabels(y[:9]), 3)
    taught = learn(Features.dense(x), ClassLabels(few, x @ teacher, 0.5, 2.0), 3)

    def right(weights: torch.Tensor) -> float:
        return float(((new @ weights).argmax(-1) == meant).float().mean())

    assert right(taught) > right(alone) + 0.02
    assert right(taught) > right(teacher) - 0.03


@pytest.mark.parametrize(
    "odd",
    [
        ClassLabels(torch.tensor([0, NONE])),
        ClassLabels(torch.tensor([0, 1]), torch.zeros(2, 3), alpha=2),
        ClassLabels(torch.tensor([0, 1]), torch.zeros(2, 3), temperature=0),
    ],
)
def test_labels_that_are_none_are_refused(odd: ClassLabels) -> None:
    with pytest.raises(BadInput):
        loss(torch.zeros(2, 3), odd)
