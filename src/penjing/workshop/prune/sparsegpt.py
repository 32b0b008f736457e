"""SparseGPT: weights go where they cost least, and those not yet reached make up for them.

Minimises ||(W - Ŵ) X||^2 with H = X X^T, column by column. With U the upper Cholesky factor of
H^-1 (U^T U = H^-1), what it costs to leave out w_ij, and the change of all later columns, are

    s_ij = w_ij^2 / U_jj^2          W_i,j: -= (w_ij / U_jj) U_j,j:

Frantar and Alistarh 2023, arXiv:2301.00774, eq. 3 and 4 and algorithm 1. The mask of a block of
columns is chosen when the block is reached, on the weights as they then stand (section 3.3); of an
N:M pattern for every M columns. Pure; must not know models.
"""

from __future__ import annotations

import torch

from penjing.core.errors import BadInput
from penjing.workshop.prune import masks
from penjing.workshop.prune.masks import Pattern
from penjing.workshop.quantize.gptq import DAMPING, inverse_factor

BLOCK = 128
"""Columns whose mask is chosen together (section 3.3 of the paper)."""


def sparsegpt(
    weights: torch.Tensor,
    hessian: torch.Tensor,
    wanted: float | Pattern,
    *,
    damping: float = DAMPING,
) -> torch.Tensor:
    """W [rows, columns] float32 -> Ŵ with a share of it zero, or N of M; hessian X X^T.

    The Hessian's scale is of no account. Rows do not touch each other, so matrices that read one
    input may be stacked. BadInput for a Hessian that was never filled or has another shape.
    """
    columns = weights.shape[-1]
    if isinstance(wanted, Pattern) and columns % wanted.of:
        raise BadInput(f"rows of {columns} cannot be cut into groups of {wanted.of}")
    factor = inverse_factor(hessian, columns, damping)
    w = weights.t().contiguous()  # [columns, rows]: a column lies in one piece
    for first in range(0, columns, _step(wanted)):
        block = slice(first, first + _step(wanted))
        stays = _mask(w[block], factor[block, block].diagonal(), wanted)
        errors = _clear(w[block], stays, factor[block, block])
        w[block.stop :].addmm_(factor[block, block.stop :].t(), errors, alpha=-1)
    return w.t().contiguous()


def _step(wanted: float | Pattern) -> int:
    """Columns looked at together."""
    return wanted.of if isinstance(wanted, Pattern) else BLOCK


def _mask(w: torch.Tensor, diagonal: torch.Tensor, wanted: float | Pattern) -> torch.Tensor:
    """True where a weight of a block w [width, rows] stays."""
    scores = (w / diagonal[:, None]).square().t()
    if isinstance(wanted, Pattern):
        return masks.by_pattern(scores, wanted).t()
    return masks.by_share(scores, wanted, per_row=False).t()


def _clear(w: torch.Tensor, stays: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Zero what does not stay of w [width, rows], in place; gives the errors [width, rows]."""
    errors = torch.empty_like(w)
    for j in range(len(w)):
        errors[j] = w[j].masked_fill(stays[j], 0) / factor[j, j]
        w[j].masked_fill_(~stays[j], 0)
        w[j + 1 :].addr_(factor[j, j + 1 :], errors[j], alpha=-1)
    return errors
