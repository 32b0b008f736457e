"""Least squares: the inputs of a matrix that stay take over the work of those that go.

    min ||W X - V X_K||^2 + ||(V - W_K) L^1/2||^2   ->   V = W_K + W_G H_GK (H_KK + L)^-1

with H = X X^T of the inputs, K what stays and G what goes: the update of the optimal brain surgeon
for many weights at once (Hassibi and Stork 1993; Kurtic et al. 2023, ZipLM, arXiv:2302.04089,
eq. 3; He et al. 2017, arXiv:1707.06168, eq. 3 for channels). L is a share of H's own diagonal: one
number for all inputs would be set by the few that are huge, and bind all others. With L beyond all
bounds nothing is repaired. Pure; must not know models.
"""

from __future__ import annotations

import torch

from penjing.core.errors import BadInput
from penjing.workshop.prune.cut import Index

DAMPING = 0.5
"""Of H's diagonal. On text that was not measured a quarter of SmolLM2's channels left out cost
least between 0.5 and 2; much less made it worse than no repair, as channels hardly go together."""


def repaired(
    weights: torch.Tensor, moments: torch.Tensor, stays: Index, *, damping: float = DAMPING
) -> torch.Tensor:
    """W [rows, columns] -> V [rows, stays]; `moments` is X X^T [columns, columns], at any scale.

    `damping` times its diagonal is L. BadInput for moments that were never
    measured, are not finite, or have another shape.
    """
    columns = weights.shape[-1]
    if moments.shape != (columns, columns) or not bool(torch.isfinite(moments).all()):
        raise BadInput(
            f"moments {list(moments.shape)} of inputs must be {columns} x {columns} finite numbers"
        )
    if not bool((moments.diagonal() > 0).any()):
        raise BadInput("the inputs of a matrix were never seen: calibrate with some text")
    kept = torch.from_numpy(stays)
    gone = torch.ones(columns, dtype=torch.bool)
    gone[kept] = False
    h = moments.double()
    inner = h[kept][:, kept]
    own = inner.diagonal().clone()
    silent = (own <= 0) * own.mean()  # or an input that is always 0 would have no inverse
    inner.diagonal().add_(damping * own + silent)
    passed_on = torch.linalg.solve(inner, h[kept][:, gone])  # [stays, gone]
    moved = weights[:, gone].double() @ passed_on.t()
    return (weights[:, kept].double() + moved).to(weights.dtype)
