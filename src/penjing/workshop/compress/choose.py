"""What ships: the model rounded as a whole, or pruned, healed and rounded, at the same bytes.

Where shapes are looked for, both are made and the one that keeps more at the speed asked for is
taken. They are compared on calibration text that nothing is tuned on; the held-out text, on which
the passport is measured, decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from penjing.core.errors import BudgetError
from penjing.workshop.compress.advice import SOUND
from penjing.workshop.compress.build import Builder, Built
from penjing.workshop.compress.measure import Candidate
from penjing.workshop.compress.methods import Method
from penjing.workshop.compress.passport import trained
from penjing.workshop.compress.settings import effort
from penjing.workshop.compress.shapes import Probe, Reading, Shapes, document, missed
from penjing.workshop.compress.shaping import ShapedModel, Shaper
from penjing.workshop.compress.stages import sound
from penjing.workshop.compress.timing import Took
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.prune.shape import Shape
from penjing.workshop.search.trials import Trial, best

ALONE, PRUNED = "quantized alone", "pruned, healed and quantized"


@dataclass(frozen=True)
class Chosen:
    """What ships, and what stands beside it."""

    builder: Builder
    """That made it."""
    method: Method
    """How."""
    ours: Built
    """The file."""
    controls: Sequence[Candidate]
    """More files to be measured, beside those that every method has."""
    shape: Mapping[str, Any] | None = None
    """What the passport says of it; None: no parts went, and none were thought of."""
    shapes: Mapping[str, Any] | None = None
    """All shapes that were tried; None: none were."""


@dataclass(frozen=True)
class _Rival:
    """A finished file that may ship."""

    name: str
    built: Built
    builder: Builder
    reading: Reading
    shaped: ShapedModel | None = None


def choose(shaper: Shaper, method: Method) -> Chosen:
    """The file of the shape that was asked for, or of the best one found.

    BudgetError where no file keeps the budget at all.
    """
    if (shape := shaper.job.settings.shape) is not None:
        return _as_asked(shaper, method, shape)
    return _Contest(shaper, method).won()


def _as_asked(shaper: Shaper, method: Method, shape: Shape) -> Chosen:
    settings, shaped = shaper.job.settings, shaper.shaped(shape, heal=method.distilled)
    plan = settings.plan or shaped.builder.plan(method, settings.budget)
    ours = shaped.builder.make(method, plan)
    controls = [*_alone(shaper.whole, method, ours), *_beside(shaper, shaped, ours)]
    return Chosen(shaped.builder, method, ours, controls, _told(shaper, shaped, "as asked for"))


class _Contest:
    """Rounding alone against pruning, healing and rounding."""

    def __init__(self, shaper: Shaper, method: Method) -> None:
        self.shaper, self.method, self.job = shaper, method, shaper.job
        calibration = shaper.whole.stages.calibration
        apart = [t for windows in calibration.apart.values() for w in windows for t in w]
        flat = [t for window in calibration.windows for t in window]
        self.probe = Probe(shaper, apart or flat, "contest-reference")

    def won(self) -> Chosen:
        """Whatever is better."""
        settings, note = self.job.settings, self.job.progress.note
        alone, failed = self._rounded_alone()
        if settings.shaping == "needed" and alone is not None and not failed:
            note(f"{ALONE} it is as small and as fast as asked for: no parts are left out")
            told = {"shipped": ALONE, "why": "it meets size and speed", "rivals": [_row(alone)]}
            return Chosen(alone.builder, self.method, alone.built, [], told)
        note(f"{ALONE} {failed or 'it will do'}: shapes are looked for")
        shapes = Shapes(self.shaper)
        trials = shapes.tried()
        rivals = [each for each in (alone,) if each is not None]
        for place, trial in enumerate(_finalists(trials, effort(settings.effort).finalists)):
            rivals += self._finished(shapes.shape(trial.point), place)
        if not rivals:
            raise BudgetError("no shape of this model has a file so small: allow more bytes")
        winner = min(rivals, key=self._order)
        return self._chosen(winner, rivals, document(shapes, trials))

    def _rounded_alone(self) -> tuple[_Rival | None, str]:
        """The whole model's file, and what is wrong with it; none where there is none so small."""
        whole, settings = self.shaper.whole, self.job.settings
        failed = ""
        try:
            built: Built | None = whole.build(self.method, settings.budget)
        except BudgetError as error:
            failed = f"it does not do ({error})"
            built = self._slower()
        if built is None:
            return None, failed
        rival = self._rival(ALONE, built, whole)
        if slow := missed(settings, rival.reading.took):
            late = [name for name, by in slow.items() if by > 0]
            failed = failed or (f"it is too slow ({' and '.join(late)})" if late else "")
        if not failed and rival.reading.kld > SOUND:
            failed = f"it keeps too little (KLD {rival.reading.kld:.2f})"
        return rival, failed

    def _slower(self) -> Built | None:
        """The same without a speed: what equal bytes give."""
        whole, job = self.shaper.whole, self.job
        free = replace(job, settings=replace(job.settings, speed=None, prefill=None))
        try:
            return Builder(free, whole.names).build(self.method, job.settings.budget)
        except BudgetError:
            return None

    def _finished(self, shape: Shape, place: int) -> list[_Rival]:
        if shape.whole:
            return []
        shaped = self.shaper.shaped(shape, heal=self.method.distilled)
        try:
            built = shaped.builder.build(self.method, self.job.settings.budget)
        except BudgetError as error:
            self.job.progress.note(f"a shape is left out: {error}")
            return []
        name = PRUNED if not place else f"{PRUNED}, shape {place + 1}"
        return [self._rival(name, built, shaped.builder, shaped)]

    def _rival(
        self, name: str, built: Built, builder: Builder, shaped: ShapedModel | None = None
    ) -> _Rival:
        known = self.job.work.data(f"rival-{builder.job.checkpoint.sha256()[:16]}.json",
                                   lambda: _plain(self.probe.read(built.path)))  # fmt: skip
        took = Took(known["decode"], known["prefill"])
        return _Rival(name, built, builder, Reading(known["kld"], took), shaped)

    def _order(self, rival: _Rival) -> tuple[float, float]:
        """First by how much the speed is missed, then by what is kept."""
        slow = sum(by for by in missed(self.job.settings, rival.reading.took).values() if by > 0)
        return slow, rival.reading.kld

    def _chosen(
        self, winner: _Rival, rivals: Sequence[_Rival], shapes: Mapping[str, Any]
    ) -> Chosen:
        others = [_candidate(each) for each in rivals if each is not winner]
        fits = self._order(winner)[0] == 0
        why = "least KLD at the speed asked for" if fits else "nearest to the speed asked for"
        told: dict[str, Any] = {"rivals": [_row(each) for each in rivals]}
        if winner.shaped is None:
            told |= {"shipped": ALONE, "why": why}
        else:
            others += _beside(self.shaper, winner.shaped, winner.built)
            told |= _told(self.shaper, winner.shaped, why)
        self.job.progress.note(f"shipped: {winner.name}, {why}")
        return Chosen(winner.builder, self.method, winner.built, others, told, shapes)


def _finalists(trials: Sequence[Trial], count: int) -> list[Trial]:
    """The best that were tried, the whole model among them."""
    left, out = list(trials), list[Trial]()
    while left and len(out) < count:
        out.append(best(left))
        left.remove(out[-1])
    return out


def _alone(whole: Builder, method: Method, ours: Built) -> list[Candidate]:
    """The whole model in no more bytes; none where that cannot be."""
    job = whole.job
    free = replace(job, settings=replace(job.settings, speed=None, prefill=None))
    try:
        built = Builder(free, whole.names).build(method, ours.path.stat().st_size)
    except BudgetError as error:
        job.progress.note(f"no control that is {ALONE}: {error}")
        return []
    return [Candidate(ALONE, "the whole model in no more bytes, by the same method", built.path)]


def _beside(shaper: Shaper, shaped: ShapedModel, ours: Built) -> list[Candidate]:
    """The same shape unhealed, and parts left out by chance, each in no more bytes than ours."""
    size = ours.path.stat().st_size
    out = [Candidate("pruned, not healed", "the same parts left out, nothing made up for",
                     _rounded(shaper, replace(shaped.shape, repair=False), size))]  # fmt: skip
    random = replace(shaped.shape, score="random", uneven=False, seed=shaper.job.settings.seed)
    words = "as many parts left out by chance, what stays repaired by least squares"
    out.append(Candidate("pruned at random", words, _rounded(shaper, random, size)))
    if shaped.healing is not None:
        words = "the same parts left out and repaired by least squares, not trained"
        path = _rounded(shaper, shaped.shape, size)
        out.insert(1, Candidate("pruned, repaired only", words, path))
    return out


def _rounded(shaper: Shaper, shape: Shape, size: int) -> Path:
    """A shape in at most `size` bytes, rounded by importance and left so."""
    pruned = shaper.tried(shape)
    plan = Shapes(shaper).plan(pruned, size, timed=False)
    encoded, importance = shaper.encoded(pruned)
    name = f"files/{'-'.join(map(str, asdict(shape).values()))}.gguf"

    def make(path: Path) -> Path:
        export_gguf(pruned.checkpoint, path, plan, encoded=encoded, imatrix=importance)
        return path

    return shaper.job.work.stage(name, sound, make)


def _told(shaper: Shaper, shaped: ShapedModel, why: str) -> dict[str, Any]:
    return {
        "shipped": PRUNED,
        "why": why,
        "shape": asdict(shaped.shape),
        "parameters_before": shaper.job.checkpoint.parameters,
        "parameters": shaped.checkpoint.parameters,
        "healing": trained(shaped.healing),
    }


def _candidate(rival: _Rival) -> Candidate:
    words = (
        "the whole model, by the same method"
        if rival.shaped is None
        else f"another shape ({rival.builder.job.checkpoint.parameters} parameters), healed"
    )
    return Candidate(rival.name, words, rival.built.path)


def _row(rival: _Rival) -> dict[str, Any]:
    return {
        "name": rival.name,
        "bytes": rival.built.path.stat().st_size,
        "parameters": rival.builder.job.checkpoint.parameters,
        "kld": rival.reading.kld,
        "decode": 1 / rival.reading.took.decode,
        "prefill": 1 / rival.reading.took.prefill,
    }


def _plain(reading: Reading) -> dict[str, float]:
    return {"kld": reading.kld, "decode": reading.took.decode, "prefill": reading.took.prefill}


def shapes_wanted(whole: Builder) -> bool:
    """Whether anything else than rounding the whole model comes into question."""
    settings = whole.job.settings
    return settings.shape is not None or (settings.shaping != "never" and settings.plan is None)
