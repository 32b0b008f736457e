"""What every method begins with: the starting file, calibration text, importance, effects.

Results that do not depend on the budget lie in a folder of their own, by the hash of what they
depend on: a second budget for the same model and texts starts where the first one stood.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from penjing.bundle.gguf_parts import parts_of
from penjing.bundle.gguf_reader import GGUFFile
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop import importance as imatrix
from penjing.workshop.calibrate import Calibration, calibrate
from penjing.workshop.compress.job import Job
from penjing.workshop.compress.settings import CONTEXT, OWN_SHARE, domains, effort
from penjing.workshop.compress.work import keep
from penjing.workshop.export.gguf import export_gguf

_KEY_LENGTH = 24
_VERSION = 2
"""Raised when the same inputs give other calibration text or importance."""

_LEAST_IN_ENGINE, _LESS_IN_ENGINE = 8, 8
"""Windows that errors are made up for on in the engine at least, if there are so many, and times
less than elsewhere: each layer reads them all anew."""

Importance = Mapping[str, npt.NDArray[np.float32]]


class Stages:
    """The shared results of one job, each made when it is first asked for."""

    def __init__(self, job: Job, whole: Stages | None = None) -> None:
        """`whole` are those of the model that this one was pruned from: its text is read here too,
        and its file is what speed is told by."""
        self.job, self.whole = job, whole

    @property
    def timed_against(self) -> Path:
        """The file that decodes at speed 1."""
        return self.start if self.whole is None else self.whole.start

    @cached_property
    def folder(self) -> Path:
        """Where results lie that no budget changes."""
        settings = self.job.settings
        chosen = effort(settings.effort)
        texts = [(each.name, each.share, sha256(each.text.encode()).hexdigest())
                 for each in domains(settings)]  # fmt: skip
        told = [_VERSION, self.job.checkpoint.sha256(), chosen.calibration_tokens, self._many,
                CONTEXT, settings.seed, texts]  # fmt: skip
        return settings.store / sha256(json.dumps(told).encode()).hexdigest()[:_KEY_LENGTH]

    @cached_property
    def start(self) -> Path:
        """The file the engine reads the starting model from; a folder, and a model in several
        files, are written as one GGUF first."""
        job = self.job
        if job.settings.model.is_file() and len(parts_of(job.settings.model)) == 1:
            return job.settings.model

        def make(path: Path) -> Path:
            export_gguf(job.checkpoint, path, {}, progress=job.progress)
            return path

        return job.work.stage("starting.gguf", sound, make)

    def _engine(self) -> LlamaCpp:
        """The starting model, running; it maps the file anew, so that our own pages can go."""
        self.job.checkpoint.release()
        return LlamaCpp.open(self.start, threads=self.job.settings.threads)

    @cached_property
    def calibration(self) -> Calibration:
        """The text everything is tuned on."""
        if self.whole is not None:
            return self.whole.calibration
        job, settings = self.job, self.job.settings

        def write(path: Path) -> Calibration:
            with self._engine() as model:
                made = calibrate(
                    model,
                    tokens=effort(settings.effort).calibration_tokens,
                    window=CONTEXT,
                    seed=settings.seed,
                    domains=domains(settings),
                    own=OWN_SHARE if settings.text is None else 1.0,
                    many=self._many,
                    partial=self.folder / "written.json",
                    progress=job.progress,
                )
            made.save(path)
            return made

        return keep(self.folder / "calibration.json", Calibration.load, write)

    @cached_property
    def importance(self) -> Importance:
        """The mean square of every channel that a matrix reads."""
        job = self.job

        def collect(path: Path) -> dict[str, Any]:
            windows = self.calibration.windows  # before: writing them takes an engine too
            with self._engine() as model:
                found = imatrix.collect(
                    model, windows, job.progress, partial=self.folder / "sums.npz"
                )
            imatrix.save(found, path)
            return found

        found = keep(self.folder / "importance.npz", imatrix.restore, collect)
        complete = imatrix.with_lookups(job.checkpoint, found)
        return {name: complete[name] for name in job.checkpoint.quantizable if name in complete}

    @property
    def _many(self) -> int:
        """Tokens to round and train on, where there are so many."""
        chosen = effort(self.job.settings.effort)
        return max(chosen.training_tokens, chosen.rounding_tokens)

    @cached_property
    def training(self) -> Sequence[Sequence[int]]:
        """Windows to train on, all as long, domains in turn."""
        return self.calibration.training

    @property
    def apart(self) -> Mapping[str, Sequence[Sequence[int]]]:
        """Windows of each domain that nothing is tuned on, to see whether training helps."""
        return self.calibration.apart

    @cached_property
    def rounding(self) -> Sequence[Sequence[int]]:
        """Windows on which errors are made up for: the first of those that are trained on."""
        wanted = effort(self.job.settings.effort).rounding_tokens // CONTEXT
        if not self.job.settings.forward:
            wanted = min(wanted, max(_LEAST_IN_ENGINE, wanted // _LESS_IN_ENGINE))
        found = self.training[:wanted] or self.calibration.windows  # of little text none is left
        return list(dict.fromkeys(map(tuple, found)))


def sound(path: Path) -> Path:
    """The file, if an earlier run left it whole; FormatError otherwise."""
    GGUFFile.open(path).close()
    return path
