"""Chance, seeded: the control that every other score must beat."""

from __future__ import annotations

import torch

from penjing.workshop.prune.evidence import Evidence


def scores(weights: torch.Tensor, evidence: Evidence) -> torch.Tensor:
    """Uniform in [0, 1) [rows, columns]; the same seed and shape give the same."""
    chance = torch.Generator().manual_seed(evidence.seed)
    return torch.rand(weights.shape, generator=chance).to(weights.device)
