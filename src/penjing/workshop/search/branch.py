"""Branch and bound for one codec a group under a budget of bytes: the least predicted loss. Pure.

The multiple-choice knapsack. Where fractions of a choice are allowed, the choices on each group's
lower convex hull of (bytes, loss), taken in order of loss saved per byte, are the optimum, and at
most one group is between two of its choices (Sinha and Zoltners 1979; Dyer 1984). That optimum is a
bound; the group in between is what is branched on: in one half it stays below the larger choice, in
the other it has that or more. Where one group is most of the file that is the first question asked,
and greed alone gets it wrong: small upgrades use up the room that the one large upgrade needs.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penjing.workshop.search.choice import Allocation, Choice, Choices

GAP = 5e-4
"""The search ends when what was found is within this share of the bound."""

NODES = 100
"""Or after so many boxes were looked into."""

_Row = Sequence[Choice]
_Box = Mapping[str, tuple[int, int]]
"""First and last choice a group may take, where that is not all of them."""


@dataclass(frozen=True)
class _Step:
    """From one choice of a hull to the next."""

    slope: float
    """Loss saved per byte, negative: the best sorts first."""
    name: str
    """The group."""
    to: int
    """The choice after it."""
    nbytes: int
    """More than before."""
    saved: float
    """Loss less than before."""


@dataclass(frozen=True)
class _Relaxed:
    """The optimum with fractions, and what is whole of it."""

    bound: float
    """Loss of the optimum."""
    at: Mapping[str, int]
    """The choice of each group, the fraction left out and the room then filled up."""
    split: _Step | None
    """The step that is taken in part; None: the optimum is whole."""


def least_loss(choices: Choices, room: int, *, nodes: int = NODES) -> Allocation:
    """The least loss in `room` bytes, the smallest assembly being no larger; with its bound.

    Equal inputs give equal allocations, whatever the order of the groups.
    """
    rows = {name: useful(choices[name]) for name in sorted(choices)}
    search = _Search(rows, room)
    for _ in range(nodes):
        if not search.step():
            break
    chosen = {name: rows[name][search.best[name]] for name in choices}
    return Allocation(chosen, search.bound)


def useful(row: _Row) -> list[Choice]:
    """From the smallest on, each with less loss than all that are no larger."""
    out: list[Choice] = []
    for choice in sorted(row, key=lambda c: (c.nbytes, c.loss, c.codec)):
        if not out or choice.loss < out[-1].loss:
            out.append(choice)
    return out


class _Search:
    """Boxes still to be looked into, the one with the least bound first."""

    def __init__(self, rows: Mapping[str, _Row], room: int) -> None:
        self._rows, self._room = rows, room
        steps = [step for name, row in rows.items() for step in _hull(name, row, 0, len(row) - 1)]
        self._open: list[tuple[float, int, _Relaxed, list[_Step], _Box]] = []
        self._count = 0
        self.best: Mapping[str, int] = {}
        self._loss = self._floor = math.inf
        self._put({}, sorted(steps, key=_order))

    @property
    def bound(self) -> float:
        """No assembly in the room has less loss."""
        return min(self._loss, self._floor, *(box[0] for box in self._open[:1]))

    def step(self) -> bool:
        """Look into one box; False when nothing is left that could be better by more than GAP."""
        if not self._open or self._near(self._open[0][0]):
            return False
        _, _, relaxed, steps, box = heapq.heappop(self._open)
        split = relaxed.split
        if split is None:  # whole: it is its own bound and was taken
            return True
        first, last = box.get(split.name, (0, len(self._rows[split.name]) - 1))
        for part in ((first, split.to - 1), (split.to, last)):
            narrowed = {**box, split.name: part}
            others = [step for step in steps if step.name != split.name]
            others += _hull(split.name, self._rows[split.name], *part)
            self._put(narrowed, sorted(others, key=_order))
        return True

    def _put(self, box: _Box, steps: list[_Step]) -> None:
        base = {name: box.get(name, (0, 0))[0] for name in self._rows}
        room = self._room - sum(self._rows[name][i].nbytes for name, i in base.items())
        if room < 0:
            return
        loss = sum(self._rows[name][i].loss for name, i in base.items())
        relaxed = _relaxed(base, loss, steps, room)
        if self._near(relaxed.bound):
            self._floor = min(self._floor, relaxed.bound)
            return
        self._offer(relaxed.at)
        self._count += 1
        heapq.heappush(self._open, (relaxed.bound, self._count, relaxed, steps, box))

    def _near(self, bound: float) -> bool:
        return bound >= self._loss * (1 - GAP)

    def _offer(self, at: Mapping[str, int]) -> None:
        """Fill up what room there is, and keep it where it is the best yet."""
        filled = _filled(at, self._rows, self._room)
        loss = sum(self._rows[name][i].loss for name, i in filled.items())
        if loss < self._loss:
            self.best, self._loss = filled, loss


def _relaxed(base: Mapping[str, int], loss: float, steps: list[_Step], room: int) -> _Relaxed:
    """Steps are in order; those of one group come in order too: its hull is convex."""
    at, stuck = dict(base), set[str]()
    bound, split = loss, None
    for step in steps:
        if step.nbytes <= room and step.name not in stuck:
            at[step.name], room = step.to, room - step.nbytes
            if split is None:
                bound -= step.saved
            continue
        stuck.add(step.name)
        if split is None:
            split, bound = step, bound + step.slope * room
    return _Relaxed(bound, at, split)


def _filled(at: Mapping[str, int], rows: Mapping[str, _Row], room: int) -> dict[str, int]:
    """Take the upgrade that saves most and still fits, until none does."""
    out = dict(at)
    room -= sum(rows[name][i].nbytes for name, i in out.items())
    while True:
        offers = [
            (row[now].loss - row[i].loss, -row[i].nbytes, name, i)
            for name, row in rows.items()
            for now in [out[name]]
            for i in range(now + 1, len(row))
            if row[i].nbytes - row[now].nbytes <= room
        ]
        if not offers:
            return out
        *_, name, i = max(offers)
        room -= rows[name][i].nbytes - rows[name][out[name]].nbytes
        out[name] = i


def _hull(name: str, row: _Row, first: int, last: int) -> list[_Step]:
    """Lower convex hull of some choices of a group, as steps from the first of them."""
    points: list[int] = []
    for i in range(first, last + 1):
        while len(points) > 1 and _slope(row, points[-2], points[-1]) <= _slope(row, points[-2], i):
            points.pop()
        points.append(i)
    return [
        _Step(-_slope(row, a, b), name, b, row[b].nbytes - row[a].nbytes, row[a].loss - row[b].loss)
        for a, b in itertools.pairwise(points)
    ]


def _slope(row: _Row, a: int, b: int) -> float:
    """Loss saved per byte when going from a to the larger b."""
    return (row[a].loss - row[b].loss) / (row[b].nbytes - row[a].nbytes)


def _order(step: _Step) -> tuple[float, str, int]:
    return step.slope, step.name, step.to
