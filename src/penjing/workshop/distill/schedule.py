"""How a distillation is run: a frozen value, part of the recipe."""

from __future__ import annotations

from dataclasses import dataclass, field

from penjing.workshop.distill.loss import Objective


@dataclass(frozen=True)
class Schedule:
    """How to train."""

    seconds: float
    """Time it may take; with `steps` given, no matter."""
    steps: int | None = None
    """How many steps, from a recipe; None: as many as the time allows, found on the first ones."""
    together: int = 2
    """Windows of a step."""
    weight_rate: float = 4e-3
    """Adam's rate for weights, in steps of their codec."""
    scale_rate: float = 1e-3
    """For block scales, as a share of themselves."""
    norm_rate: float = 1e-3
    """For norms and biases."""
    labels: int = 0
    """How many tokens at each position the teacher labels once for all; 0: it is asked anew."""
    objective: Objective = field(default_factory=Objective)
    """What is minimised."""
    seed: int = 0
    """Of the order of the windows."""
