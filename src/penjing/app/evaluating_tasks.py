"""Tasks: what a model can do, and what it lost of a baseline, question by question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
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
    from penjing.evaluation.tasks.measure import Answers
    from penjing.evaluation.tasks.outcome import TaskReport
    from penjing.evaluation.tasks.questions import Task

CONTEXT = 2048
"""Tokens that a question may fill; the beginning of a longer one is left out, and counted."""
ALL = "all"


@dataclass(frozen=True)
class _Job:
    """One evaluation, parsed."""

    tasks: tuple[Task, ...]
    whole: tuple[Task, ...]
    """The same with all their questions."""
    context: int
    seed: int
    threads: int | None


def evaluate_tasks(
    model: str | Path,
    tasks: Sequence[str],
    baseline: str | Path | None = None,
    *,
    limit: int | None = None,
    keep: Sequence[str] = (),
    context: int = CONTEXT,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    words: Callable[[str], str] | None = None,
) -> TaskReport:
    """Accuracy in tasks of the catalogue ("all" of them) or of files of JSON lines.

    `limit` questions of each are drawn by `seed`. With a `baseline` the same questions are asked of
    both: flips, McNemar's test, intervals. `keep`: floors such as "piqa>=-1.0pt". A run that was
    stopped goes on where it was. `words` asks for the passphrase of a sealed model.
    """
    from penjing.bundle.home import Home
    from penjing.evaluation.tasks.floors import judge, parse_floor, require_judgeable
    from penjing.evaluation.tasks.measure import outcome
    from penjing.evaluation.tasks.outcome import TaskReport

    home, heard = Home.from_environment(), progress or Silent()
    floors = tuple(parse_floor(one) for one in keep)
    read = _read(tasks, home, heard)
    typed = {task.name: name for name, task in read.items()}
    require_judgeable(floors, typed, baseline=baseline is not None)
    job = _job(list(read.values()), limit, context, seed, threads)
    with ExitStack() as written:
        ours = find_file(str(model), home, heard, written, words)
        theirs = None if baseline is None else find_file(str(baseline), home, heard, written, words)
        after, before = _ask_both(job, ours, theirs, home, heard)
    report = TaskReport(
        model=ours.name,
        baseline=theirs.name if theirs else None,
        outcomes=tuple(
            outcome(task, whole, after[task.name], before.get(task.name), seed=seed)
            for task, whole in zip(job.tasks, job.whole, strict=True)
        ),
        seed=seed,
        limit=limit,
        context=context,
        engine=engine_name(),
        hardware=hardware(threads),
        hashes={"model": ours.sha256} | ({"baseline": theirs.sha256} if theirs else {}),
    )
    return replace(report, floors=tuple(judge(floor, report) for floor in floors))


def _read(names: Sequence[str], home: Home, progress: Progress) -> dict[str, Task]:
    """The tasks by what was typed, downloaded where they are not here; BadInput where one is given
    twice.
    """
    from penjing.bundle.catalogue import catalogue_of
    from penjing.bundle.question_sets import pull_sets
    from penjing.bundle.resolve import find_questions
    from penjing.core.errors import BadInput
    from penjing.evaluation.tasks.sources import read_own, read_task

    known = catalogue_of(home).questions
    wanted = list(known) if list(names) == [ALL] else list(names)
    pull_sets([known[name] for name in wanted if name in known], home, progress)
    found: dict[str, Task] = {}
    for name in wanted:
        text = find_questions(name, home, progress=progress, download=True)
        if text.name in {task.name for task in found.values()}:
            raise BadInput(f"{name}: a task {text.name} is given twice: name it once")
        own = name not in known
        found[name] = read_own(text.name, text.text, name) if own else read_task(name, text.text)
    if not found:
        raise BadInput("no task is named: give --tasks piqa,openbookqa or --tasks all")
    return found


def _job(
    read: Sequence[Task], limit: int | None, context: int, seed: int, threads: int | None
) -> _Job:
    from penjing.evaluation.tasks.measure import some_of

    some = tuple(some_of(task, limit, seed) for task in read)
    return _Job(some, tuple(read), context, seed, threads)


def _ask_both(
    job: _Job, ours: ModelFile, theirs: ModelFile | None, home: Home, progress: Progress
) -> tuple[dict[str, Answers], dict[str, Answers]]:
    """One model in memory at a time; what is on disk is gone at the end, unless interrupted."""
    from penjing.evaluation.resumable_folder import slot

    kept: list[int] = []
    total = sum(len(task.questions) for task in job.tasks) * (2 if theirs else 1)
    with (
        resumable(lambda: f"{sum(kept)} of {total} questions" if kept else ""),
        slot(home.work / "evaluate", _key(job, ours, theirs)) as folder,
    ):
        after = _ask(job, "model", ours, folder, progress, kept=kept)
        before = _ask(job, "baseline", theirs, folder, progress, kept=kept) if theirs else {}
    return after, before


def _ask(
    job: _Job, role: str, model: ModelFile, folder: Path, progress: Progress, *, kept: list[int]
) -> dict[str, Answers]:
    """Every question of every task; the same file twice is asked twice. `kept` grows."""
    from penjing.engine.forks import Forks
    from penjing.engine.llamacpp import LlamaCpp
    from penjing.evaluation.tasks.measure import answer

    opened = LlamaCpp.open(model.path, context=job.context, threads=job.threads)
    identity = f"{role} {identity_of(model)}"
    with closing(opened), closing(Forks(opened)) as forks:
        return {
            task.name: answer(
                opened,
                forks,
                task,
                progress=progress,
                folder=folder,
                identity=identity,
                kept=kept.append,
            )
            for task in job.tasks
        }


def _key(job: _Job, ours: ModelFile, theirs: ModelFile | None) -> str:
    """Names the folder of half-done work."""
    from hashlib import sha256

    identities = [identity_of(each) for each in (ours, theirs) if each]
    plan = (identities, [task.sha256 for task in job.tasks], job.context)
    return sha256(repr(plan).encode()).hexdigest()[:16]
