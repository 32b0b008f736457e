"""What every codec of every group costs: the KLD measured for some, interpolated for the others.

The KLD grows with the squared rounding error while that is small (HAWQ, Dong et al. 2019,
arXiv:1905.03696, has the same second-order argument) and more slowly where it is large, so that a
straight line between measured neighbours in log(error) and log(KLD) serves both. Pure;
`measure.py` fills it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from penjing.core.errors import PenjingError
from penjing.workshop.search.choice import Choice
from penjing.workshop.search.damage import Damage
from penjing.workshop.search.groups import CANDIDATES, Group, codecs_of
from penjing.workshop.search.times import Times

UPSET = 4.0
"""A codec whose error is so many times more uneven over the rows than the most even codec's hit a
super weight that others keep. Its effect says nothing of theirs, nor theirs of its own: it is
measured itself. (`blk.11.ffn_down` of the default model in Q4_0, see the lab notebook.)"""

_NOTHING = 1e-12  # a KLD below what 32 bits can tell from 0
_ENDLESS = 50.0  # log of a KLD beyond any; a steep line leads further, and exp of that nowhere


@dataclass(frozen=True)
class Effects:
    """What is known of one group."""

    own: str
    """The codec it came in, which costs nothing."""
    measured: Mapping[str, float]
    """Mean KLD by codec, nats: the group in that codec, everything else as it was."""
    damage: Mapping[str, Damage]
    """Weighted squared error of every codec it could have, on the same rows."""

    @property
    def kld(self) -> float:
        """The worst that was measured, nats: how much the group matters."""
        return max(self.measured.values(), default=0.0)

    def loss(self, codec: str) -> float:
        """Mean KLD of the group in `codec`, nats: measured, or predicted from the others."""
        if codec == self.own:
            return 0.0
        if codec in self.measured:
            return max(self.measured[codec], 0.0)
        error = self.damage[codec].total
        if error <= 0:
            return 0.0
        return math.exp(min(_on_line(self._anchors(), math.log(error)), _ENDLESS))

    def _anchors(self) -> list[tuple[float, float]]:
        """Points (log error, log KLD) that rise: all that was measured but upset codecs."""
        outliers = upset(self.damage)
        usable = [name for name in self.measured if self.damage[name].total > 0]
        calm = [name for name in usable if name not in outliers] or usable
        if not calm:
            raise PenjingError("no codec of this group was measured: measure again")
        points = sorted(
            (math.log(self.damage[n].total), math.log(max(self.measured[n], _NOTHING)))
            for n in calm
        )
        return _rising(points)


def upset(damage: Mapping[str, Damage]) -> set[str]:
    """Codecs that a super weight hit and others not."""
    uneven = {
        name: each.total / each.typical if each.typical > 0 else math.inf
        for name, each in damage.items()
        if each.total > 0
    }
    calmest = min(uneven.values(), default=math.inf)
    return {name for name, value in uneven.items() if value > UPSET * calmest}


def choices(
    groups: Iterable[Group],
    table: Mapping[str, Effects],
    padded: Callable[[int], int],
    names: Iterable[str] = CANDIDATES,
    times: Times | None = None,
) -> dict[str, list[Choice]]:
    """What the budget solver chooses from, by group name: every codec with its bytes and loss.

    And with what it takes of the time for a token, where `times` are known.
    """
    known = tuple(names)
    return {
        group.name: [
            Choice(
                codec,
                group.nbytes(codec, padded),
                table[group.name].loss(codec),
                times.of(group, codec) if times else 0.0,
            )
            for codec in codecs_of(group, known)
        ]
        for group in groups
    }


def _rising(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points sorted by x whose y falls nowhere: neighbours that would are averaged (isotonic)."""
    pools: list[list[tuple[float, float]]] = []
    for point in points:
        pools.append([point])
        while len(pools) > 1 and (
            _mean(pools[-2])[1] >= _mean(pools[-1])[1] or _mean(pools[-2])[0] == _mean(pools[-1])[0]
        ):
            pools[-2:] = [pools[-2] + pools[-1]]
    return [_mean(pool) for pool in pools]


def _mean(pool: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return fmean(x for x, _ in pool), fmean(y for _, y in pool)


def _on_line(points: Sequence[tuple[float, float]], x: float) -> float:
    """On straight lines between the points; outside, the KLD is proportional to the error.

    Above the last point it rises at least as fast as between the last two.
    """
    (x0, y0), *_ = points
    if x <= x0:
        return y0 + (x - x0)
    for (xa, ya), (xb, yb) in pairwise(points):
        if x <= xb:
            return ya + (yb - ya) * (x - xa) / (xb - xa)
    last, slope = points[-1], 1.0
    if len(points) > 1:
        slope = max(slope, (last[1] - points[-2][1]) / (last[0] - points[-2][0]))
    return last[1] + slope * (x - last[0])
