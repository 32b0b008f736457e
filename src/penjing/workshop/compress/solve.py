"""From measured effects to a plan: which codec for which tensor, for any budget or any goal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property

from penjing.core.errors import BudgetError, PenjingError
from penjing.ggml import clock
from penjing.workshop.compress import prepare
from penjing.workshop.compress.advice import SOUND, why_left
from penjing.workshop.compress.settings import Search, Settings, Share, effort, means, readings
from penjing.workshop.compress.stages import Stages
from penjing.workshop.compress.timing import Took, measure_reading, measure_times, timed
from penjing.workshop.export.gguf import export_bytes
from penjing.workshop.search import engine_effects as in_engine
from penjing.workshop.search.assembly import Assemblies
from penjing.workshop.search.borrowed import Lender, borrowed, former, lent_to
from penjing.workshop.search.budget import allocate, inverted
from penjing.workshop.search.choice import Allocation, Choice, smallest
from penjing.workshop.search.effect_store import EffectStore
from penjing.workshop.search.effects import Effects, choices
from penjing.workshop.search.engine_probe import EngineProbe
from penjing.workshop.search.goals import Goal, smallest_meeting
from penjing.workshop.search.groups import expand, groups_of
from penjing.workshop.search.head import Reading
from penjing.workshop.search.means import Means
from penjing.workshop.search.measure import measure
from penjing.workshop.search.refine import Limits, Plan, refine
from penjing.workshop.search.rounder import Rounder
from penjing.workshop.search.times import Times, head_of, with_floats, without_codecs
from penjing.workshop.search.wavefront import EMBEDDING, Wavefront

_ALIGN = 32
_CURVE = 16  # points of the predicted curve
_TRIES = 3  # plans that are timed, where a speed is asked for
_LITTLE = 1e-9  # nats
_CLOSE = 0.002  # of a size: nearer it is not searched
_WORTH = 0.7  # the power of the time saved that the loss may grow by
_CAREFUL = 0.99  # of the limit that would have been right, after a miss


@dataclass(frozen=True)
class Origin:
    """What a model was pruned from."""

    solver: Solver
    """Of the whole model."""
    layers: Sequence[int]
    """Which layer of it each layer is."""


class Solver:
    """Plans for one job. What is measured is measured once for all budgets."""

    def __init__(self, stages: Stages, names: Sequence[str], origin: Origin | None = None) -> None:
        """`origin`: what this model was pruned from. A weight takes as long in both, and at effort
        light what a codec costs there is taken for what it costs here."""
        self.stages, self._origin = stages, origin
        self._names = names
        self._job = stages.job
        self._checkpoint = stages.job.checkpoint
        self._effort = effort(stages.job.settings.effort)
        self._groups = groups_of(self._checkpoint)

    def plan(self, budget: int) -> dict[str, str]:
        """The least measured KLD found in a file of at most `budget` bytes, as fast as asked for.

        The speed is timed, and where it is missed the limit is drawn in. BudgetError names the
        smallest file, or the highest speed.
        """
        limit = self.limit
        if limit is None:
            return self._searched(budget, None)
        for _ in range(_TRIES):
            plan = self._searched(budget, limit)
            took = timed(self._job, self.stages.timed_against, plan)
            missed = missed_by(self._job.settings, took)
            if missed <= 1:
                break
            limit *= _CAREFUL / missed
            self._job.progress.note(
                f"timed: decodes {1 / took.decode:.2f} and reads {1 / took.prefill:.2f} times as "
                f"fast as the starting model, {missed:.2f} times too slow"
            )
        return plan

    @property
    def limit(self) -> float | None:
        """Of the time that is priced: of reading where that was asked for, else of decoding."""
        settings = self._job.settings
        asked = settings.speed if settings.prefill is None else settings.prefill
        return None if asked is None else 1 / asked

    def _searched(self, budget: int, limit: float | None) -> dict[str, str]:
        quick = self._effort.quick and limit is None
        rows = self._quick(budget) if quick else self._choices
        if not self._effort.assemblies:
            return self._expanded(allocate(rows, budget, fixed=self._fixed, time=limit).plan)
        store, key = self._store, self._plans_key
        found = refine(
            rows,
            budget,
            lambda plan: self._read(plan).kld,
            fixed=self._fixed,
            time_limit=limit,
            known=store.plans(key, self._job.progress),
            keep=lambda measured: store.save_plans(key, measured),
            limits=Limits(measurements=self._effort.assemblies),
            progress=self._job.progress,
        )
        return self._expanded(found.allocation.plan)

    def forget(self) -> None:
        """Give back the weights that assemblies were made of; the next plan makes them anew."""
        found = self.__dict__.pop("_assemblies", None)
        if isinstance(found, EngineProbe):
            found.close()

    def inverted(self, budget: int) -> dict[str, str]:
        """The negative control: most bits where they matter least."""
        return self._expanded(inverted(self._choices, budget, fixed=self._fixed).plan)

    def smallest_meeting(self, goal: Goal) -> int:
        """The size in bytes at which the searched codecs, rounded by importance, reach the goal.

        Measured on calibration text with a margin; BudgetError when the largest size does not.
        """
        rows, limit = self._choices, self.limit

        def value(size: int) -> float:
            plan = allocate(rows, size, fixed=self._fixed, time=limit).plan
            reading = self._read(plan, tops=True)
            return reading.kld if goal.metric == "kld" else reading.same_top or 0.0

        low = smallest(rows) + self._fixed
        high = export_bytes(self._checkpoint, {})
        return smallest_meeting(goal.tightened(), value, low, high).size

    def search(self, plan: Mapping[str, str]) -> Search:
        """What the report shows of a plan."""
        shares = {}
        for group in self._groups:
            whole = group.parameters
            for source in group.members:
                shares[source.name] = Share(source.parameters / whole, self.effects[group.name])
        return Search(shares, plan, self.curve)

    def why_left(self, plan: Mapping[str, str], budget: int) -> str:
        """Why a file in this plan does not take the whole budget."""
        found = self._allocation(plan)
        return why_left(self._choices, found, budget - self._fixed - found.nbytes)

    def sound_size(self, plan: Mapping[str, str], kld: float) -> int:
        """The smallest size that is not broken, as predicted: `kld` was measured in this plan.

        What was measured above the prediction is taken to be so by the same factor elsewhere.
        """
        rows, found = self._choices, self._allocation(plan)
        target = SOUND / max(1.0, kld / max(found.loss, _LITTLE))
        low, high = found.nbytes + self._fixed, export_bytes(self._checkpoint, {})
        while high - low > _CLOSE * high:
            size = (low + high) // 2
            if allocate(rows, size, fixed=self._fixed).loss <= target:
                high = size
            else:
                low = size
        return high

    def _allocation(self, plan: Mapping[str, str]) -> Allocation:
        """A plan by tensor as the solver's own choices."""
        return Allocation({
            group.name: next(
                choice for choice in self._choices[group.name]
                if all(plan[name] == kind for name, kind in group.plan(choice.codec).items())
            )
            for group in self._groups
        })  # fmt: skip

    @cached_property
    def effects(self) -> dict[str, Effects]:
        """What every codec of every group costs."""
        if (lent := self._lent) is not None:
            return {g.name: lent_to(g, lent[former(g, self._layers)]) for g in self._groups}
        if not self._checkpoint.architecture.forward:
            return self._effects_in_engine()
        return measure(
            self._checkpoint,
            self.stages.importance,
            self._windows,
            store=self._store,
            progress=self._job.progress,
            means=self._means,
            names=self._names,
        )

    def _effects_in_engine(self) -> dict[str, Effects]:
        importance, windows = self.stages.importance, self._windows
        with closing(self._probe(windows)) as probe:
            return in_engine.measure(
                self._checkpoint,
                importance,
                lambda plan: probe.read(plan).kld,
                readings=readings(self._job.settings, self._checkpoint.parameters),
                store=self._store,
                key=self._store.key(self._checkpoint, importance, windows, "engine"),
                progress=self._job.progress,
            )

    def _probe(self, windows: list[list[int]]) -> EngineProbe:
        job, checkpoint = self._job, self._checkpoint
        checkpoint.release()
        keep = prepare.spare_for_probe(checkpoint, job.settings)
        rounder = Rounder(checkpoint, self.stages.importance, keep=keep)
        threads = job.settings.threads
        return EngineProbe(self.stages.start, checkpoint, rounder, windows, threads=threads)

    @cached_property
    def curve(self) -> list[tuple[int, float]]:
        """File bytes and predicted KLD over the whole range of sizes."""
        rows = self._choices
        low, high = smallest(rows) + self._fixed, export_bytes(self._checkpoint, {})
        sizes = [low + (high - low) * i // (_CURVE - 1) for i in range(_CURVE)]
        found = [allocate(rows, size, fixed=self._fixed) for size in sizes]
        return [(each.nbytes + self._fixed, each.loss) for each in found]

    def _read(self, plan: Plan, *, tops: bool = False) -> Reading:
        """KLD of a whole assembly, codec by group name, on the windows effects are measured on."""
        return self._assemblies.read(self._expanded(plan), tops=tops)

    @cached_property
    def _choices(self) -> dict[str, list[Choice]]:
        if self._origin is not None and self._lent is not None:
            return borrowed(
                self._groups, self._origin.solver.lender, self._layers,
                padded=_padded, names=self._names, times=self._times,
            )  # fmt: skip
        return choices(self._groups, self.effects, _padded, self._names, self._times)

    @property
    def lender(self) -> Lender:
        """What is lent to models that were pruned from this one."""
        return Lender(self.effects, {group.name: group.parameters for group in self._groups})

    @property
    def _lent(self) -> Mapping[str, Effects] | None:
        """Effects of the model that this one was pruned from, where they are taken for its own."""
        lends = self._origin is not None and self._effort.quick
        return self._origin.solver.effects if self._origin and lends else None

    @property
    def _layers(self) -> Sequence[int]:
        return self._origin.layers if self._origin else range(self._checkpoint.config.layers)

    @cached_property
    def _times(self) -> Times | None:
        """What codecs cost in time, where a speed is asked for."""
        if self.limit is None:
            return None
        if self._origin is not None:
            return self._origin.solver.times_of_floats
        measure = measure_times if self._job.settings.prefill is None else measure_reading
        return measure(self._job, self.stages.start, self._groups, self.stages.folder)

    @property
    def times_of_floats(self) -> Times:
        """The same for a model that lost parts; PenjingError where no speed was asked for."""
        if self._times is None:
            raise PenjingError("no speed was asked for, so that nothing was timed")
        return with_floats(self._times)

    def _quick(self, budget: int) -> dict[str, list[Choice]]:
        """What is chosen from: not those codecs that this processor is slow at, unless a file
        without them keeps too much less for the time it saves (`_WORTH`).
        """
        rows, slow = self._choices, clock.slow()
        quick = without_codecs(self._groups, rows, slow)
        found = allocate(rows, budget, fixed=self._fixed)
        try:
            without = allocate(quick, budget, fixed=self._fixed)
        except BudgetError:  # none so small
            return rows
        saved = self._unpacking(found) / self._unpacking(without)
        if found.loss <= 0 or without.loss / found.loss > saved**_WORTH:
            return rows
        if used := sorted(slow & {*self._expanded(found.plan).values()}):
            self._job.progress.note(
                f"{', '.join(used)}: slow on this processor and left out; {saved:.2f} times as "
                f"fast without, predicted KLD {without.loss:.3g} instead of {found.loss:.3g}"
            )
        return quick

    def _unpacking(self, found: Allocation) -> float:
        """Nanoseconds that one core takes for a token's products, as clocked codec by codec."""
        plan, times = self._expanded(found.plan), clock.nanoseconds()
        sizes = {source.name: source.parameters for g in self._groups for source in g.members}
        if head_of(self._groups) != EMBEDDING:  # of which a row is looked up
            sizes.pop(EMBEDDING, None)
        return sum(size * times[plan[name]] for name, size in sizes.items())

    def _expanded(self, plan: Plan) -> dict[str, str]:
        return expand(self._groups, plan)

    @cached_property
    def _windows(self) -> list[list[int]]:
        chosen = self._effort
        return self.stages.calibration.spread(chosen.probe_windows, chosen.probe_length)

    @cached_property
    def _means(self) -> Means:
        return means(self._job.settings)

    @cached_property
    def _assembly_windows(self) -> list[list[int]]:
        chosen = self._effort
        return self.stages.calibration.spread(chosen.assembly_windows, chosen.probe_length)

    @cached_property
    def _assemblies(self) -> Assemblies | EngineProbe:
        if not self._checkpoint.architecture.forward:
            return self._probe(self._assembly_windows)
        front = Wavefront(self._checkpoint, self._assembly_windows, self._means)
        rounder = Rounder(self._checkpoint, self.stages.importance, keep=front.memory.spare)
        return Assemblies(front, rounder)

    @cached_property
    def _store(self) -> EffectStore:
        return EffectStore(self.stages.folder)

    @cached_property
    def _plans_key(self) -> str:
        forward, windows = self._checkpoint.architecture.forward, self._assembly_windows
        told = f"plans {self._means.precise if forward else 'engine'}"
        return self._store.key(self._checkpoint, self.stages.importance, windows, told)

    @cached_property
    def _fixed(self) -> int:
        """Bytes of the file that no choice changes."""
        own = {group.name: group.own for group in self._groups}
        tensors = sum(group.nbytes(group.own, _padded) for group in self._groups)
        return export_bytes(self._checkpoint, self._expanded(own)) - tensors


def missed_by(settings: Settings, took: Took) -> float:
    """How many times too slow a file is; 1 or less: as fast as asked for."""
    return max((settings.speed or 0.0) * took.decode, (settings.prefill or 0.0) * took.prefill)


def _padded(count: int) -> int:
    return -(-count // _ALIGN) * _ALIGN
