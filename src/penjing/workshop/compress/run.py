"""The stages of one compression in order. Reads as the story of how a bundle comes to be."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from penjing.bundle.codecs import Codec
from penjing.bundle.folder import (
    MANIFEST_NAME,
    MODEL_NAME,
    Baseline,
    Manifest,
    describe_files,
    now,
    write_manifest,
)
from penjing.bundle.gguf_reader import GGUFFile
from penjing.core.errors import FormatError
from penjing.core.files import disk_errors, write_text
from penjing.core.memory import peak_memory
from penjing.core.progress import Progress
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop import importance as imatrix
from penjing.workshop.calibrate import Calibration, calibrate
from penjing.workshop.checkpoint import Bytes, Checkpoint
from penjing.workshop.compress import controls, prepare
from penjing.workshop.compress.measure import Candidate, measure
from penjing.workshop.compress.passport import Took, details, passport
from penjing.workshop.compress.settings import CONTEXT, Search, Settings, effort
from penjing.workshop.compress.work import Work, read_json
from penjing.workshop.export.gguf import export_bytes, export_gguf
from penjing.workshop.forward import TorchModel
from penjing.workshop.report import render_report
from penjing.workshop.search import sensitivity
from penjing.workshop.search.budget import allocate, smallest
from penjing.workshop.search.sensitivity import Sensitivity

PASSPORT_NAME = "passport.json"
REPORT_NAME = "report.html"
RECIPE_NAME = "recipe.yaml"

_CURVE = 16  # points of the predicted curve
_ALIGN = 32


@dataclass(frozen=True)
class Job:
    """What every stage needs."""

    settings: Settings
    """What was asked for."""
    checkpoint: Checkpoint
    """The starting model."""
    work: Work
    """Where stages leave their results."""
    progress: Progress
    """Where they report to."""


def compress(job: Job) -> dict[str, Any]:
    """Make the bundle and return its passport. What an earlier run left in `work` is used.

    Raises BudgetError when the budget is impossible, StorageError when the disk refuses.
    """
    begun = time.perf_counter()
    settings = job.settings
    torch.set_num_threads(settings.threads)
    start = Candidate(settings.model_name, "the starting model", _starting_file(job))
    calibration, importance = _calibration(job, start.path)
    search = _search(job, calibration, importance)
    found = measure(
        start,
        _export(job, search.plan, importance),
        settings,
        folder=job.work.folder / "reference",
        progress=job.progress,
    )
    took = Took(time.perf_counter() - begun, job.work.resumed, peak_memory())
    made = passport(settings, job.checkpoint, found, took)
    recipe = _yaml(prepare.recipe_document(settings, made["baseline"]["sha256"], search.plan))
    shown = details(job.checkpoint, found, search, calibration, recipe)
    _bundle(job, found.ours.path, made, render_report(made, shown), recipe)
    job.work.finish()
    return made


def _starting_file(job: Job) -> Path:
    """The file the engine reads the starting model from; a folder is written as GGUF first."""
    if job.settings.model.is_file():
        return job.settings.model

    def make(path: Path) -> Path:
        export_gguf(job.checkpoint, path, {}, progress=job.progress)
        return path

    return job.work.stage("starting.gguf", _sound, make)


def _calibration(job: Job, start: Path) -> tuple[Calibration, dict[str, Any]]:
    settings, work, progress = job.settings, job.work, job.progress
    with LlamaCpp.open(start, threads=settings.threads) as model:

        def write(path: Path) -> Calibration:
            made = calibrate(
                model,
                tokens=effort(settings.effort).calibration_tokens,
                window=CONTEXT,
                seed=settings.seed,
                text=settings.text,
                partial=work.folder / "written.json",
                progress=progress,
            )
            made.save(path)
            return made

        calibration = work.stage("calibration.json", Calibration.load, write)

        def collect(path: Path) -> dict[str, Any]:
            found = imatrix.collect(
                model, calibration.windows, progress, partial=work.folder / "sums.npz"
            )
            imatrix.save(found, path)
            return found

        found = work.stage("importance.npz", imatrix.restore, collect)
        return calibration, imatrix.with_lookups(job.checkpoint, found)


def _search(job: Job, calibration: Calibration, importance: imatrix.Importance) -> Search:
    if job.settings.plan is not None:
        return Search({}, job.settings.plan, ())
    checkpoint = job.checkpoint
    measured = _sensitivities(job, calibration, importance)
    choices = sensitivity.choices(checkpoint, measured, _padded)
    least = {n: min(row, key=lambda c: (c.nbytes, c.codec)) for n, row in choices.items()}
    low = export_bytes(checkpoint, {name: choice.codec for name, choice in least.items()})
    fixed = low - smallest(choices)
    found = allocate(choices, job.settings.budget, fixed=fixed)
    high = export_bytes(checkpoint, {})
    sizes = [low + (high - low) * i // (_CURVE - 1) for i in range(_CURVE)]
    curve = [allocate(choices, size, fixed=fixed) for size in sizes]
    return Search(measured, found.plan, [(a.nbytes + fixed, a.loss) for a in curve])


def _sensitivities(
    job: Job, calibration: Calibration, importance: imatrix.Importance
) -> dict[str, Sensitivity]:
    path = job.work.folder / "sensitivity.json"
    known: dict[str, Sensitivity] = {}
    if path.exists():
        try:
            known = {name: Sensitivity(**row) for name, row in read_json(path).items()}
        except (FormatError, TypeError, AttributeError):
            path.unlink()
    if len(known) == len(job.checkpoint.quantizable):
        return known
    chosen = effort(job.settings.effort)
    job.progress.note("loading the weights to measure how much each tensor matters")
    return sensitivity.measure(
        job.checkpoint,
        TorchModel.load(job.checkpoint),
        importance,
        calibration.spread(chosen.probe_windows, chosen.probe_length),
        known=known,
        found=lambda new: write_text(path, json.dumps({n: asdict(s) for n, s in new.items()})),
        progress=job.progress,
    )


def _export(job: Job, plan: Mapping[str, str], importance: imatrix.Importance) -> list[Candidate]:
    """Our file and the controls; tensors both have in the same codec are encoded once."""
    checkpoint = job.checkpoint
    weighted = {name: importance[name] for name in checkpoint.quantizable if name in importance}

    def write(name: str, plan: Mapping[str, str], **options: Any) -> Path:
        def make(path: Path) -> Path:
            export_gguf(checkpoint, path, plan, progress=job.progress, **options)
            return path

        return job.work.stage(name, _sound, make)

    ours = write(MODEL_NAME, plan, imatrix=weighted)
    out = [Candidate("this bundle", "", ours)]
    simple = controls.plain(checkpoint, ours.stat().st_size, lambda p: export_bytes(checkpoint, p))
    if simple is not None:
        words = "one codec everywhere and nearest rounding, at no more bytes than ours"
        out.append(Candidate("plain rounding", words, write("plain.gguf", simple)))
    dealt = controls.shuffled(checkpoint, plan, job.settings.seed)
    if dealt == plan:
        job.progress.note("no shuffled control: tensors of equal shape have equal codecs")
        return out
    with Checkpoint.open(ours) as ready:

        def encoded(name: str, codec: Codec) -> Bytes | None:
            source = ready.tensors[name]
            return source.raw() if source.codec == codec else None

        path = write("shuffled.gguf", dealt, imatrix=weighted, encoded=encoded)
    words = "our codecs dealt out at random among tensors of equal shape, same bytes"
    return [*out, Candidate("shuffled allocation", words, path)]


def _sound(path: Path) -> Path:
    """The file, if an earlier run left it whole; FormatError otherwise."""
    GGUFFile.open(path).close()
    return path


def _bundle(job: Job, model: Path, made: Mapping[str, Any], report: str, recipe: str) -> None:
    """Fill the bundle folder; the manifest comes last, so a bundle is complete or none."""
    settings, out = job.settings, job.settings.out
    with disk_errors(out):
        (out / MANIFEST_NAME).unlink(missing_ok=True)
        shutil.copyfile(model, out / f".{MODEL_NAME}")
        (out / f".{MODEL_NAME}").replace(out / MODEL_NAME)
    write_text(out / PASSPORT_NAME, json.dumps(made, indent=2, allow_nan=False) + "\n")
    write_text(out / REPORT_NAME, report)
    write_text(out / RECIPE_NAME, recipe)
    sha = str(made["baseline"]["sha256"])
    manifest = Manifest(
        name=f"{settings.model_name}-{made['file']['bytes'] / 1e6:.0f}MB",
        architecture=job.checkpoint.architecture.name,
        parameters=job.checkpoint.parameters,
        licence=settings.licence,
        template="tokenizer.chat_template" in job.checkpoint.metadata,
        files=describe_files(out, (MODEL_NAME, PASSPORT_NAME, REPORT_NAME, RECIPE_NAME)),
        recipe=prepare.recipe_document(settings, sha, {}),
        baseline=Baseline(settings.model_name, sha),
        created=now(),
    )
    write_manifest(out, manifest)


def _yaml(document: Mapping[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True)
    return text


def _padded(count: int) -> int:
    return -(-count // _ALIGN) * _ALIGN
