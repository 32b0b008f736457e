"""From scores to what stays: a share of a tensor or of every row, N of M neighbours, the best few.

Ties go to what stands first, so that the same scores give the same mask. Must not know models.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from penjing.core.errors import BadInput


@dataclass(frozen=True)
class Pattern:
    """`keep` of every `of` neighbours in a row stay."""

    keep: int
    of: int

    def __post_init__(self) -> None:
        if not 0 < self.keep < self.of:
            raise BadInput(f"the pattern {self.keep}:{self.of} keeps nothing or all: give 2:4")

    @property
    def sparsity(self) -> float:
        """The share that goes."""
        return 1 - self.keep / self.of


def by_share(scores: torch.Tensor, sparsity: float, *, per_row: bool) -> torch.Tensor:
    """True where a weight stays: all but the round(sparsity n) lowest of the tensor, or of a row.

    BadInput for a share outside 0 to 1.
    """
    if not 0 <= sparsity < 1:
        raise BadInput(f"a sparsity of {sparsity:g} is not from 0 to below 1: give 0.5 for half")
    rows = scores if per_row else scores.reshape(1, -1)
    count = round(sparsity * rows.shape[1])
    lowest = rows.argsort(dim=1, stable=True)[:, :count]
    stays = torch.ones_like(rows, dtype=torch.bool).scatter_(1, lowest, value=False)
    return stays.reshape(scores.shape)


def by_pattern(scores: torch.Tensor, pattern: Pattern) -> torch.Tensor:
    """True where a weight stays: the highest `keep` of every `of` columns.

    BadInput where rows are no multiple of `of`.
    """
    rows, row = scores.shape
    if row % pattern.of:
        raise BadInput(f"rows of {row} cannot be cut into groups of {pattern.of}: use a --sparsity")
    groups = scores.reshape(rows, -1, pattern.of)
    lowest = groups.argsort(dim=2, stable=True)[..., : pattern.of - pattern.keep]
    stays = torch.ones_like(groups, dtype=torch.bool).scatter_(2, lowest, value=False)
    return stays.reshape(rows, row)


def highest(scores: torch.Tensor, count: int) -> torch.Tensor:
    """Indices of the `count` highest of a vector, ascending."""
    return scores.argsort(descending=True, stable=True)[:count].sort().values
