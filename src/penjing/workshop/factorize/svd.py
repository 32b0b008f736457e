"""Activation-aware singular value decomposition: the best thin product for the inputs that come.

Minimises ||(W - B A) X||^2 over B [rows, rank] and A [rank, columns]. With H = X X^T = S S^T
(Cholesky), that is ||W S - B A S||^2, which by Eckart and Young is the truncated SVD of W S:

    W S = U diag(s) V^T          B = U_r diag(s_r)^(1/2),  A = diag(s_r)^(1/2) V_r^T S^-1

and what is lost is the sum of the squares of the singular values left out (Wang et al. 2024,
SVD-LLM, arXiv:2403.07378, theorem 3.2). Pure; must not know models.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from penjing.core.errors import BadInput

DAMPING = 1e-6
"""Added to the Hessian's diagonal, as a share of its mean: a channel that never speaks has none."""


@dataclass(frozen=True, eq=False)
class Product:
    """B A, in place of a matrix or added to it."""

    b: torch.Tensor
    """[rows, rank] float32."""
    a: torch.Tensor
    """[rank, columns] float32."""
    lost: float
    """||(W - B A) X||^2, of the damped Hessian."""

    @property
    def matrix(self) -> torch.Tensor:
        """[rows, columns]."""
        return self.b @ self.a

    @property
    def parameters(self) -> int:
        """Numbers in both."""
        return self.b.numel() + self.a.numel()


def svd(weights: torch.Tensor, rank: int, hessian: torch.Tensor | None = None) -> Product:
    """The best product of this rank for W [rows, columns]; hessian X X^T, None: all inputs alike.

    BadInput for a rank that the matrix does not have room for, or a Hessian of another shape.
    """
    rows, columns = weights.shape
    if not 0 < rank <= min(rows, columns):
        most = min(rows, columns)
        raise BadInput(f"a {rows} x {columns} matrix has no rank {rank}: give 1 to {most}")
    root = _root(hessian, columns)
    u, s, v = torch.linalg.svd(weights.double() @ root, full_matrices=False)
    half = s[:rank].sqrt()
    b = u[:, :rank] * half
    a = torch.linalg.solve_triangular(root, half[:, None] * v[:rank], upper=False, left=False)
    return Product(b.float(), a.float(), float(s[rank:].square().sum()))


def correction(
    weights: torch.Tensor, rounded: torch.Tensor, rank: int, hessian: torch.Tensor | None = None
) -> Product:
    """The product to be added to a rounded matrix: the best for W - Q (Yao et al. 2023, LoRC)."""
    if weights.shape != rounded.shape:
        raise BadInput(f"{list(rounded.shape)} is no rounding of {list(weights.shape)}")
    return svd(weights - rounded, rank, hessian)


def _root(hessian: torch.Tensor | None, columns: int) -> torch.Tensor:
    """Lower triangular S [columns, columns] with S S^T the damped Hessian."""
    if hessian is None:
        return torch.eye(columns, dtype=torch.float64)
    if hessian.shape != (columns, columns) or not bool(torch.isfinite(hessian).all()):
        raise BadInput(f"a Hessian of {list(hessian.shape)} is given for rows of {columns}")
    mean = float(hessian.diagonal().double().mean())
    if mean <= 0:
        raise BadInput("the Hessian was never filled: run the calibration first")
    eye = torch.eye(columns, dtype=torch.float64)
    return torch.linalg.cholesky(hessian.double() + DAMPING * mean * eye)
