"""Wanda: a weight matters as much as what it multiplies is large.

    S_ij = |W_ij| * ||X_j||_2

Sun et al. 2023, arXiv:2306.11695, eq. 1. ||X_j||_2 is taken as the root of the mean square: the
number of tokens is the same for all. Weights are compared within an output row (section 3).
"""

from __future__ import annotations

import torch

from penjing.workshop.prune.evidence import Evidence, measured


def scores(weights: torch.Tensor, evidence: Evidence) -> torch.Tensor:
    """|W| sqrt(E[x^2]) [rows, columns]; BadInput without the inputs' mean squares."""
    columns = tuple(weights.shape[-1:])
    squares = measured(evidence.mean_square, columns, "the mean square of every input channel")
    return weights.abs() * squares.to(weights.dtype).sqrt()
