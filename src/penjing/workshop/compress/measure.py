"""What was kept: the exported files, measured in the engine against the starting model's file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from penjing.core.files import sha256_file
from penjing.core.messages import GenerationSettings
from penjing.core.progress import Progress
from penjing.core.report import Measurement
from penjing.engine.llamacpp import LlamaCpp
from penjing.engine.speed import Speed, compare_speed
from penjing.evaluation.reference import Reference, record
from penjing.evaluation.retention import Kept, paired_difference
from penjing.evaluation.retention import measure as kept_of
from penjing.evaluation.windows import read_tokens
from penjing.workshop.calibrate import prompts, question_tokens
from penjing.workshop.compress.settings import CONTEXT, Settings, effort
from penjing.workshop.compress.twin import FAST, fast_to_read

_ROUNDS = 3
_ANSWER = 80


@dataclass(frozen=True)
class Candidate:
    """A file to be measured."""

    name: str
    """What a table calls it."""
    description: str
    """How it was made, in one line."""
    path: Path
    """The .gguf file."""


@dataclass(frozen=True)
class Outcome:
    """A candidate and what it kept."""

    candidate: Candidate
    """Which file."""
    kept: Kept
    """Its numbers."""
    difference: Measurement | None
    """Its mean KLD minus ours on the same positions; None for ours itself."""

    def document(self) -> dict[str, Any]:
        """As the passport holds it."""
        rows = [*self.kept.report.measurements, *([self.difference] if self.difference else [])]
        return {
            "name": self.candidate.name,
            "description": self.candidate.description,
            "bytes": self.candidate.path.stat().st_size,
            "measurements": [asdict(row) for row in rows],
        }


@dataclass(frozen=True)
class Found:
    """Everything measured on the exported files."""

    start: Candidate
    """The starting model's file."""
    reference: Reference
    """What it said on the held-out text."""
    outcomes: Sequence[Outcome]
    """Ours first, then the controls."""
    speeds: Sequence[Speed]
    """Of the starting file and of ours."""
    answers: Sequence[Mapping[str, str]]
    """The same prompts answered by both: prompt, before, after."""

    @property
    def ours(self) -> Candidate:
        """The file that ships."""
        return self.outcomes[0].candidate


def measure(
    start: Candidate,
    candidates: Sequence[Candidate],
    settings: Settings,
    *,
    folder: Path,
    progress: Progress,
) -> Found:
    """Measure every candidate against `start`; the first is ours. Killed runs go on in `folder`.

    Ours is read as it ships; a control whose codec is slow to read through its twin (`twin.py`).
    """
    reference = recorded(start.path, settings, folder, progress)
    outcomes = _keep_score(candidates, reference, settings, progress)
    files, threads = [start.path, candidates[0].path], settings.threads
    speeds = compare_speed(files, threads=threads, rounds=_ROUNDS, progress=progress)
    with progress.task("the same questions to both", 2, unit="models") as task:
        sides = []
        for path in files:
            sides.append(_answers(path, threads))
            task.advance()
    answers = [
        {"prompt": question, "before": before, "after": after}
        for question, before, after in zip(prompts("show"), *sides, strict=True)
    ]
    return Found(start, reference, outcomes, speeds, answers)


def recorded(start: Path, settings: Settings, folder: Path, progress: Progress) -> Reference:
    """What the starting file says on the held-out text; it lies in `folder`."""
    windows = effort(settings.effort).held_out_windows
    with LlamaCpp.open(start, threads=settings.threads) as model:
        return record(
            model,
            read_tokens(model, settings.held_out, CONTEXT, limit=windows),
            CONTEXT,
            folder,
            progress,
            windows=windows,
            identity=sha256_file(start),
        )


def kept(path: Path, reference: Reference, settings: Settings, progress: Progress) -> Kept:
    """What a file kept of that."""
    with LlamaCpp.open(path, threads=settings.threads) as model:
        return kept_of(
            model,
            reference,
            seed=settings.seed,
            progress=progress,
            identity=sha256_file(path),
        )


def _keep_score(
    candidates: Sequence[Candidate], reference: Reference, settings: Settings, progress: Progress
) -> list[Outcome]:
    ours, *controls = candidates
    first = kept(ours.path, reference, settings, progress)
    outcomes = [Outcome(ours, first, None)]
    for control in controls:
        with fast_to_read(control.path) as path:
            found = kept(path, reference, settings, progress)
        above = paired_difference(
            found.positions.kld,
            first.positions.kld,
            seed=settings.seed,
            metric="kld_mean_above_ours",
            unit="nats",
        )
        outcomes.append(Outcome(_read_as(control, path), found, above))
    return outcomes


def _read_as(control: Candidate, path: Path) -> Candidate:
    """What a report says of it when its twin was read."""
    if path == control.path:
        return control
    words = f"{control.description}; read from the same weights in {FAST}"
    return replace(control, description=words)


def _answers(path: Path, threads: int) -> list[str]:
    greedy = GenerationSettings(max_tokens=_ANSWER, temperature=0)
    with LlamaCpp.open(path, threads=threads) as model:
        starts = [question_tokens(model, q) for q in prompts("show")]
        written = model.write_together(starts, [greedy] * len(starts))
        return [model.detokenize(tokens).strip() for tokens in written]
