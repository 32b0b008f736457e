"""GPTQ for GGUF codecs: column after column is rounded, later ones make up for it by the Hessian.

Minimises ||(W - Q) X||^2 = tr (W - Q) H (W - Q)^T with H = X X^T, column by column: the error of a
column is spread over the columns not yet rounded by the inverse Hessian's Cholesky factor
(Frantar et al. 2022, arXiv:2210.17323, eq. 2 and algorithm 1). What is new here: groups are those
of a block format, and their scales come from the importance-weighted search (`scales.py`) with the
Hessian's own diagonal as importance, on the weights as they stand when the group's block is
reached. Pure; must not know models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from penjing.core.errors import BadInput
from penjing.workshop.quantize.grids import Blocks, Grid, Scales
from penjing.workshop.quantize.scales import round_to, search

DAMPING = 0.01
"""Added to the Hessian's diagonal, as a share of its mean (section 3.3 of the paper)."""

_QUIETEST = 1e-6  # of the mean importance: a block of silent channels still has best scales


@dataclass(frozen=True)
class RoundedTensor:
    """A tensor rounded with its errors made up for."""

    blocks: Blocks
    """What is stored."""
    latent: torch.Tensor
    """[rows, row] float32: each weight as it was when it was rounded. Its nearest level is the
    code, so training can go on from here."""


def gptq(
    grid: Grid, weights: torch.Tensor, hessian: torch.Tensor, *, damping: float = DAMPING
) -> RoundedTensor:
    """Round weights [rows, row] in the metric of hessian [row, row] (float32, X X^T of the inputs).

    The Hessian's scale is of no account. Matrices that read the same input may be stacked: rows do
    not touch each other. BadInput when the Hessian was never filled, is not finite or has another
    shape, and for weights that are not finite.
    """
    grid.groups(weights.shape[-1])
    factor = inverse_factor(hessian, weights.shape[-1], damping)
    diagonal = hessian.diagonal()
    importance = diagonal.clamp(min=_QUIETEST * float(diagonal.mean()))
    w = weights.t().contiguous()  # [row, rows]: a column lies in one piece
    found = []
    width = grid.codec.width
    for first in range(0, len(w), width):
        block = slice(first, first + width)
        scales = search(grid, w[block].t().contiguous(), importance[block])
        found.append(scales)
        errors = _round_block(grid, w[block], scales, factor[block, block])
        w[first + width :].addmm_(factor[block, first + width :].t(), errors, alpha=-1)
    latent, scales = w.t().contiguous(), _side_by_side(found)
    return RoundedTensor(round_to(grid, latent, scales), latent)


def _round_block(grid: Grid, w: torch.Tensor, scales: Scales, factor: torch.Tensor) -> torch.Tensor:
    """Round a block w [width, rows] column by column, in place; gives the errors [width, rows].

    Afterwards w holds each column as it was when its turn came.
    """
    errors = torch.empty_like(w)
    for j in range(len(w)):
        group = j // grid.group
        shift = None if scales.shift is None else scales.shift[:, group]
        value = grid.rounded(w[j], scales.scale[:, group], shift)
        torch.sub(w[j], value, out=errors[j]).div_(factor[j, j])
        w[j + 1 :].addr_(factor[j, j + 1 :], errors[j], alpha=-1)
    return errors


def inverse_factor(hessian: torch.Tensor, row: int, damping: float) -> torch.Tensor:
    """Upper triangular U [row, row] with U^T U the inverse of the damped Hessian.

    Damped ten and a hundred times more where float64 finds it singular.
    """
    if hessian.shape != (row, row):
        raise BadInput(f"a Hessian of {list(hessian.shape)} is given for rows of {row}")
    if not bool(torch.isfinite(hessian).all()):
        raise BadInput("the Hessian is not finite: the model overflows on the calibration text")
    mean = float(hessian.diagonal().double().mean())
    if mean <= 0:
        raise BadInput("the Hessian was never filled: run the calibration first")
    eye = torch.eye(row, dtype=torch.float64, device=hessian.device)
    for share in (damping, 10 * damping, 100 * damping):
        damped = hessian.double() + share * mean * eye
        # H = R R^T with R upper is Cholesky from the other end, and then U = R^-1
        lower, failed = torch.linalg.cholesky_ex(damped.flip(0, 1))
        if not int(failed):
            factor = torch.linalg.solve_triangular(lower.flip(0, 1), eye, upper=True)
            return factor.float()
    raise BadInput("the Hessian is not positive: calibrate with more text")


def _side_by_side(parts: list[Scales]) -> Scales:
    """Scales of neighbouring blocks as those of whole rows."""
    scale = torch.cat([part.scale for part in parts], dim=1)
    shifts = [part.shift for part in parts if part.shift is not None]
    fields = {}
    for name, first in parts[0].fields.items():
        blocks = np.stack([part.fields[name] for part in parts], axis=1)
        fields[name] = blocks.reshape(-1, *first.shape[1:])
    return Scales(scale, torch.cat(shifts, dim=1) if shifts else None, fields)
