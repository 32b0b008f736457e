"""The stages of one compression in order. Reads as the story of how a bundle comes to be."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from penjing.bundle.folder import (
    BROKEN,
    MANIFEST_NAME,
    MODEL_NAME,
    Baseline,
    Manifest,
    describe_files,
    now,
    write_manifest,
)
from penjing.core.files import disk_errors, write_text
from penjing.core.memory import give_back, peak_memory
from penjing.core.units import format_size
from penjing.workshop.compress import controls, prepare
from penjing.workshop.compress.advice import vocabulary
from penjing.workshop.compress.build import Builder, Built
from penjing.workshop.compress.choose import Chosen, choose, shapes_wanted
from penjing.workshop.compress.job import Job
from penjing.workshop.compress.measure import Candidate, Found, measure
from penjing.workshop.compress.methods import METHODS, Method
from penjing.workshop.compress.passport import Took, details, passport
from penjing.workshop.compress.settings import Search, codec_names
from penjing.workshop.compress.shaping import Shaper
from penjing.workshop.export.gguf import export_bytes
from penjing.workshop.report import render_report
from penjing.workshop.report.advice import faults
from penjing.workshop.report.reading import read_passport

PASSPORT_NAME = "passport.json"
REPORT_NAME = "report.html"
DETAILS_NAME = "report.json"
"""What the report shows beyond the passport: from both it can be drawn again."""
RECIPE_NAME = "recipe.yaml"
FILES = (MODEL_NAME, PASSPORT_NAME, DETAILS_NAME, REPORT_NAME, RECIPE_NAME)
"""Of a bundle, beside its manifest."""


def compress(job: Job) -> dict[str, Any]:
    """Make the bundle and return its passport. What an earlier run left in `work` is used.

    Raises BudgetError when the budget is impossible, StorageError when the disk refuses.
    """
    with ExitStack() as opened:
        return _made(job, opened)


def _made(job: Job, opened: ExitStack) -> dict[str, Any]:
    begun, settings = time.perf_counter(), job.settings
    torch.set_num_threads(settings.threads)
    builder = Builder(job, codec_names(settings, job.checkpoint.parameters))
    start = Candidate(settings.model_name, "the starting model", builder.stages.start)
    chosen = _chosen(builder, METHODS[settings.method], opened)
    job.checkpoint.release()
    give_back()
    found = measure(
        start,
        [_ours(chosen), *chosen.controls],
        settings,
        folder=job.work.folder / "reference",
        progress=job.progress,
    )
    took = Took(time.perf_counter() - begun, job.work.resumed, peak_memory(), job.forecast)
    ours, shipped, plan = chosen.ours, chosen.builder.job.checkpoint, chosen.ours.plan
    made = passport(settings, shipped, found, took, ours.training)
    made["shape"] = chosen.shape
    made["broken"] = faults(read_passport(made).ours.measures)
    made["advice"] = _advice(chosen.builder, plan, found, broken=bool(made["broken"]))
    recipe = _yaml(_recipe(job, made, chosen))
    solver = chosen.builder.solver
    search = solver.search(plan) if settings.plan is None else Search({}, plan, ())
    calibration = builder.stages.calibration
    shown = details(shipped, found, search, calibration, recipe, training=ours.training)
    shown["shapes"] = chosen.shapes
    _bundle(replace(job, checkpoint=shipped), found.ours.path, made, shown, recipe)
    job.work.finish()
    return made


def _chosen(builder: Builder, method: Method, opened: ExitStack) -> Chosen:
    """The file that ships, and what it is measured beside."""
    job, settings = builder.job, builder.job.settings
    if method.distilled:
        builder.require_memory()
    if shapes_wanted(builder):
        chosen = choose(opened.enter_context(Shaper(builder)), method)
        if chosen.builder is not builder:
            return chosen
        return replace(
            chosen, controls=[*chosen.controls, *_controls(builder, method, chosen.ours)]
        )
    budget = settings.budget
    if settings.goal is not None and settings.plan is None:
        budget = builder.solver.smallest_meeting(settings.goal)
        job.progress.note(f"{settings.goal} takes {format_size(budget)} on calibration text")
    plan = settings.plan or builder.plan(method, budget)
    ours = builder.make(method, plan)
    return Chosen(builder, method, ours, _controls(builder, method, ours))


def _ours(chosen: Chosen) -> Candidate:
    words = chosen.method.description
    if chosen.shape and "shape" in chosen.shape:
        words = f"parts left out and the rest healed, then {words}"
    return Candidate("this bundle", words, chosen.ours.path)


def _recipe(job: Job, made: Mapping[str, Any], chosen: Chosen) -> dict[str, Any]:
    told, sha = chosen.shape or {}, made["baseline"]["sha256"]
    training, healing = chosen.ours.training, told.get("healing")
    steps = training.steps if training else None
    document = prepare.recipe_document(job.settings, sha, chosen.ours.plan, steps)
    if "shape" in told:
        document["prune"] = dict(told["shape"])
        document["healing_steps"] = healing["steps"] if healing else None
    return document


def _advice(
    builder: Builder, plan: Mapping[str, str], found: Found, *, broken: bool
) -> dict[str, Any]:
    """What is told beside the measurements; of a recipe's plan no search knows anything."""
    job, searched = builder.job, builder.job.settings.plan is None
    told: dict[str, Any] = {"vocabulary": vocabulary(job.checkpoint, plan)}
    if not job.settings.forward:
        told["path"] = "engine"
    if searched and job.settings.goal is None:
        told["left"] = builder.solver.why_left(plan, job.settings.budget)
    if searched and broken:
        kld = found.outcomes[0].kept.report.find("kld_mean").value
        told["sound_bytes"] = builder.solver.sound_size(plan, kld)
    return told


def _controls(builder: Builder, method: Method, ours: Built) -> list[Candidate]:
    """What our file must beat, at no more bytes: no method at all, and chance for each part of it.

    The shuffled control is rounded by importance alone; beside it stand our own codecs rounded the
    same way, so that what allocation gives and what the rest gives can be told apart.
    """
    job = builder.job
    out = []
    simple = METHODS["plain"]
    plain = controls.plain(
        job.checkpoint, ours.path.stat().st_size, lambda p: export_bytes(job.checkpoint, p)
    )
    if plain is not None:
        words = "one codec everywhere and nearest rounding, at no more bytes than ours"
        out.append(Candidate("plain rounding", words, builder.make(simple, plain).path))
    alone = METHODS["searched"]
    if method != alone:
        words = "our codecs, rounded by importance and left so"
        out.append(Candidate("allocation alone", words, builder.make(alone, ours.plan).path))
    dealt = controls.shuffled(job.checkpoint, ours.plan, job.settings.seed)
    if dealt == ours.plan:
        job.progress.note("no shuffled control: tensors of equal shape have equal codecs")
        return out
    words = "our codecs dealt out at random among tensors of equal shape, rounded by importance"
    path = builder.make(METHODS["shuffled"], dealt).path
    return [*out, Candidate("shuffled allocation", words, path)]


def _bundle(
    job: Job, model: Path, made: Mapping[str, Any], shown: Mapping[str, Any], recipe: str
) -> None:
    """Fill the bundle folder; the manifest comes last, so a bundle is complete or none."""
    settings, out = job.settings, job.settings.out
    with disk_errors(out):
        (out / MANIFEST_NAME).unlink(missing_ok=True)
        shutil.copyfile(model, out / f".{MODEL_NAME}")
        (out / f".{MODEL_NAME}").replace(out / MODEL_NAME)
    write_text(out / PASSPORT_NAME, json.dumps(made, indent=2, allow_nan=False) + "\n")
    write_text(out / DETAILS_NAME, json.dumps(shown, allow_nan=False) + "\n")
    write_text(out / REPORT_NAME, render_report(made, shown))
    write_text(out / RECIPE_NAME, recipe)
    sha = str(made["baseline"]["sha256"])
    broken = BROKEN if made["broken"] else ""
    manifest = Manifest(
        name=f"{settings.model_name}-{made['file']['bytes'] / 1e6:.0f}MB{broken}",
        architecture=job.checkpoint.architecture.name,
        parameters=job.checkpoint.parameters,
        licence=settings.licence,
        template="tokenizer.chat_template" in job.checkpoint.metadata,
        files=describe_files(out, FILES),
        recipe=prepare.recipe_document(settings, sha, {}),
        baseline=Baseline(settings.model_name, sha),
        created=now(),
    )
    write_manifest(out, manifest)


def _yaml(document: Mapping[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True)
    return text
