"""First-order Taylor: how much the loss would change if a weight were zero.

    L(W) - L(W | w_ij = 0)  ~  g_ij w_ij,      s_ij = |g_ij w_ij|

Molchanov et al. 2019, arXiv:1906.10771, eq. 6 to 8 (they square it; the order is the same).
"""

from __future__ import annotations

import torch

from penjing.workshop.prune.evidence import Evidence, measured


def scores(weights: torch.Tensor, evidence: Evidence) -> torch.Tensor:
    """|g w| [rows, columns]; BadInput without the gradient."""
    gradient = measured(evidence.gradient, tuple(weights.shape), "the gradient of every weight")
    return (weights * gradient.to(weights.dtype)).abs()
