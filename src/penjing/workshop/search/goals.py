"""What must be kept, and the smallest size that keeps it. Pure: how a size is measured is given.

The value that counts is measured on held-out text at the end; here it is measured on calibration
text, so a goal is tightened first by a margin.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from penjing.core.errors import BadInput, BudgetError
from penjing.core.units import format_size

MARGIN = 0.1
"""How much better than asked for it is to be on calibration text: a tenth less KLD, or a tenth
fewer positions whose top token changes."""

_LITTLE = 0.01  # of what may be lost: below it the log says nothing
_EDGE = 0.1  # a guess keeps so far from the ends of what is left, as a share of it

Metric = Literal["same-top", "kld"]


@dataclass(frozen=True)
class Goal:
    """A value that a file must reach."""

    metric: Metric
    """same-top: share of positions whose top token is unchanged; kld: mean KLD, nats."""
    value: float
    """At least so much same-top, at most so much KLD."""

    def met(self, value: float) -> bool:
        """Whether a measured value reaches it; one that is not a number does not."""
        return value >= self.value if self.metric == "same-top" else value <= self.value

    def tightened(self, margin: float = MARGIN) -> Goal:
        """The same with `margin` of what may be lost kept in hand."""
        if self.metric == "kld":
            return Goal("kld", self.value * (1 - margin))
        return Goal("same-top", 1 - (1 - self.value) * (1 - margin))

    def lost(self, value: float) -> float:
        """Log of what is lost: nearly a straight line in the size. Very little counts as some."""
        loss, allowed = value, self.value
        if self.metric == "same-top":
            loss, allowed = 1 - value, 1 - self.value
        return math.log(max(loss, _LITTLE * allowed))

    def __str__(self) -> str:
        return f"{self.metric}{'>=' if self.metric == 'same-top' else '<='}{self.value:g}"


@dataclass(frozen=True)
class Met:
    """The smallest size found."""

    size: int
    """Bytes."""
    value: float
    """What was measured there."""
    measured: tuple[tuple[int, float], ...]
    """Every size that was tried and its value, in order."""


def parse_goal(text: str) -> Goal:
    """ "same-top>=0.85" or "kld<=0.1"; BadInput for anything else."""
    match = re.fullmatch(r"\s*([A-Za-z_-]+)\s*(<=|>=|=<|=>|==|=|<|>)\s*([^\s]{1,30})\s*", text)
    example = "write for example same-top>=0.85 or kld<=0.1"
    if match is None:
        raise BadInput(f"'{text[:60]}' is not a goal: {example}")
    name, sign = match[1].lower().replace("_", "-"), match[2]
    wanted = {"same-top": ">=", "kld": "<="}.get(name)
    if wanted is None:
        raise BadInput(f"'{match[1][:40]}' cannot be a goal: {example}")
    if sign != wanted:
        raise BadInput(f"{name} is kept by {name}{wanted}..., not by '{sign}': {example}")
    try:
        value = float(match[3])
    except ValueError:
        value = math.nan
    if name == "same-top":
        if not 0 < value < 1:
            raise BadInput(f"same-top is a share between 0 and 1, not '{match[3]}': {example}")
        return Goal("same-top", value)
    if not 0 < value < math.inf:
        raise BadInput(f"kld is a number of nats above 0, not '{match[3]}': {example}")
    return Goal("kld", value)


def smallest_meeting(
    goal: Goal,
    measure: Callable[[int], float],
    low: int,
    high: int,
    *,
    tolerance: float = 0.005,
    most: int = 12,
) -> Met:
    """The smallest of the sizes low..high (bytes) whose measured value meets `goal`.

    A larger size is taken to be better. Each guess lies where a straight line through the values
    at both ends of what is left, in the log of what is lost, crosses the goal, or in the middle
    where two guesses fell on the same side. Ends when what is
    left is within `tolerance` of the size, or after `most` measurements; the size returned was
    measured and meets the goal. BudgetError when even `high` does not.
    """
    measured: list[tuple[int, float]] = []

    def at(size: int) -> float:
        measured.append((size, measure(size)))
        return measured[-1][1]

    above = at(high)
    if not goal.met(above):
        raise BudgetError(
            f"{goal} is not reached at the largest size, {format_size(high)}: there "
            f"{goal.metric} is {above:.4g}, ask for less"
        )
    below = at(low) if low < high else above
    if goal.met(below):
        return Met(low, below, tuple(measured))
    sides = [False, True]
    while high - low > max(1, tolerance * high) and len(measured) < most:
        stuck = sides[-1] == sides[-2]  # the line is bent: one end would be crept up to
        size = (low + high) // 2 if stuck else _guess(goal, (low, below), (high, above))
        value = at(size)
        sides.append(goal.met(value))
        if sides[-1]:
            high, above = size, value
        else:
            low, below = size, value
    return Met(high, above, tuple(measured))


def _guess(goal: Goal, below: tuple[int, float], above: tuple[int, float]) -> int:
    """Where the straight line crosses the goal, a little towards the middle."""
    (low, lost), (high, kept) = below, above
    fall = goal.lost(lost) - goal.lost(kept)
    share = (goal.lost(lost) - goal.lost(goal.value)) / fall if fall > 0 else 0.5
    share = min(1 - _EDGE, max(_EDGE, share)) if math.isfinite(share) else 0.5
    return min(high - 1, max(low + 1, low + round((high - low) * share)))
