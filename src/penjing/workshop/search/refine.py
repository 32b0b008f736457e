"""Errors are not additive: the chosen assembly is measured as a whole, and bettered from there.

Ways of proposing another assembly in the same budget, each measured before it is believed: one
codec everywhere, which nothing that ships may be worse than; a group that is much of the file held
at another codec, and the rest solved again; the table's losses of one codec or one kind of group
tilted up or down, and solved again; two groups exchanging bits. (Factors fitted to all assemblies
by least squares were tried: among so few they move too little to give another plan.) The
same inputs propose the same plans in the same order, so that a run that goes on takes every
measurement of an earlier one from `known`. Pure: measuring is given.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

from penjing.core.errors import BudgetError
from penjing.core.progress import Progress, Silent
from penjing.workshop.search.branch import useful
from penjing.workshop.search.budget import allocate
from penjing.workshop.search.choice import Allocation, Choice, Choices, smallest
from penjing.workshop.search.uniform import best_uniform

Plan = Mapping[str, str]
"""Codec by group name; `groups.expand` makes it one by tensor name."""

GAIN = 0.001
"""A plan is better when its KLD is lower by at least this share: less is the text's accident."""

TILT = 1.6
"""What the losses of one kind are multiplied or divided by, to see; its root in the next round."""

_LARGE = 0.1  # of all bytes: a group that is held at other codecs
_HOPE = 3.0  # times the least predicted loss: what promises more is not measured
_HELD = 3  # of those plans that may be no better
_NEAR = 2  # codecs of a group, up and down, that an exchange may reach
_TIRED = 2  # failures after which a group is no longer exchanged in this round


@dataclass(frozen=True)
class Limits:
    """When to stop."""

    measurements: int = 60
    """Plans to read, those known already too: the same limit ends at the same plan, however often
    the work was begun."""
    seconds: float | None = None
    """From the beginning; None: as long as it takes."""
    rounds: int = 3
    """Of both ways, in ever smaller steps."""
    exchanges: int = 16
    """That may fail in a round."""


@dataclass(frozen=True)
class BestAssembly:
    """The best assembly that was measured."""

    allocation: Allocation
    """Its choices, with the table's losses."""
    kld: float
    """Measured, nats."""
    first: float
    """Measured KLD of the table's own best assembly, nats."""
    history: tuple[tuple[str, float], ...] = field(repr=False, default=())
    """How each plan that was read was proposed, and its KLD, in order."""


class _Spent(Exception):
    """A limit was reached."""


def plan_hash(plan: Plan) -> str:
    """Of a plan's contents."""
    return sha256(json.dumps(sorted(plan.items())).encode()).hexdigest()


def refine(
    choices: Choices,
    budget: int,
    measure: Callable[[Plan], float],
    *,
    fixed: int = 0,
    time_limit: float | None = None,
    known: Mapping[str, float] | None = None,
    keep: Callable[[Mapping[str, float]], None] = lambda _: None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> BestAssembly:
    """The assembly with the least measured KLD that is found within `budget` and `limits`.

    `measure` gives the KLD of a whole plan; `known` are results by `plan_hash` and `keep` hears of
    them with each new one; no plan is proposed that takes longer than `time_limit`. BudgetError as
    in `allocate`. Nothing worse than the first is returned.
    """
    limits = limits or Limits()
    book = _Book(measure, dict(known or {}), keep, limits)
    search = _Search(choices, budget - fixed, time_limit, limits, book)
    first = allocate(choices, budget, fixed=fixed, time=time_limit)
    with (progress or Silent()).task(
        "measuring the assembly", limits.measurements, unit="plans"
    ) as task:
        book.on_new = task.advance
        best = begin = book.read("table", first)
        try:
            best = search.held(search.even(best))
            for i in range(limits.rounds):
                best = search.tilt(best, TILT ** (0.5**i))
                best = search.exchange(best)
        except _Spent as spent:
            best = spent.args[0]
    return BestAssembly(best.allocation, best.kld, begin.kld, tuple(book.history))


@dataclass(frozen=True)
class _Read:
    """An assembly and its measured KLD."""

    allocation: Allocation
    kld: float


class _Book:
    """Measures plans, each once."""

    def __init__(
        self,
        measure: Callable[[Plan], float],
        known: dict[str, float],
        keep: Callable[[Mapping[str, float]], None],
        limits: Limits,
    ) -> None:
        self._measure, self._known, self._keep, self._limits = measure, known, keep, limits
        self._begun = time.monotonic()
        self._seen: set[str] = set()
        self.history: list[tuple[str, float]] = []
        self.on_new: Callable[[], None] = lambda: None

    def read(self, way: str, allocation: Allocation, best: _Read | None = None) -> _Read:
        """Its KLD; raises _Spent with `best` when that would take a measurement too many."""
        plan = allocation.plan
        name = plan_hash(plan)
        if best is not None and self._spent():
            raise _Spent(best)
        if name not in self._known:
            self._known[name] = float(self._measure(plan))
            self._keep(self._known)
            self.on_new()
        self._seen.add(name)
        self.history.append((way, self._known[name]))
        return _Read(allocation, self._known[name])

    def better(self, way: str, allocation: Allocation, best: _Read) -> _Read | None:
        """Its reading when that beats `best`; None when not, or when the plan came up before."""
        if self.has(allocation):
            return None
        found = self.read(way, allocation, best)
        return found if found.kld < best.kld * (1 - GAIN) else None

    def has(self, allocation: Allocation) -> bool:
        """Whether the plan came up before."""
        return plan_hash(allocation.plan) in self._seen

    def _spent(self) -> bool:
        limit = self._limits.seconds
        late = limit is not None and time.monotonic() - self._begun >= limit
        return late or len(self._seen) >= self._limits.measurements


class _Search:
    """Where proposals come from. Factors by tag stay as they proved good."""

    def __init__(
        self, choices: Choices, budget: int, time: float | None, limits: Limits, book: _Book
    ) -> None:
        self._choices, self._budget, self._time = choices, budget, time
        self._limits, self._book = limits, book
        self._factors: dict[str, float] = {}

    def even(self, best: _Read) -> _Read:
        """The best of one codec everywhere."""
        limit = math.inf if self._time is None else self._time
        found = best_uniform(self._choices, self._budget, limit)
        better = found and self._book.better("one codec", found, best)
        return better or best

    def held(self, best: _Read) -> _Read:
        """Each large group at its other codecs, the most promising first, until it is no use."""
        tired = 0
        for name, found in self._others(best.allocation):
            better = self._book.better(f"hold {name}", found, best)
            tired += better is None
            best = better or best
            if tired == _HELD:
                break
        return best

    def _others(self, allocation: Allocation) -> list[tuple[str, Allocation]]:
        """Large groups at codecs they have not, all else solved; the least predicted loss first."""
        most = {name: max(c.nbytes for c in row) for name, row in self._choices.items()}
        out = []
        for name, row in self._choices.items():
            if most[name] < _LARGE * sum(most.values()):
                continue
            for choice in useful(row):
                held = {**self._choices, name: [choice]}
                if choice != allocation.chosen[name] and smallest(held) <= self._budget:
                    out += self._solvable(name, held)
        near = [pair for pair in out if pair[1].loss <= _HOPE * allocation.loss]
        return sorted(near, key=lambda pair: pair[1].loss)

    def _solvable(self, name: str, held: Choices) -> list[tuple[str, Allocation]]:
        try:
            return [(name, allocate(held, self._budget, time=self._time))]
        except BudgetError:  # not in that time
            return []

    def tilt(self, best: _Read, step: float) -> _Read:
        """Solve with one tag's losses larger or smaller, as far as it helps; heaviest first."""
        weight: dict[str, float] = {}
        for name, choice in best.allocation.chosen.items():
            for tag in _tags(name, choice.codec):
                weight[tag] = weight.get(tag, 0.0) + choice.loss
        for tag in sorted(weight, key=lambda tag: (-weight[tag], tag)):
            for factor in (step, 1 / step):
                before = best
                while True:
                    tilted = {**self._factors, tag: self._factors.get(tag, 1.0) * factor}
                    better = self._book.better(f"tilt {tag}", self._solved(tilted), best)
                    if better is None:
                        break
                    best, self._factors = better, tilted
                if best is not before:
                    break
        return best

    def exchange(self, best: _Read) -> _Read:
        """One group up, another down, in the bytes there are; the most promising first."""
        tired: dict[str, int] = {}
        left = self._limits.exchanges
        while left:
            for up, down in self._pairs(best.allocation):
                if max(tired.get(up.name, 0), tired.get(down.name, 0)) >= _TIRED:
                    continue
                moves = [move for move in (up, down) if move.name]
                moved = {move.name: self._true(move.name, move.codec) for move in moves}
                other = Allocation({**best.allocation.chosen, **moved})
                if self._book.has(other) or (self._time is not None and other.time > self._time):
                    continue
                better = self._book.better("exchange", other, best)
                if better is not None:
                    best = better
                    break
                for name in moved:
                    tired[name] = tired.get(name, 0) + 1
                left -= 1
                if not left:
                    break
            else:
                break
        return best

    def _pairs(self, allocation: Allocation) -> list[tuple[_Move, _Move]]:
        """Exchanges that fit the budget, the best prediction first."""
        chosen, losses = allocation.chosen, self._corrected(self._factors)
        room = self._budget - allocation.nbytes
        ups = [move for name in sorted(chosen) for move in _moves(name, chosen, losses, up=True)]
        downs = [move for name in sorted(chosen) for move in _moves(name, chosen, losses, up=False)]
        downs.append(_Move("", "", 0, 0.0))
        pairs = [
            (up, down)
            for up in ups
            for down in downs
            if up.nbytes + down.nbytes <= room and up.name != down.name
        ]
        return sorted(pairs, key=lambda p: (p[0].loss + p[1].loss, p[0].name, p[1].name))

    def _solved(self, factors: Mapping[str, float]) -> Allocation:
        found = allocate(self._corrected(factors), self._budget, time=self._time)
        return Allocation({n: self._true(n, choice.codec) for n, choice in found.chosen.items()})

    def _true(self, name: str, codec: str) -> Choice:
        """A choice with the table's own loss."""
        return next(choice for choice in self._choices[name] if choice.codec == codec)

    def _corrected(self, factors: Mapping[str, float]) -> dict[str, list[Choice]]:
        def corrected(name: str, choice: Choice) -> Choice:
            factors_of = (factors.get(tag, 1.0) for tag in _tags(name, choice.codec))
            return replace(choice, loss=choice.loss * math.prod(factors_of))

        return {n: [corrected(n, choice) for choice in row] for n, row in self._choices.items()}


@dataclass(frozen=True)
class _Move:
    """One group to another of its codecs; no name: nothing moves."""

    name: str
    codec: str
    nbytes: int
    """More than now."""
    loss: float
    """More than now, as predicted."""


def _moves(name: str, chosen: Mapping[str, Choice], losses: Choices, *, up: bool) -> list[_Move]:
    """To the nearest larger codecs that lose less, or the nearest smaller ones."""
    now = next(c for c in losses[name] if c.codec == chosen[name].codec)
    if up:
        row = [c for c in losses[name] if c.nbytes > now.nbytes and c.loss < now.loss]
    else:
        row = [c for c in losses[name] if c.nbytes < now.nbytes]
    row.sort(key=lambda c: (abs(c.nbytes - now.nbytes), c.loss, c.codec))
    return [_Move(name, c.codec, c.nbytes - now.nbytes, c.loss - now.loss) for c in row[:_NEAR]]


def _tags(name: str, codec: str) -> tuple[str, str]:
    """What a group's loss in a codec has in common with others': the codec, the kind of group."""
    return codec, name.split(".", 2)[-1] if name.startswith("blk.") else name
