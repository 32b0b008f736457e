"""How sure a number is: 95% intervals for values that depend on their neighbours. Pure numpy.

Neighbouring positions share a topic, so they are not independent draws. Everything here therefore
counts in BLOCKS: consecutive positions of one window, as long as possible while there are at least
24 blocks (1 window: 24 blocks; 6 windows: 4 blocks each; from 24 windows on: each window is one).

* A mean: the studentised block bootstrap. Blocks are drawn with replacement, and the spread of
  t* = (mean* - mean) / se* gives the interval (Efron and Tibshirani 1993, 12.5). The plainer
  percentile interval is too short for skewed values: on lognormal data of 1, 2, 6 and 30 windows
  it held the truth 89, 93, 92 and 93 times in 100, this one 92, 95, 94 and 93 times.
* A share: Wilson's interval for the number of independent draws that the blocks are worth
  (their variance against the binomial one, the design effect). It stays honest at 0 and 1.
* A quantile: the order statistics between which that share must lie (Woodruff 1952).
* A maximum: data bound it from below only.

What no interval covers: another kind of text. Must not know what the values mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

RESAMPLES = 2000
LEAST_BLOCKS = 24
MOST_BLOCKS = 1024
_NORMAL = 1.959963984540054


@dataclass(frozen=True)
class Estimate:
    """A value and its 95% interval; None is an end the data do not set."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Blocks:
    """Sums of values over blocks of consecutive positions."""

    sums: Doubles
    """Sum of each block."""
    counts: Doubles
    """Positions in each block."""

    @property
    def mean(self) -> float:
        """Mean over all positions."""
        return float(self.sums.sum() / self.counts.sum())

    @property
    def standard_error(self) -> float:
        """Of the mean, from the spread between blocks (a ratio estimator); NaN for one block."""
        count = len(self.sums)
        if count < 2:
            return math.nan
        residual = self.sums - self.mean * self.counts
        return float(math.sqrt(count / (count - 1) * (residual @ residual)) / self.counts.sum())


def into_blocks(values: npt.ArrayLike) -> Blocks:
    """Blocks of [windows, positions]."""
    table = np.asarray(values, dtype=np.float64)
    windows, positions = table.shape
    each = min(positions, -(-LEAST_BLOCKS // windows))
    edges = np.linspace(0, positions, each + 1).astype(int)
    sums = np.add.reduceat(table, edges[:-1], axis=1).ravel()
    counts = np.tile(np.diff(edges).astype(np.float64), windows)
    if len(sums) > MOST_BLOCKS:  # so many windows: several make one block
        starts = np.linspace(0, len(sums), MOST_BLOCKS + 1).astype(int)[:-1]
        sums, counts = np.add.reduceat(sums, starts), np.add.reduceat(counts, starts)
    return Blocks(sums, counts)


def mean(
    values: npt.ArrayLike, *, seed: int, floor: float | None = None, ceiling: float | None = None
) -> Estimate:
    """The mean of [windows, positions]; `floor` and `ceiling` are limits no mean can pass."""
    blocks = into_blocks(values)
    value, error = blocks.mean, blocks.standard_error
    if math.isnan(error):  # one block: nothing is known of the spread
        return Estimate(value, floor, ceiling)
    if error <= 1e-12 * abs(value):  # all alike, up to rounding
        return Estimate(value, value, value)
    least, most = _t_ends(blocks, seed)
    low = max(value - most * error, -math.inf if floor is None else floor)
    high = min(value - least * error, math.inf if ceiling is None else ceiling)
    return Estimate(value, _finite(min(low, value)), _finite(max(high, value)))


def share(mask: npt.ArrayLike) -> Estimate:
    """The share of true positions in [windows, positions]."""
    blocks = into_blocks(mask)
    p = blocks.mean
    z = critical_t(len(blocks.sums) - 1)
    n = _independent_draws(blocks)
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Estimate(p, min(p, max(0.0, middle - half)), max(p, min(1.0, middle + half)))


def quantile(values: npt.ArrayLike, q: float, *, floor: float | None = None) -> Estimate:
    """The q-quantile of [windows, positions], linear between order statistics.

    An end is None (or `floor`) where so few positions leave room for values never seen.
    """
    table = np.asarray(values, dtype=np.float64)
    value = float(np.quantile(table, q))
    blocks = into_blocks(table <= value)
    n = _independent_draws(blocks)
    reach = critical_t(len(blocks.sums) - 1) * math.sqrt(q * (1 - q) / n)
    low = floor if q - reach < 0 else min(value, float(np.quantile(table, q - reach)))
    high = None if q + reach > 1 else max(value, float(np.quantile(table, q + reach)))
    return Estimate(value, low, high)


def maximum(values: npt.ArrayLike) -> Estimate:
    """The largest value seen. The interval is one-sided: the largest value of a longer text is no
    smaller, and nothing in the data limits it from above. What can be said: with n independent
    positions, at 95% confidence at most a share of 3/n exceeds it.
    """
    value = float(np.max(np.asarray(values, dtype=np.float64)))
    return Estimate(value, value, None)


def through(function: Callable[[float], float], estimate: Estimate) -> Estimate:
    """An estimate seen through a rising function; an end too large to compute is no end."""

    def end(value: float | None) -> float | None:
        try:
            return None if value is None else function(value)
        except OverflowError:
            return None

    return Estimate(function(estimate.value), end(estimate.low), end(estimate.high))


def critical_t(freedom: int) -> float:
    """97.5% point of Student's t, by the Cornish-Fisher series (within 0.01 from 6 degrees on)."""
    if freedom < 1:
        return math.inf
    z, v = _NORMAL, float(freedom)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / v + second / v**2 + third / v**3


def _t_ends(blocks: Blocks, seed: int) -> tuple[float, float]:
    """The 2.5% and 97.5% points of t* over resamples of the blocks."""
    count = len(blocks.sums)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, count, (RESAMPLES, count))
    drawn += np.arange(RESAMPLES)[:, None] * count
    weights = np.bincount(drawn.ravel(), minlength=RESAMPLES * count)
    weights = weights.reshape(RESAMPLES, count).astype(np.float64)
    sums, counts = blocks.sums - blocks.mean * blocks.counts, blocks.counts
    total = weights @ counts
    means = weights @ sums / total
    squares = weights @ sums**2 - 2 * means * (weights @ (sums * counts))
    squares += means**2 * (weights @ counts**2)
    errors = np.sqrt(np.maximum(squares, 0.0) * count / (count - 1)) / total
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(means == 0.0, 0.0, means / errors)
    t.sort()
    tail = int(0.025 * RESAMPLES)
    return float(t[tail]), float(t[-1 - tail])


def _independent_draws(blocks: Blocks) -> float:
    """How many independent draws would be as sure of this share as these positions are."""
    p, n = blocks.mean, float(blocks.counts.sum())
    error = blocks.standard_error
    if math.isnan(error) or not 0.0 < p < 1.0:
        return n
    return n / max(1.0, error**2 / (p * (1 - p) / n))


def _finite(end: float) -> float | None:
    return end if math.isfinite(end) else None
