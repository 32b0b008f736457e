"""The stages of one comparison in order: build, measure, time, write down.

How a method makes a file is not known here: `build` does it. Every file is measured as the
passport's are, on the same windows against the same recording; then all are timed in one run, in
turn, so that a machine that grows slower is as slow for all of them.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import torch

from penjing.bundle.folder import now
from penjing.core.errors import BadInput, BudgetError, IntegrityError
from penjing.core.files import disk_errors, sha256_file, write_text
from penjing.core.memory import peak_memory
from penjing.core.report import Measurement
from penjing.core.units import format_size
from penjing.engine.speed import Speed, compare_speed
from penjing.evaluation.reference import Reference
from penjing.evaluation.retention import Table, paired_difference
from penjing.workshop.compare.document import document, file_name
from penjing.workshop.compare.markdown import markdown
from penjing.workshop.compare.order import (
    DOCUMENT_NAME,
    FILES_NAME,
    PAGE_NAME,
    ROUNDS,
    TABLE_NAME,
    Order,
)
from penjing.workshop.compare.outcome import (
    Beside,
    Comparison,
    Lead,
    Result,
    Row,
    Setting,
    Start,
)
from penjing.workshop.compare.page import render_comparison
from penjing.workshop.compress.build import Built
from penjing.workshop.compress.controls import shuffled
from penjing.workshop.compress.job import Job
from penjing.workshop.compress.measure import kept, recorded
from penjing.workshop.compress.methods import Method
from penjing.workshop.compress.passport import hardware, held_out, trained
from penjing.workshop.compress.prepare import signature
from penjing.workshop.compress.stages import Stages
from penjing.workshop.compress.work import Work
from penjing.workshop.report.words import ABOVE_OURS


class Maker(Protocol):
    """Makes files: `compress.build.Builder`, or a test's own."""

    def build(self, method: Method, budget: int) -> Built:
        """The method's file of at most so many bytes; BudgetError when there is none so small."""
        ...

    def make(self, method: Method, plan: Mapping[str, str]) -> Built:
        """The method's file in codecs that are already chosen."""
        ...

    def size(self, method: Method) -> int:
        """Bytes of the file of a method that has a size of its own."""
        ...


def compare(job: Job, order: Order, maker: Maker) -> Comparison:
    """Make, measure and write down everything ordered; what lies in `job.work` is used.

    A size that is impossible for a method is a row that says so, not an error.
    """
    begun = time.perf_counter()
    torch.set_num_threads(job.settings.threads)
    start = Stages(job).start
    reference = recorded(start, job.settings, job.work.folder / "reference", job.progress)
    bench = _Bench(job, maker, reference)
    wanted = [(method, size) for size in order.sizes for method in order.sized]
    wanted += [(method, maker.size(method)) for method in order.textbook]
    rows = [_row(bench, order, method, size) for method, size in wanted]
    speeds = _speeds(bench, start, rows)
    found = Comparison(
        start=_start(job, start, speeds),
        methods=_everyone(order),
        sizes=tuple(sorted({size for _, size in wanted})),
        rows=rows,
        leads=[lead for size in order.sizes for lead in _leads(rows, size, job.settings.seed)],
        speeds=speeds,
        setting=_setting(job, order, reference, time.perf_counter() - begun),
    )
    _write(bench, found)
    job.work.finish()
    return found


def has_results(work: Work) -> bool:
    """Whether a file was already measured: the work is then worth going on with."""
    return any(work.folder.glob("result-*.json"))


class _Bench:
    """Where files are made and measured, each once."""

    def __init__(self, job: Job, maker: Maker, reference: Reference) -> None:
        self.job = job
        self._maker = maker
        self._reference = reference
        self._by_name: dict[str, Method] = {}

    def at(self, method: Method, budget: int) -> Result:
        """The method's file at a budget."""
        words = f"{method.name} at {format_size(budget)}"
        return self._result(method, budget, words, lambda: self._maker.build(method, budget))

    def as_planned(self, method: Method, plan: Mapping[str, str], like: Result) -> Result:
        """The method's file in given codecs, at the bytes of another."""
        key = sha256(repr(sorted(plan.items())).encode()).hexdigest()[:16]
        words = f"{method.name} beside {like.method} at {format_size(like.bytes)}"
        return self._result(
            method, like.bytes, words, lambda: self._maker.make(method, plan), key=key
        )

    def file(self, result: Result) -> Path:
        """Where the result's file lies; made again if it is gone."""
        path = self.job.work.folder / result.file
        if not path.exists():
            path = self._maker.make(self._by_name[result.method], result.plan).path
        if sha256_file(path) != result.sha256:
            raise IntegrityError(f"{path} is not the file that was measured: use --restart")
        return path

    def _result(
        self, method: Method, budget: int, words: str, build: Callable[[], Built], key: str = ""
    ) -> Result:
        """Made and measured, unless an earlier run has done it."""
        self._by_name[method.name] = method

        def make(path: Path) -> Result:
            self.job.progress.note(words)
            try:
                found = self._measured(method, budget, build())
            except (BudgetError, BadInput) as error:
                found = Result(method.name, budget, impossible=str(error))
            found.save(path)
            return found

        name = f"result-{method.name}-{key or budget}.json"
        return self.job.work.stage(name, Result.load, make)

    def _measured(self, method: Method, budget: int, built: Built) -> Result:
        path = built.path
        found = kept(path, self._reference, self.job.settings, self.job.progress)
        with suppress(ValueError):
            path = path.relative_to(self.job.work.folder)
        return Result(
            method=method.name,
            budget=budget,
            file=str(path),
            bytes=built.packed_bytes or built.path.stat().st_size,
            counted=built.packed_bytes is not None,
            sha256=sha256_file(built.path),
            plan=dict(built.plan),
            training=trained(built.training),
            measurements=found.report.measurements,
            kld=found.positions.kld.tolist(),
        )


def _row(bench: _Bench, order: Order, method: Method, size: int) -> Row:
    ours = bench.at(method, size)
    controls = () if ours.impossible else order.controls[method.name]
    return Row(
        method, size, ours, tuple(_beside(bench, ours, size, control) for control in controls)
    )


def _control(bench: _Bench, ours: Result, size: int, control: Method) -> Result:
    """The control's file, never of more bytes than ours."""
    if control.control_of is None:  # the allocation alone
        return bench.as_planned(control, ours.plan, ours)
    if control.allocation == "shuffled":
        dealt = shuffled(bench.job.checkpoint, ours.plan, bench.job.settings.seed)
        return bench.as_planned(control, dealt, ours)
    if control.allocation == "even":
        return bench.at(control, ours.bytes)
    theirs = bench.at(control, size)  # the same for every method of this size
    return bench.at(control, ours.bytes) if theirs.bytes > ours.bytes else theirs


def _beside(bench: _Bench, ours: Result, size: int, control: Method) -> Beside:
    theirs = _control(bench, ours, size, control)
    if theirs.impossible:
        return Beside(control, theirs, None)
    above = paired_difference(
        theirs.positions(),
        ours.positions(),
        seed=bench.job.settings.seed,
        metric=ABOVE_OURS,
        unit="nats",
    )
    return Beside(control, theirs, above)


def _leads(rows: Sequence[Row], size: int, seed: int) -> Iterator[Lead]:
    """The method that kept most at a size; nothing where there are no two."""

    def above(theirs: Table, ours: Table) -> Measurement:
        return paired_difference(
            theirs, ours, seed=seed, metric="kld_mean_above_first", unit="nats"
        )

    made = [row.result for row in rows if row.size == size and not row.result.impossible]
    if len(made) < 2:
        return
    first, *others = sorted(made, key=lambda result: result.find("kld_mean").value)
    mine = first.positions()
    yield Lead(size, first, tuple((other, above(other.positions(), mine)) for other in others))


def _speeds(bench: _Bench, start: Path, rows: Sequence[Row]) -> dict[str, Speed]:
    """The speed of the starting file and of all others, by hash, measured side by side."""
    job, own = bench.job, sha256_file(start)
    everything = [r for row in rows for r in (row.result, *(b.result for b in row.controls))]
    files = {r.sha256: r for r in everything if r.sha256 not in ("", own) and not r.counted}
    key = sha256(repr((own, sorted(files), job.settings.threads)).encode()).hexdigest()[:16]

    def time_all() -> dict[str, Any]:
        paths = [start, *(bench.file(result) for result in files.values())]
        found = compare_speed(
            paths, threads=job.settings.threads, rounds=ROUNDS, progress=job.progress
        )
        return {sha: asdict(speed) for sha, speed in zip((own, *files), found, strict=True)}

    data = job.work.data(f"speed-{key}.json", time_all)
    return {sha: Speed(**row) for sha, row in data.items()}


def _start(job: Job, path: Path, speeds: Mapping[str, Speed]) -> Start:
    settings, sha = job.settings, sha256_file(path)
    return Start(settings.model_name, path.stat().st_size, sha, settings.note, speeds[sha])


def _everyone(order: Order) -> list[Method]:
    """The methods as they were named, then their controls, each once."""
    controls = [control for method in order.methods for control in order.controls[method.name]]
    return list({method.name: method for method in (*order.methods, *controls)}.values())


def _setting(job: Job, order: Order, reference: Reference, seconds: float) -> Setting:
    settings = job.settings
    return Setting(
        held_out=held_out(settings, reference),
        text_sha256=signature(settings, "")["text"],
        effort=settings.effort,
        seed=settings.seed,
        threads=settings.threads,
        hardware=hardware(),
        created=now(),
        seconds=seconds,
        resumed=job.work.resumed,
        peak_bytes=peak_memory(),
        kept_files=order.keep_files,
    )


def _write(bench: _Bench, found: Comparison) -> None:
    """Fill the folder; the document comes last, so a comparison is complete or none."""
    out = bench.job.settings.out
    with disk_errors(out):
        if (out / DOCUMENT_NAME).exists():  # one that is replaced
            (out / DOCUMENT_NAME).unlink()
            shutil.rmtree(out / FILES_NAME, ignore_errors=True)
    write_text(out / TABLE_NAME, markdown(found))
    write_text(out / PAGE_NAME, render_comparison(found))
    if found.setting.kept_files:
        for result in found.results():
            _keep(bench.file(result), out / file_name(found, result))
    text = json.dumps(document(found), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(out / DOCUMENT_NAME, text + "\n")


def _keep(source: Path, target: Path) -> None:
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{target.name}")
        shutil.copyfile(source, unfinished)
        unfinished.replace(target)
