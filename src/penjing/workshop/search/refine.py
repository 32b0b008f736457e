"""Errors are not additive: the chosen assembly is measured as a whole, and bettered from there.

Two ways of proposing another assembly in the same budget, each measured before it is believed: the
table's losses of one codec or one kind of group tilted up or down, and solved again; two groups
exchanging bits. (Factors fitted to all assemblies by least squares were tried: among so few they
move too little to give another plan.) The
same inputs propose the same plans in the same order, so that a run that goes on takes every
measurement of an earlier one from `known`. Pure: measuring is given.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from penjing.core.progress import Progress, Silent
from penjing.workshop.search.budget import Allocation, Choice, allocate

Choices = Mapping[str, Sequence[Choice]]
Plan = Mapping[str, str]
"""Codec by group name; `groups.expand` makes it one by tensor name."""

GAIN = 0.001
"""A plan is better when its KLD is lower by at least this share: less is the text's accident."""

TILTS = (1.6, 1 / 1.6)
"""What the losses of one kind are multiplied by, to see."""

_TRUST = 0.3  # of the fit: how hard factors are held to their common value
_NEAR = 2  # codecs of a group, up and down, that an exchange may reach
_TIRED = 2  # failures after which a group is no longer exchanged in this round


@dataclass(frozen=True)
class Limits:
    """When to stop."""

    measurements: int = 60
    """New ones; those known already are free."""
    seconds: float | None = None
    """From the beginning; None: as long as it takes."""
    rounds: int = 3
    """Of both ways; it ends sooner when a round brings nothing."""
    exchanges: int = 16
    """Tried in a round."""


@dataclass(frozen=True)
class Refined:
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
    known: Mapping[str, float] | None = None,
    keep: Callable[[Mapping[str, float]], None] = lambda _: None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Refined:
    """The assembly with the least measured KLD that is found within `budget` and `limits`.

    `measure` gives the KLD of a whole plan; `known` are results by `plan_hash` and `keep` hears of
    them with each new one. BudgetError as in `allocate`. Nothing worse than the first is returned.
    """
    limits = limits or Limits()
    book = _Book(measure, dict(known or {}), keep, limits)
    search = _Search(choices, budget - fixed, limits, book)
    first = allocate(choices, budget, fixed=fixed)
    with (progress or Silent()).task(
        "measuring the assembly", limits.measurements, unit="plans"
    ) as task:
        book.on_new = task.advance
        best = begin = book.read("table", first)
        try:
            for _ in range(limits.rounds):
                before = best
                for way in (search.tilted, search.exchanged):
                    best = search.follow(way, best)
                if best.kld >= before.kld * (1 - GAIN):
                    break
        except _Spent as spent:
            best = spent.args[0]
    return Refined(best.allocation, best.kld, begin.kld, tuple(book.history))


@dataclass(frozen=True)
class _Read:
    """An assembly and its measured KLD."""

    allocation: Allocation
    kld: float


@dataclass(frozen=True)
class _Proposal:
    """What might be better."""

    way: str
    """How it came about."""
    allocation: Allocation
    """The assembly."""
    factors: Mapping[str, float]
    """To go on with if it is."""


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
        self._new = 0
        self.read_plans: dict[str, _Read] = {}
        self.history: list[tuple[str, float]] = []
        self.on_new: Callable[[], None] = lambda: None

    def read(self, way: str, allocation: Allocation, best: _Read | None = None) -> _Read:
        """Its KLD; raises _Spent with `best` when that would take a measurement too many."""
        plan = allocation.plan
        name = plan_hash(plan)
        if name not in self._known:
            if best is not None and self._spent():
                raise _Spent(best)
            self._known[name] = float(self._measure(plan))
            self._new += 1
            self._keep(self._known)
            self.on_new()
        self.read_plans[name] = _Read(allocation, self._known[name])
        self.history.append((way, self._known[name]))
        return self.read_plans[name]

    def has(self, allocation: Allocation) -> bool:
        """Whether this search has come upon the plan before."""
        return plan_hash(allocation.plan) in self.read_plans

    def _spent(self) -> bool:
        limit = self._limits.seconds
        late = limit is not None and time.monotonic() - self._begun >= limit
        return late or self._new >= self._limits.measurements


class _Search:
    """Where proposals come from. Factors by tag stay as they proved good."""

    def __init__(self, choices: Choices, budget: int, limits: Limits, book: _Book) -> None:
        self._choices, self._budget, self._limits, self._book = choices, budget, limits, book
        self._factors: dict[str, float] = {}
        self._tired: dict[str, int] = {}

    def follow(self, way: Callable[[_Read], Iterator[_Proposal]], best: _Read) -> _Read:
        """Measure what a way proposes; begin it again from every plan that is better."""
        self._tired, better = {}, True
        while better:
            better = False
            for proposal in way(best):
                if self._book.has(proposal.allocation):
                    continue
                found = self._book.read(proposal.way, proposal.allocation, best)
                if found.kld < best.kld * (1 - GAIN):
                    best, better, self._factors = found, True, dict(proposal.factors)
                    break
                for name in _changed(best.allocation, proposal.allocation)[:2]:
                    self._tired[name] = self._tired.get(name, 0) + 1
        return best

    def tilted(self, best: _Read) -> Iterator[_Proposal]:
        """The solver's answers when one tag's losses are larger or smaller; the heaviest first."""
        weight: dict[str, float] = {}
        for name, choice in best.allocation.chosen.items():
            for tag in _tags(name, choice.codec):
                weight[tag] = weight.get(tag, 0.0) + choice.loss
        for tag in sorted(weight, key=lambda tag: (-weight[tag], tag)):
            for tilt in TILTS:
                factors = {**self._factors, tag: self._factors.get(tag, 1.0) * tilt}
                yield _Proposal(f"tilt {tag}", self._solved(factors), factors)

    def exchanged(self, best: _Read) -> Iterator[_Proposal]:
        """One group up, another down, in the bytes there are; the most promising first."""
        chosen = best.allocation.chosen
        room = self._budget - best.allocation.nbytes
        losses = self._corrected(self._factors)
        ups = [move for name in sorted(chosen) for move in _moves(name, chosen, losses, up=True)]
        downs = [move for name in sorted(chosen) for move in _moves(name, chosen, losses, up=False)]
        downs.append(_Move("", "", 0, 0.0))
        pairs = sorted(
            (up.loss + down.loss, up.name, down.name, i, j)
            for i, up in enumerate(ups)
            for j, down in enumerate(downs)
            if up.nbytes + down.nbytes <= room and up.name != down.name
        )
        tried = 0
        for _, up, down, i, j in pairs:
            if max(self._tired.get(up, 0), self._tired.get(down, 0) if down else 0) >= _TIRED:
                continue
            if tried == self._limits.exchanges:
                return
            tried += 1
            moves = [move for move in (ups[i], downs[j]) if move.name]
            moved = {move.name: self._true(move.name, move.codec) for move in moves}
            yield _Proposal("exchange", Allocation({**chosen, **moved}), self._factors)

    def _solved(self, factors: Mapping[str, float]) -> Allocation:
        found = allocate(self._corrected(factors), self._budget)
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


def _changed(a: Allocation, b: Allocation) -> list[str]:
    """Groups whose codec differs."""
    return sorted(n for n, choice in a.chosen.items() if b.chosen[n].codec != choice.codec)
