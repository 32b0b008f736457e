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

from penjing.bundle.gguf_reader import GGUFFile
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop import importance as imatrix
from penjing.workshop.calibrate import Calibration, calibrate
from penjing.workshop.compress.job import Job
from penjing.workshop.compress.settings import CONTEXT, effort
from penjing.workshop.compress.work import keep
from penjing.workshop.distill.train import kept_apart
from penjing.workshop.export.gguf import export_gguf

_KEY_LENGTH = 24
_VERSION = 1
"""Raised when the same inputs give other calibration text or importance."""

Importance = Mapping[str, npt.NDArray[np.float32]]


class Stages:
    """The shared results of one job, each made when it is first asked for."""

    def __init__(self, job: Job) -> None:
        self.job = job

    @cached_property
    def folder(self) -> Path:
        """Where results lie that no budget changes."""
        settings = self.job.settings
        chosen = effort(settings.effort)
        text = None if settings.text is None else sha256(settings.text.encode()).hexdigest()
        told = [_VERSION, self.job.checkpoint.sha256(), chosen.calibration_tokens, CONTEXT,
                settings.seed, text]  # fmt: skip
        return settings.store / sha256(json.dumps(told).encode()).hexdigest()[:_KEY_LENGTH]

    @cached_property
    def start(self) -> Path:
        """The file the engine reads the starting model from; a folder is written as GGUF first."""
        job = self.job
        if job.settings.model.is_file():
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
        job, settings = self.job, self.job.settings

        def write(path: Path) -> Calibration:
            with self._engine() as model:
                made = calibrate(
                    model,
                    tokens=effort(settings.effort).calibration_tokens,
                    window=CONTEXT,
                    seed=settings.seed,
                    text=settings.text,
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

    @cached_property
    def training(self) -> list[list[int]]:
        """Windows to train on, all as long: the calibration text, then more of the user's.

        The last ones are kept apart by `distill`, to see whether training helped.
        """
        windows = [list(window) for window in self.calibration.windows]
        longest = max(map(len, windows))
        own = [window for window in windows if len(window) == longest]
        chosen = effort(self.job.settings.effort)
        lacking = max(chosen.training_tokens, chosen.rounding_tokens) // CONTEXT - len(own)
        if self.job.settings.text is None or longest < CONTEXT or lacking <= 0:
            return own
        return [*own, *others(self._given, own, lacking)]

    @cached_property
    def rounding(self) -> list[list[int]]:
        """Windows on which errors are made up for: some of those that are trained on."""
        pool = self.training[: len(self.training) - kept_apart(len(self.training))]
        wanted = effort(self.job.settings.effort).rounding_tokens // CONTEXT
        own = min(len(pool), len(self.calibration.windows))
        return [*pool[:own], *spread(pool[own:], wanted - own)]

    @cached_property
    def _given(self) -> list[int]:
        """The user's text in tokens."""
        settings = self.job.settings
        with self._engine() as model:
            return model.tokenize(settings.text or "", bos=False)


def others(tokens: Sequence[int], windows: Sequence[Sequence[int]], count: int) -> list[list[int]]:
    """At most `count` windows of a text, spread over it, none of them among `windows`.

    No twin of a window that is kept apart may be trained on.
    """
    known = {tuple(window) for window in windows}
    cut = [list(tokens[i : i + CONTEXT]) for i in range(0, len(tokens) - CONTEXT + 1, CONTEXT)]
    return spread([window for window in cut if tuple(window) not in known], count)


def spread(windows: Sequence[list[int]], count: int) -> list[list[int]]:
    """At most `count` of them, evenly over all."""
    count = max(0, min(count, len(windows)))
    return [windows[i * len(windows) // count] for i in range(count)]


def sound(path: Path) -> Path:
    """The file, if an earlier run left it whole; FormatError otherwise."""
    GGUFFile.open(path).close()
    return path
