"""What a score may look at besides the weights themselves. Must not know models."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from penjing.core.errors import BadInput


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of one matrix [rows, columns]; None where nobody measured it."""

    mean_square: torch.Tensor | None = None
    """E[x_j^2] of every input channel [columns]."""
    gradient: torch.Tensor | None = None
    """dL/dW [rows, columns], the mean over calibration text."""
    seed: int = 0
    """Of what is left to chance."""


def measured(found: torch.Tensor | None, shape: tuple[int, ...], what: str) -> torch.Tensor:
    """`found`, if it is there, finite and of this shape; BadInput says what is missing."""
    if found is None:
        raise BadInput(f"this score needs {what}: calibrate with some text")
    if tuple(found.shape) != shape or not bool(torch.isfinite(found).all()):
        raise BadInput(f"{what} {list(found.shape)} must be {list(shape)} finite numbers")
    return found
