"""One method and one budget to one file.

Every file of a job is made here, controls too, so that two of them differ in what their methods
say and in nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np

from penjing.bundle.codecs import CODECS, Codec
from penjing.core.errors import BudgetError
from penjing.core.files import write_text
from penjing.core.memory import give_back, give_back_large
from penjing.core.units import format_size
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop import importance as imatrix
from penjing.workshop.arithmetic import best_device, fast_dtype
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.compress import controls, textbook_methods
from penjing.workshop.compress.job import Job
from penjing.workshop.compress.methods import Method
from penjing.workshop.compress.settings import LESS_TRAINING
from penjing.workshop.compress.short_type import keep_short_type, short_type
from penjing.workshop.compress.solve import Origin, Solver
from penjing.workshop.compress.stages import Importance, Stages, sound
from penjing.workshop.compress.work import keep, value
from penjing.workshop.distill.needs import memory_needed
from penjing.workshop.distill.state import StateFile
from penjing.workshop.distill.train import distill
from penjing.workshop.export.gguf import Encoded, export_bytes, export_gguf
from penjing.workshop.quantize import engine_rounding
from penjing.workshop.quantize.awq import awq
from penjing.workshop.quantize.grids import GRIDS
from penjing.workshop.quantize.rotation import rotate_values
from penjing.workshop.quantize.stored import encode_stored
from penjing.workshop.quantize.whole import Store, Wish, round_model
from penjing.workshop.search.groups import CANDIDATES
from penjing.workshop.tensors import Bytes

_HASH = 16


@dataclass(frozen=True)
class Training:
    """What was trained, for the passport."""

    steps: int
    """How many were taken."""
    tokens: int
    """Read in all of them."""
    before: float
    """Mean KLD on calibration text that is not trained on, nats."""
    after: float
    """The same at the end; where it is not lower, the training was left out."""
    kl: Sequence[float] = ()
    """Of every step, on the text of that step, nats."""
    domains: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """`before` and `after` of each domain of the text."""


@dataclass(frozen=True)
class Built:
    """A file that a method made."""

    path: Path
    """The .gguf file, in the work folder."""
    plan: Mapping[str, str]
    """The codec of each quantizable tensor."""
    training: Training | None = None
    """Of a distilled one."""
    packed_bytes: int | None = None
    """What it would take, where no engine has its format; None: what it takes."""


@dataclass(frozen=True)
class _Base:
    """What is rounded: the starting model, or what a fold made of it."""

    checkpoint: Checkpoint
    """Its weights."""
    importance: Importance
    """Of the inputs as they then are."""


class Builder:
    """Makes the files of one job; what two of them share is made once."""

    def __init__(
        self,
        job: Job,
        names: Sequence[str] = CANDIDATES,
        whole: Builder | None = None,
        layers: Sequence[int] = (),
    ) -> None:
        """`whole` makes the files of the model that this one was pruned from, `layers` of it."""
        give_back_large()
        keep_short_type(job.settings.store)
        self.job, self.names = job, names
        self.stages: Stages = Stages(job, whole.stages if whole else None)
        self.solver: Solver = Solver(
            self.stages, names, Origin(whole.solver, layers) if whole else None
        )

    def build(self, method: Method, budget: int) -> Built:
        """The method's file of at most `budget` bytes.

        BudgetError when there is none so small, or training needs more memory than is allowed.
        """
        if method.quantizer and self.size(method) > budget:
            raise BudgetError(f"the smallest is {format_size(self.size(method))}")
        return self.make(method, self.plan(method, budget))

    def make(self, method: Method, plan: Mapping[str, str]) -> Built:
        """The method's file in codecs that are already chosen."""
        self.solver.forget()
        give_back()
        path = Path("files") / _hash(plan) / f"{method.name}.gguf"
        if method.quantizer:
            made = textbook_methods.encoded(self.job.checkpoint, method.quantizer)
            written = self._write(self.job.checkpoint, plan, path, made, None)
            return Built(written, plan, packed_bytes=self.size(method))
        if method.fold == "none" and not self._changes(plan):
            return Built(self._write(self.job.checkpoint, plan, path, None, None), plan)
        if method.distilled:
            return self._distilled(method, plan, path)
        base, encoded, weighted = self._base(method, plan), None, None
        if method.rounding == "gptq":
            store = self._rounded(method, base, plan, latents=False)
            encoded = _from([store], base.checkpoint)
        elif method.rounding == "importance":
            encoded, weighted = _by_importance(base), base.importance
        return Built(self._write(base.checkpoint, plan, path, encoded, weighted), plan)

    def size(self, method: Method) -> int:
        """Bytes that a quantizer of the textbook takes, whatever the budget is."""
        if method.quantizer is None:
            raise ValueError(method.name)
        return textbook_methods.packed_bytes(self.job.checkpoint, method.quantizer)

    def plan(self, method: Method, budget: int) -> dict[str, str]:
        """Which codec goes where; the file is at most `budget` bytes."""
        checkpoint = self.job.checkpoint
        if method.quantizer:
            return textbook_methods.plan_of(checkpoint)
        if method.allocation == "even":
            found = controls.plain(checkpoint, budget, lambda p: export_bytes(checkpoint, p))
            if found is None:
                raise BudgetError(f"no single codec makes a file of {format_size(budget)}")
            return found
        if method.allocation == "inverted":
            return self.solver.inverted(budget)
        found = self.solver.plan(budget)
        if method.allocation == "shuffled":
            return controls.shuffled(checkpoint, found, self.job.settings.seed)
        return found

    def _changes(self, plan: Mapping[str, str]) -> bool:
        """Whether anything is rounded at all: what is exact needs nothing made up for."""
        tensors = self.job.checkpoint.tensors
        return any(tensors[name].codec.name != kind for name, kind in plan.items())

    # -- before rounding

    def _base(self, method: Method, plan: Mapping[str, str]) -> _Base:
        checkpoint, importance = self.job.checkpoint, self.stages.importance
        if method.fold == "awq":
            chosen = {name: CODECS[codec] for name, codec in plan.items()}
            folded = awq(checkpoint, importance, chosen, progress=self.job.progress)
            return _Base(folded.checkpoint, {**importance, **folded.importance})
        if method.fold == "rotation":
            rotated = rotate_values(checkpoint, self.job.settings.seed).checkpoint
            return _Base(rotated, self._collected(rotated))
        return _Base(checkpoint, importance)

    def _collected(self, changed: Checkpoint) -> Importance:
        """Importance of a model that is in no file yet."""
        folder = self.job.work.folder
        path = folder / "folded.gguf"
        export_gguf(changed, path, {}, progress=self.job.progress)
        try:
            with LlamaCpp.open(path, threads=self.job.settings.threads) as model:
                found = imatrix.collect(model, self.stages.calibration.windows, self.job.progress)
        finally:
            path.unlink()
        return imatrix.with_lookups(changed, found)

    # -- rounding

    def _rounded(
        self, method: Method, base: _Base, plan: Mapping[str, str], *, latents: bool
    ) -> Store:
        store = Store(self.job.work.folder / f"rounded-{_hash([plan, method.fold])}")
        if not base.checkpoint.architecture.forward:
            work = engine_rounding.Work(
                base.checkpoint, self.stages.start, plan, base.importance,
                self.stages.rounding, self.job.settings.threads,
            )  # fmt: skip
            engine_rounding.round_model(work, store, self.job.progress)
            return store
        dtype = short_type(self.job.settings.store)
        wish, windows = Wish(plan, latents, dtype), self.stages.rounding
        round_model(base.checkpoint, wish, windows, store, self.job.progress)
        return store

    def _distilled(self, method: Method, plan: Mapping[str, str], path: Path) -> Built:
        self.require_memory()
        base = self._base(method, plan)
        schedule = self.job.settings.schedule
        teacher = self.job.teacher
        told = [plan, method.fold, asdict(schedule), teacher.sha256() if teacher else None]
        folder = self.job.work.folder / f"trained-{_hash(told)}"
        done = Store(folder)

        def train(summary: Path) -> Training:
            start = self._rounded(method, base, plan, latents=True)
            device = best_device()
            on_cpu = device.type == "cpu"
            dtype = short_type(self.job.settings.store) if on_cpu else fast_dtype(device)
            windows = self.stages.training
            made = distill(
                base.checkpoint, plan, start, windows, schedule, apart=self.stages.apart,
                saved=StateFile(folder), device=device, dtype=dtype,
                progress=self.job.progress, of=teacher,
            )  # fmt: skip
            for name, raw in made.tensors.items():
                done.put(name, raw, None)
            tokens = made.steps * schedule.together * len(windows[0])
            found = Training(made.steps, tokens, made.before, made.after, made.kl, made.domains)
            write_text(summary, json.dumps(asdict(found)))
            return found

        training = keep(folder / "training.json", lambda p: value(Training, p), train)
        stores = [self._rounded(method, base, plan, latents=True)]
        if training.after < training.before:  # NaN is not better either
            stores.insert(0, done)
        encoded = _from(stores, base.checkpoint)
        return Built(self._write(base.checkpoint, plan, path, encoded, None), plan, training)

    def require_memory(self) -> None:
        """BudgetError when training does not fit the ceiling."""
        ram, need = self.job.settings.ram, memory_needed(self.job.checkpoint, self.job.teacher)
        if ram is not None and need > ram.size:
            raise ram.refused(need, LESS_TRAINING)

    # -- writing

    def _write(
        self,
        checkpoint: Checkpoint,
        plan: Mapping[str, str],
        name: Path,
        encoded: Encoded | None,
        weighted: Importance | None,
    ) -> Path:
        def make(path: Path) -> Path:
            export_gguf(
                checkpoint, path, plan,
                imatrix=weighted, encoded=encoded, progress=self.job.progress,
            )  # fmt: skip
            return path

        return self.job.work.stage(str(name), sound, make)


def _from(stores: Sequence[Store], checkpoint: Checkpoint) -> Encoded:
    """Bytes of the tensors that a store holds; the first one counts."""

    def encoded(name: str, kind: Codec) -> Bytes | None:
        for store in stores:
            if store.has(name, latent=False):
                return store.raw(checkpoint.tensors[name], kind)
        return None

    return encoded


def _by_importance(base: _Base) -> Encoded:
    """Scales from our own search where the codec is a grid; ggml's for the others."""

    def encoded(name: str, kind: Codec) -> Bytes | None:
        source = base.checkpoint.tensors[name]
        if kind.name not in GRIDS or kind == source.codec or name not in base.importance:
            return None
        return encode_stored(kind, source, np.array(base.importance[name]))

    return encoded


def _hash(told: object) -> str:
    return sha256(json.dumps(told, sort_keys=True, default=dict).encode()).hexdigest()[:_HASH]
