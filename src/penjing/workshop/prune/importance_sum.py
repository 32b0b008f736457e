"""Importance of a structure: the sum of the scores of all that would go with it.

    I(S) = sum_{i in S} s_i          with magnitude as the score: I(w) = sum |w_i|

Li et al. 2016, arXiv:1608.08710, section 3.1 (filters by their L1 norm). A structure is a channel
or a head: some rows of the matrices that make it and some columns of those that read it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


def structures(scores: torch.Tensor, size: int, axis: int) -> torch.Tensor:
    """Scores [rows, columns] -> sums over runs of `size` rows (axis 0) or columns (1), float64."""
    by_line = scores.double().sum(1 - axis)
    return by_line.reshape(-1, size).sum(1)


def total(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """I(S) of every structure, from its share in each matrix."""
    return torch.stack(list(parts)).sum(0)
