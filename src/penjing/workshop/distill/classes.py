"""Class labels: a softmax classifier learns from a larger one, beside hard labels.

    L = alpha CE(y, p) + (1 - alpha) T^2 KL(teacher_T || student_T)     where a hard label is known
    L = T^2 KL(teacher_T || student_T)                                  where none is

Hinton et al. 2015, arXiv:1503.02531, sections 2 and 2.1: soft labels tell which wrong classes are
near, and an unlabelled sentence teaches too. The student is linear in sparse features; all rows are
read in every step, so that equal inputs give equal weights. Must not know sentences or intents.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from penjing.core.errors import BadInput

NONE = -1
"""The hard label of a row that has none."""


@dataclass(frozen=True)
class Features:
    """Sparse rows, one after another."""

    starts: torch.Tensor
    """Where each row begins [rows]."""
    places: torch.Tensor
    """Column of each value."""
    values: torch.Tensor
    """Values, float32."""
    columns: int
    """How many columns there are."""

    @classmethod
    def dense(cls, vectors: torch.Tensor) -> Features:
        """Of vectors [rows, columns]: every column is there."""
        rows, columns = vectors.shape
        places = torch.arange(columns).repeat(rows)
        return cls(torch.arange(rows) * columns, places, vectors.reshape(-1).float(), columns)

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True)
class ClassLabels:
    """What is known of every row."""

    hard: torch.Tensor
    """Class of each row, or NONE [rows]."""
    soft: torch.Tensor | None = None
    """A teacher's logits [rows, classes]; None: there is no teacher."""
    alpha: float = 1.0
    """Share of the hard label, where both are known."""
    temperature: float = 1.0
    """Of both distributions in the soft term."""


def loss(logits: torch.Tensor, labels: ClassLabels) -> torch.Tensor:
    """The mean over rows of what stands above; logits [rows, classes].

    BadInput where a row has no label of either kind, or a number is out of its range.
    """
    known = labels.hard != NONE
    if not 0 <= labels.alpha <= 1 or labels.temperature <= 0:
        raise BadInput("alpha is a share from 0 to 1, and a temperature is above 0")
    if labels.soft is None:
        if not bool(known.all()):
            raise BadInput("a row has no label and there is no teacher: leave it out")
        return functional.cross_entropy(logits, labels.hard)
    share = torch.where(known, labels.alpha, 0.0)
    hard = functional.cross_entropy(logits, labels.hard.clamp(min=0), reduction="none")
    t = labels.temperature
    ours, theirs = (functional.log_softmax(x / t, -1) for x in (logits, labels.soft))
    soft = t * t * functional.kl_div(ours, theirs, reduction="none", log_target=True).sum(-1)
    return (share * hard + (1 - share) * soft).mean()


def learn(
    features: Features,
    labels: ClassLabels,
    classes: int,
    *,
    decay: float = 1e-4,
    steps: int = 200,
    rate: float = 0.1,
) -> torch.Tensor:
    """Weights [columns, classes] that make the loss small; `decay` times their square is added."""
    weights = torch.zeros(features.columns, classes, requires_grad=True)
    optimizer = torch.optim.Adam([weights], lr=rate)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 - step / steps)
        found = loss(logits(features, weights), labels) + decay * weights.square().sum()
        optimizer.zero_grad()
        torch.autograd.backward(found)
        optimizer.step()
    return weights.detach()


def logits(features: Features, weights: torch.Tensor) -> torch.Tensor:
    """What a classifier says of rows [rows, classes]."""
    return functional.embedding_bag(
        features.places, weights, features.starts, mode="sum", per_sample_weights=features.values
    )
