"""Perplexity of a model, or what it kept of a baseline."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penjing.app.model_files import (
    ModelFile,
    engine_name,
    find_file,
    hardware,
    identity_of,
    resumable,
)
from penjing.core.progress import Progress, Silent

if TYPE_CHECKING:
    from pathlib import Path

    from penjing.bundle.home import Home
    from penjing.core.report import Report
    from penjing.engine.llamacpp import LlamaCpp

WINDOWS = 20
"""Read by default: about 5000 scored positions."""


@dataclass(frozen=True)
class _Job:
    """One evaluation, parsed."""

    model: ModelFile
    baseline: ModelFile | None
    text_name: str
    text: str
    context: int
    windows: int | None
    seed: int
    threads: int | None


def evaluate(
    model: str | Path,
    baseline: str | Path | None = None,
    text: str = "encyclopedia",
    *,
    context: int = 512,
    windows: int | None = WINDOWS,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    words: Callable[[str], str] | None = None,
) -> Report:
    """Perplexity of a model on held-out text, or what it kept of `baseline`: KLD in nats, same-top.

    `text` is a name of the catalogue or a file; `context` the tokens of a window; `windows=None`
    reads all of the text. A run that was stopped goes on where it was. `words` asks for the
    passphrase of a sealed model, which is named to it.
    """
    from penjing.bundle.home import Home
    from penjing.bundle.resolve import find_text

    home, heard = Home.from_environment(), progress or Silent()
    text_name, said = find_text(text, home, progress=heard, download=True)
    with ExitStack() as written:  # files of folders, which the engine reads as GGUF
        job = _Job(
            model=find_file(str(model), home, heard, written, words),
            baseline=None
            if baseline is None
            else find_file(str(baseline), home, heard, written, words),
            text_name=text_name,
            text=said,
            context=context,
            windows=windows,
            seed=seed,
            threads=threads,
        )
        found = _compare(job, home, heard) if job.baseline else _alone(job, home, heard)
    return _complete(found, job)


def _alone(job: _Job, home: Home, progress: Progress) -> Report:
    from penjing.evaluation.perplexity import measure_alone
    from penjing.evaluation.resumable_folder import slot
    from penjing.evaluation.windows import read_tokens

    identity = identity_of(job.model)
    key = _key(job, identity)
    root = home.work / "evaluate"
    with _kept(root / key), slot(root, key) as folder, _open(job.model, job) as model:
        tokens = read_tokens(model, job.text, job.context, limit=job.windows)
        found = measure_alone(
            model,
            tokens,
            job.context,
            windows=job.windows,
            seed=job.seed,
            progress=progress,
            folder=folder,
            identity=identity,
        )
    return found.report


def _compare(job: _Job, home: Home, progress: Progress) -> Report:
    """One model in memory at a time; what is on disk is gone at the end, unless interrupted."""
    from penjing.evaluation.reading import read, require_alike
    from penjing.evaluation.reference import record
    from penjing.evaluation.resumable_folder import slot
    from penjing.evaluation.retention import measure

    assert job.baseline  # noqa: S101
    identity, baseline_identity = identity_of(job.model), identity_of(job.baseline)
    with _open(job.model, job) as model:
        after = replace(read(model, job.text, job.context, limit=job.windows), name=job.model.name)
    key = _key(job, identity, baseline_identity)
    root = home.work / "evaluate"
    with _kept(root / key), slot(root, key) as folder:
        with _open(job.baseline, job) as model:
            before = read(model, job.text, job.context, limit=job.windows)
            require_alike(after, replace(before, name=job.baseline.name))
            reference = record(
                model,
                before.tokens,
                job.context,
                folder,
                progress,
                windows=job.windows,
                identity=baseline_identity,
            )
        with _open(job.model, job) as model:
            kept = measure(model, reference, seed=job.seed, progress=progress, identity=identity)
    return kept.report


def _kept(folder: Path) -> AbstractContextManager[None]:
    """Ctrl-C says how many windows are kept in the folder."""
    from penjing.evaluation.append_log import rows_kept

    def said() -> str:
        count = rows_kept(folder)
        return f"{count} window{'s' * (count > 1)}" if count else ""

    return resumable(said)


def _open(model: ModelFile, job: _Job) -> LlamaCpp:
    from penjing.engine.llamacpp import LlamaCpp

    return LlamaCpp.open(model.path, context=job.context, threads=job.threads)


def _key(job: _Job, *identities: str) -> str:
    """Names the folder of half-done work."""
    from hashlib import sha256

    text = sha256(job.text.encode()).hexdigest()
    plan = (*identities, text, job.context, job.windows)
    return sha256(repr(plan).encode()).hexdigest()[:16]


def _complete(report: Report, job: _Job) -> Report:
    from hashlib import sha256

    hashes = {"model": job.model.sha256, "text": sha256(job.text.encode()).hexdigest()}
    if job.baseline:
        hashes["baseline"] = job.baseline.sha256
    return replace(
        report,
        model=job.model.name,
        baseline=job.baseline.name if job.baseline else None,
        text=job.text_name,
        engine=engine_name(),
        hardware=hardware(job.threads),
        hashes=hashes,
    )
