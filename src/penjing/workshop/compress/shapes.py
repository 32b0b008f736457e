"""Which shape of a model to take: shapes are tried as whole files, under bytes and measured speed.

A trial is pruned, repaired by least squares (rankings flip once a model has healed), rounded at the
budget with codecs that the whole model's measured effects choose, and written; the engine says its
KLD on calibration text, and how fast it writes and reads beside the starting model's file. What to
try next is said by `search/trials.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from penjing.core.errors import BudgetError
from penjing.core.files import sha256_file
from penjing.core.progress import Silent
from penjing.engine.llamacpp import LlamaCpp
from penjing.evaluation.reference import Reference, record
from penjing.evaluation.retention import measure as kept_of
from penjing.workshop.architectures import UNEVEN
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.compress.settings import CONTEXT
from penjing.workshop.compress.shape_needs import WINDOWS
from penjing.workshop.compress.shaping import Shaper
from penjing.workshop.compress.timing import Took, timed_file
from penjing.workshop.export.gguf import export_bytes, export_gguf
from penjing.workshop.prune.shape import PrunedModel, Shape
from penjing.workshop.search.borrowed import borrowed
from penjing.workshop.search.budget import allocate
from penjing.workshop.search.groups import expand, groups_of
from penjing.workshop.search.trials import Dimension, Finding, Point, Trial, explore, pareto

_SIXTEENTHS = tuple(1 - i / 16 for i in range(9))
_ALIGN = 32


@dataclass(frozen=True)
class Reading:
    """What a file says and takes."""

    kld: float
    """Mean KLD from the starting model on calibration text, nats."""
    took: Took
    """Beside the starting model."""


class Probe:
    """Reads files of one job: their KLD on calibration text, and their speed."""

    def __init__(self, shaper: Shaper, tokens: Sequence[int], name: str) -> None:
        """`name` is that of the folder where the starting model's recording lies."""
        self._shaper, self._tokens, self._name = shaper, tokens, name

    def read(self, path: Path) -> Reading:
        """Of a file."""
        job = self._shaper.job
        took = timed_file(self._shaper.whole.stages.start, path, job.settings.threads)
        return Reading(self.kld(path), took)

    def kld(self, path: Path) -> float:
        """Mean KLD, nats; infinite where the file says nothing finite."""
        job = self._shaper.job
        with LlamaCpp.open(path, threads=job.settings.threads) as model:
            found = kept_of(
                model, self._reference, progress=Silent(), identity=sha256_file(path)
            ).report.find("kld_mean")
        return found.value if math.isfinite(found.value) else math.inf

    @cached_property
    def _reference(self) -> Reference:
        job, start = self._shaper.job, self._shaper.whole.stages.start
        with LlamaCpp.open(start, threads=job.settings.threads) as model:
            return record(
                model, self._tokens, CONTEXT, job.work.folder / self._name, job.progress,
                windows=WINDOWS, identity=sha256_file(start),
            )  # fmt: skip


class Shapes:
    """The search for one job."""

    def __init__(self, shaper: Shaper) -> None:
        self.shaper, self.job = shaper, shaper.job
        calibration = shaper.whole.stages.calibration
        flat = [token for window in calibration.windows for token in window]
        self._probe = Probe(shaper, flat, "shapes-reference")
        self.dimensions = dimensions(self.job.checkpoint)

    def tried(self) -> list[Trial]:
        """All trials; a run that was killed goes on behind the last."""
        return explore(
            self.dimensions,
            self.measure,
            first=_first(self.dimensions),
            count=self.job.settings.shapes,
            seed=self.job.settings.seed,
            journal=self.shaper.folder / "trials.json",
            progress=self.job.progress,
        )

    def shape(self, point: Point) -> Shape:
        """What a point means."""
        return shape_of(self.dimensions, point)

    def measure(self, point: Point) -> Finding:
        """One trial."""
        pruned = self.shaper.tried(self.shape(point))
        settings, path = self.job.settings, self.shaper.folder / "trial.gguf"
        try:
            plan = self.plan(pruned, settings.budget)
        except BudgetError:
            told = {"parameters": float(pruned.checkpoint.parameters)}
            return Finding((math.inf, math.inf), {"size": math.inf}, told)
        encoded, importance = self.shaper.encoded(pruned)
        export_gguf(pruned.checkpoint, path, plan, encoded=encoded, imatrix=importance)
        try:
            found, size = self._probe.read(path), path.stat().st_size
        finally:
            path.unlink()
        told = {
            "bytes": float(size),
            "parameters": float(pruned.checkpoint.parameters),
            "decode": 1 / found.took.decode,
            "prefill": 1 / found.took.prefill,
        }
        return Finding((found.kld, found.took.decode), missed(settings, found.took), told)

    def plan(self, pruned: PrunedModel, budget: int, *, timed: bool = True) -> dict[str, str]:
        """Codecs for it, by the whole model's effects; BudgetError where none do.

        Without `timed` it may be slower than was asked for.
        """
        checkpoint, solver = pruned.checkpoint, self.shaper.whole.solver
        groups = groups_of(checkpoint)
        limit = solver.limit if timed else None
        rows = borrowed(
            groups,
            solver.lender,
            [layer.source for layer in pruned.layers],
            padded=_padded,
            names=self.shaper.whole.names,
            times=None if limit is None else solver.times_of_floats,
        )
        own = {group.name: group.own for group in groups}
        spent = sum(group.nbytes(group.own, _padded) for group in groups)
        fixed = export_bytes(checkpoint, expand(groups, own)) - spent
        return expand(groups, allocate(rows, budget, fixed=fixed, time=limit).plan)


def dimensions(checkpoint: Checkpoint) -> list[Dimension]:
    """What can go of a model of this family."""
    config, family = checkpoint.config, checkpoint.architecture
    found = [Dimension("ffn", _SIXTEENTHS)]
    uneven = family.uneven or family.name in UNEVEN
    counted = {k.name: k.shape for k in family.tensors}["attn_q.weight"] == ("hidden", "hidden")
    kv = config.kv_heads
    if kv > 1 and not counted and not family.uneven:
        shares = [count / kv for count in range(kv, (kv - 1) // 2, -1)]
        found.append(Dimension("heads", tuple(shares)))
    if uneven:
        found.append(Dimension("uneven", (0, 1)))
        most = min(config.layers // 3, 2 * config.layers - 2)
        step = max(1, most // 5)
        found.append(Dimension("sublayers", tuple(range(0, most + 1, step))))
    elif config.layers > 3:
        found.append(Dimension("layers", tuple(range(config.layers // 6 + 1))))
    return found


def shape_of(space: Sequence[Dimension], point: Point) -> Shape:
    """The shape that a point of the space means; uneven is of channels alone."""
    chosen = {each.name: each.values[point[each.name]] for each in space}
    ffn, heads = chosen.get("ffn", 1.0), chosen.get("heads", 1.0)
    return Shape(
        ffn=ffn,
        heads=heads,
        uneven=bool(chosen.get("uneven", 0)) and heads == 1 and ffn < 1,
        layers=int(chosen.get("layers", 0)),
        sublayers=int(chosen.get("sublayers", 0)),
        repair=True,
    )


def missed(settings: Any, took: Took) -> dict[str, float]:
    """By how much each speed that was asked for is missed."""
    asked = {"decode": settings.speed, "prefill": settings.prefill}
    return {name: wanted * getattr(took, name) - 1 for name, wanted in asked.items() if wanted}


def document(shapes: Shapes, trials: Sequence[Trial]) -> dict[str, Any]:
    """All trials as data, and which of them are on the front."""
    on_front = set(pareto(trials))
    return {
        "dimensions": {each.name: list(each.values) for each in shapes.dimensions},
        "trials": [_row(shapes, trial, place in on_front) for place, trial in enumerate(trials)],
    }


def _row(shapes: Shapes, trial: Trial, front: bool) -> Mapping[str, Any]:
    kld = trial.found.goals[0]
    return {
        "shape": asdict(shapes.shape(trial.point)),
        "kld": kld if math.isfinite(kld) else None,
        "fits": trial.found.fits,
        "front": front and math.isfinite(kld),
        **trial.found.told,
    }


def _first(space: Sequence[Dimension]) -> list[dict[str, int]]:
    """Points to begin with: the whole model, less width, less still, less depth."""
    nothing = {each.name: 0 for each in space}
    sizes = {each.name: len(each.values) for each in space}
    out = [nothing, {**nothing, "ffn": 4}, {**nothing, "ffn": 6}]
    for name in ("uneven", "heads", "sublayers", "layers"):
        if sizes.get(name, 0) > 1:
            out.append({**nothing, "ffn": 4, name: 1})
    return out


def _padded(count: int) -> int:
    return -(-count // _ALIGN) * _ALIGN
