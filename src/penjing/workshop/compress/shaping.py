"""A model of some shape, pruned and healed, as a job of its own: rounded like any other.

Healing has two steps. What stays takes over the work of what goes by least squares (`prune/
repair.py`), at any effort; where the effort trains, the pruned model then learns in floating point
what the whole one says, for half of the time, before it is rounded and trained through its codecs.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from penjing.bundle.codecs import Codec
from penjing.core.errors import BadInput
from penjing.core.files import require_writable, write_text
from penjing.workshop.arithmetic import best_device, fast_dtype
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.compress.build import Builder, Training
from penjing.workshop.compress.job import Job
from penjing.workshop.compress.settings import LESS_TRAINING, Settings
from penjing.workshop.compress.shape_needs import DEPTH
from penjing.workshop.compress.short_type import short_type
from penjing.workshop.compress.stages import Importance, sound
from penjing.workshop.compress.work import Work, keep, value
from penjing.workshop.distill.models import StoredWeights
from penjing.workshop.distill.needs import memory_needed
from penjing.workshop.distill.schedule import Schedule
from penjing.workshop.distill.state import StateFile
from penjing.workshop.distill.train import distill
from penjing.workshop.export.gguf import Encoded, export_gguf, plan_for
from penjing.workshop.prune.reshape import inputs_that_stay
from penjing.workshop.prune.shape import PrunedModel, Pruner, Shape
from penjing.workshop.quantize.grids import GRIDS
from penjing.workshop.quantize.stored import encode_stored
from penjing.workshop.tensors import Bytes

FLOAT = "F16"
"""What changed is stored as until it is rounded."""
_HEALING = 0.5
"""Of the time for training, what goes into healing before anything is rounded."""


@dataclass(frozen=True)
class ShapedModel:
    """A model of some shape, ready to be rounded."""

    shape: Shape
    """Of it."""
    builder: Builder
    """Makes its files."""
    healing: Training | None
    """What training before rounding did; None: nothing was trained."""

    @property
    def checkpoint(self) -> Checkpoint:
        """The healed model."""
        return self.builder.job.checkpoint


class Shaper:
    """Makes shapes of one job's model. A context that closes what it opened."""

    def __init__(self, whole: Builder) -> None:
        if not whole.job.checkpoint.architecture.forward:
            raise BadInput("parts are left out with a forward pass of Penjing's own, and there is "
                           "none for this model: leave out --prune and --in-engine")  # fmt: skip
        self.whole, self.job = whole, whole.job
        self._stack = ExitStack()
        self.folder = self.job.work.folder / "shapes"
        require_writable(self.folder)
        self.pruner = Pruner(
            self.job.checkpoint, self._windows, self.folder, self.job.progress,
            require_memory=self._require, depth_text=DEPTH,
        )  # fmt: skip

    def __enter__(self) -> Shaper:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def tried(self, shape: Shape) -> PrunedModel:
        """The model of this shape as it is tried: repaired, not trained."""
        return self.pruner.pruned(shape)

    def encoded(self, pruned: PrunedModel) -> tuple[Encoded, Importance]:
        """Its tensors rounded by the importance of what they read, which the whole model told."""
        importance = self._importance(pruned)
        tensors = pruned.checkpoint.tensors

        def encoded(name: str, kind: Codec) -> Bytes | None:
            if kind.name not in GRIDS or kind == tensors[name].codec or name not in importance:
                return None
            return encode_stored(kind, tensors[name], importance[name])

        return encoded, importance

    def shaped(self, shape: Shape, *, heal: bool) -> ShapedModel:
        """The model of this shape, repaired; with `heal` trained as well before it is rounded."""
        folder = self.folder / _hash([asdict(shape), heal])
        require_writable(folder)
        pruned = self.tried(shape)
        now = self._written(pruned.checkpoint, folder / "repaired.gguf")
        healing = None
        if heal:
            now, healing = self._healed(now, folder)
        job = Job(
            self._settings(folder), now, Work(folder, resumed=self.job.work.resumed),
            self.job.progress, teacher=self._teacher,
        )  # fmt: skip
        return ShapedModel(shape, self._builder(job, pruned), healing)

    def _builder(self, job: Job, pruned: PrunedModel) -> Builder:
        layers = [layer.source for layer in pruned.layers]
        return Builder(job, self.whole.names, self.whole, layers)

    @property
    def _teacher(self) -> Checkpoint:
        return self.job.teacher or self.job.checkpoint

    def _settings(self, folder: Path) -> Settings:
        """Of the job that rounds it."""
        settings = self.job.settings
        found = sorted(folder.glob("healed.gguf")) or [folder / "repaired.gguf"]
        return replace(settings, model=found[0], schedule=self._less(1 - _HEALING))

    def _less(self, share: float, steps: int | None = None) -> Schedule:
        schedule = self.job.settings.schedule
        return replace(schedule, seconds=share * schedule.seconds, steps=steps or schedule.steps)

    def _healed(self, now: Checkpoint, folder: Path) -> tuple[Checkpoint, Training]:
        """Trained in floating point; what it was where that did not help."""
        job, stages = self.job, self.whole.stages
        self._require(memory_needed(now, self._teacher), LESS_TRAINING)
        path, schedule = folder / "healed.gguf", self._less(_HEALING)
        schedule = replace(schedule, steps=job.settings.healing_steps)

        def train(summary: Path) -> Training:
            device = best_device()
            on_cpu = device.type == "cpu"
            windows = stages.training
            made = distill(
                now, plan_for(now, FLOAT), StoredWeights(now), windows, schedule,
                apart=stages.apart, saved=StateFile(folder / "healing"), device=device,
                dtype=short_type(job.settings.store) if on_cpu else fast_dtype(device),
                progress=job.progress, of=self._teacher, floats=True,
            )  # fmt: skip
            export_gguf(
                now, path, plan_for(now, FLOAT), progress=job.progress,
                encoded=lambda name, _: made.tensors.get(name),
            )  # fmt: skip
            tokens = made.steps * schedule.together * len(windows[0])
            found = Training(made.steps, tokens, made.before, made.after, made.kl, made.domains)
            write_text(summary, json.dumps(asdict(found)))
            return found

        healing = keep(folder / "healing.json", lambda p: value(Training, p), train)
        return self._stack.enter_context(Checkpoint.open(path)), healing

    def _written(self, pruned: Checkpoint, path: Path) -> Checkpoint:
        """As a file, what was changed in floating point."""
        plan = {n: FLOAT for n in pruned.quantizable if pruned.tensors[n].codec.name == "F32"}

        def write(to: Path) -> Path:
            export_gguf(pruned, to, plan, progress=self.job.progress)
            return to

        keep(path, sound, write)
        return self._stack.enter_context(Checkpoint.open(path))

    def _importance(self, pruned: PrunedModel) -> Importance:
        """Of the inputs that stay, as they were in the whole model."""
        known, before = self.whole.stages.importance, self.job.checkpoint
        if pruned.checkpoint is before:
            return known
        out = {}
        for name in pruned.checkpoint.quantizable:
            former, stays = inputs_that_stay(before, pruned.layers, pruned.residual, name)
            if former in known:
                out[name] = np.ascontiguousarray(known[former][stays])
        return out

    def _windows(self, count: int, length: int) -> list[list[int]]:
        """Text that is tuned on, evenly from all of it; fewer windows where it is short."""
        flat = [token for window in self.whole.stages.rounding for token in window]
        if len(flat) < length:
            raise BadInput("the calibration text is too short to prune by: give a longer --text")
        count = min(count, len(flat) // length)
        step = len(flat) // count
        return [flat[place * step : place * step + length] for place in range(count)]

    def _require(self, need: int, remedy: str) -> None:
        ram = self.job.settings.ram
        if ram is not None and need > ram.size:
            raise ram.refused(need, remedy)


def _hash(data: object) -> str:
    return sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
