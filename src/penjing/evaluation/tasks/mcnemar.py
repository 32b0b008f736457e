"""McNemar's exact test, flips, and the smallest difference that so many questions can show.

Two models answer the same questions, so only those that one got right and the other wrong say
anything: `lost` (right to wrong) and `won`. The test is the binomial one of these at 1/2 (McNemar
1947; exact as in Agresti, Categorical Data Analysis, 10.1). The difference has a bootstrap interval
over questions; below 12 flips, where a bootstrap is too short, Agresti and Min's (2005): Wald's
after half a question is added to each of the four counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penjing.evaluation import statistics
from penjing.evaluation.statistics import Estimate

LEAST_FLIPS = 12
"""Below this the bootstrap has too little to draw from."""
_NORMAL = 1.959963984540054
_POWER = 0.8416212335729143
"""The 80% point of the normal distribution."""
_FEWEST = 6
"""Flips, all one way, before McNemar's exact p is below 0.05."""


@dataclass(frozen=True)
class Flips:
    """How answers changed from a baseline to a model."""

    n: int
    """Questions."""
    lost: int
    """Right before, wrong after."""
    won: int
    """Wrong before, right after."""

    @property
    def p(self) -> float:
        """McNemar's exact p, two-sided."""
        fewer, both = min(self.lost, self.won), self.lost + self.won
        return min(1.0, 2 * below(fewer, both, 0.5)) if both else 1.0

    @property
    def smallest_difference(self) -> float:
        """The share that would be found with a chance of 80% at 5%, given as many flips.

        Miettinen's approximation (1968); where there were none, as many as 95% confidence allows.
        """
        share = (self.lost + self.won) / self.n or 3 / self.n
        difference = share  # the largest that there can be
        for _ in range(60):  # of a fixed point that is neared from above
            spread = _NORMAL * math.sqrt(share)
            spread += _POWER * math.sqrt(max(share - difference**2, 0.0))
            difference = min(share, spread / math.sqrt(self.n))
        return max(difference, min(1.0, _FEWEST / self.n))


def flips(before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]) -> Flips:
    """Count them, over the same questions in the same order."""
    return Flips(len(before), int((before & ~after).sum()), int((~before & after).sum()))


def smallest_mean(change: npt.NDArray[np.float64]) -> float:
    """The mean change of a score that is no yes or no that would be found so."""
    return float((_NORMAL + _POWER) * change.std() / math.sqrt(len(change)))


def difference(
    before: npt.NDArray[np.float64], after: npt.NDArray[np.float64], *, seed: int
) -> tuple[Estimate, str]:
    """Mean change of a score for each question, its 95% interval and how that was found."""
    change = np.asarray(after, np.float64) - np.asarray(before, np.float64)
    changed = int(np.count_nonzero(change))
    if changed >= LEAST_FLIPS:
        found = statistics.mean(change[:, None], seed=seed, floor=-1.0, ceiling=1.0)
        return found, "bootstrap over questions"
    n = len(change) + 2
    lost, won = -change[change < 0].sum() + 0.5, change[change > 0].sum() + 0.5
    middle = (won - lost) / n
    half = _NORMAL * math.sqrt(max(lost + won - (won - lost) ** 2 / n, 0.0)) / n
    value = float(change.mean())
    low, high = min(value, middle - half), max(value, middle + half)
    return Estimate(value, max(-1.0, low), min(1.0, high)), "Agresti-Min"


def below(successes: int, n: int, p: float) -> float:
    """Chance of at most so many successes in n draws (binomial)."""
    if successes < 0:
        return 0.0
    if p <= 0.0 or p >= 1.0 or successes >= n:
        return 1.0 if p < 1.0 or successes >= n else 0.0
    first = math.lgamma(n + 1)
    terms = (
        first - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        + k * math.log(p) + (n - k) * math.log1p(-p)
        for k in range(successes + 1)
    )  # fmt: skip
    return min(1.0, math.fsum(map(math.exp, terms)))


def at_least(successes: int, n: int, p: float) -> float:
    """Chance of at least so many successes in n draws."""
    return below(n - successes, n, 1.0 - p)
