"""Accuracy of a model in a task: all questions asked in chunks that survive a kill, then scored.

32 questions are one row of an append log; a run that was stopped goes on with the next row. Memory
holds one chunk's tokens and a few numbers for each question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from penjing.core.continuations import Continuer
from penjing.core.progress import Progress, Silent
from penjing.core.protocols import LanguageModel
from penjing.core.report import Measurement
from penjing.evaluation import statistics
from penjing.evaluation.append_log import Ledger, Signature, fingerprint, refill
from penjing.evaluation.tasks import chance as chances
from penjing.evaluation.tasks.answers import exact_match, f1
from penjing.evaluation.tasks.likelihood import fork_of, log_likelihoods
from penjing.evaluation.tasks.mcnemar import Flips, difference, flips, smallest_mean
from penjing.evaluation.tasks.outcome import Change, Score, TaskOutcome
from penjing.evaluation.tasks.questions import Question, Task

Doubles = npt.NDArray[np.float64]
CHUNK = 32
WRITTEN = 48
"""Tokens of a written answer, which ends with its line."""


@dataclass(frozen=True)
class Answers:
    """What one model answered."""

    scores: dict[str, Doubles]
    """By metric, a number from 0 to 1 for each question."""
    cut: int
    """Questions whose beginning did not fit."""


def some_of(task: Task, limit: int | None, seed: int) -> Task:
    """At most `limit` questions of a task, drawn at random, in their order."""
    if limit is None or limit >= len(task.questions):
        return task
    drawn = np.random.default_rng(seed).choice(len(task.questions), limit, replace=False)
    return replace(task, questions=tuple(task.questions[i] for i in sorted(drawn.tolist())))


def answer(
    model: LanguageModel,
    continuer: Continuer,
    task: Task,
    *,
    progress: Progress | None = None,
    folder: Path | None = None,
    identity: str = "",
    kept: Callable[[int], None] = lambda _: None,
) -> Answers:
    """Ask every question. With a `folder` and the model's `identity` a stopped run goes on.

    `kept` is told how many more questions would survive a stop.
    """
    width = 1 + max((len(one.choices) for one in task.questions), default=0)
    width = width if task.chooses else 3
    chunks = -(-len(task.questions) // CHUNK)
    table = np.full((chunks, CHUNK, width), np.nan)
    ledger = _ledger(folder, identity, task, continuer, table) if folder and identity else None
    done = refill(table, ledger)
    before = min(done * CHUNK, len(task.questions))
    left = len(task.questions) - before
    label, heard = f"{task.name} with {model.name}", progress or Silent()
    if before:
        kept(before)
        heard.note(f"{label}: {before} of {len(task.questions)} questions are answered already")
    with heard.task(label, left, unit="questions") as bar:
        for chunk in range(done, chunks):
            some = task.questions[chunk * CHUNK : (chunk + 1) * CHUNK]
            ask = _choose if task.chooses else _write
            for at, row in enumerate(ask(model, continuer, some)):
                table[chunk, at, : len(row)] = row
            if ledger:
                ledger.append([table[chunk]])
                kept(len(some))
            bar.advance(len(some))
    rows = table.reshape(-1, width)[: len(task.questions)]
    return Answers(_scores(task, rows[:, 1:]), int(rows[:, 0].sum()))


def _choose(
    model: LanguageModel, continuer: Continuer, questions: Sequence[Question]
) -> Iterator[list[float]]:
    """Of each question whether it was cut, and the log-likelihoods of its choices."""
    pairs = [fork_of(model, one.prompt, one.choices, continuer.longest) for one in questions]
    found = log_likelihoods(continuer, [fork for fork, _ in pairs])
    for (_, cut), each in zip(pairs, found, strict=True):
        yield [float(cut), *each.sums.tolist()]


def _write(
    model: LanguageModel, continuer: Continuer, questions: Sequence[Question]
) -> Iterator[list[float]]:
    """Of each question whether it was cut, exact match and F1."""
    room = continuer.longest - WRITTEN
    prompts = [model.tokenize(one.prompt) for one in questions]
    written = continuer.write([tokens[-room:] for tokens in prompts], WRITTEN)
    for question, tokens, prompt in zip(questions, written, prompts, strict=True):
        said = model.detokenize(tokens).strip().partition("\n")[0]
        right = exact_match(said, question.references), f1(said, question.references)
        yield [float(len(prompt) > room), *map(float, right)]


def _scores(task: Task, rows: Doubles) -> dict[str, Doubles]:
    if not task.chooses:
        return {"exact_match": rows[:, 0], "f1": rows[:, 1]}
    gold = np.array([one.gold for one in task.questions])
    lengths = np.full(rows.shape, np.nan)
    for at, one in enumerate(task.questions):
        lengths[at, : len(one.choices)] = [len(choice) for choice in one.choices]
    found = {"acc": np.nanargmax(rows, axis=1) == gold}
    if "acc_norm" in task.metrics:
        found["acc_norm"] = np.nanargmax(rows / lengths, axis=1) == gold
    return {metric: right.astype(np.float64) for metric, right in found.items()}


def _ledger(
    folder: Path, identity: str, task: Task, continuer: Continuer, table: Doubles
) -> Ledger:
    signature: Signature = {
        "kind": f"answers to {task.name}",
        "identity": identity,
        "questions": task.sha256,
        "context": continuer.longest,
    }
    name = f"{task.name}-{fingerprint(identity.encode())[:12]}"
    row_bytes = table[0].nbytes if len(table) else 8
    return Ledger(folder / name, signature, row_bytes=row_bytes, rows=len(table))


def outcome(
    task: Task, whole: Task, after: Answers, before: Answers | None, *, seed: int
) -> TaskOutcome:
    """What a task showed of a model, beside a baseline where there is one.

    Chance is that of the `whole` task: of few questions some place is always the commonest.
    """
    chance = chances.chance_of(whole.questions) if whole.chooses else None
    level = chance.level if chance else None
    return TaskOutcome(
        task=task.name,
        n=len(task.questions),
        of=len(whole.questions),
        score=_score(after, level, seed, before),
        baseline=_score(before, level, seed) if before else None,
        changes=tuple(_change(m, before, after, seed) for m in task.metrics) if before else (),
        chance=level,
        blind=chance.blind if chance else None,
        blind_rule=chance.rule if chance else "",
        template=task.template,
        version=task.version,
        skipped=task.skipped,
        sha256=task.sha256,
    )


def _score(
    answers: Answers, level: float | None, seed: int, baseline: Answers | None = None
) -> Score:
    measurements = []
    for metric, values in answers.scores.items():
        found = (
            statistics.mean(values[:, None], seed=seed, floor=0.0, ceiling=1.0)
            if metric == "f1"
            else statistics.share(values[:, None])
        )
        measurements.append(
            Measurement(metric, found.value, found.low, found.high, len(values), "share")
        )
    above, guessing = None, False
    if level is not None:
        right = [int(values.sum()) for values in answers.scores.values()]
        above = chances.beats(right, measurements[0].n, level)
        highs = [one.high for one in measurements]
        known = baseline.scores if baseline else {}
        leads = [float(known[m].mean()) - level if m in known else 0.0 for m in answers.scores]
        guessing = not above and chances.near(highs, level, leads)
    return Score(tuple(measurements), above, guessing, answers.cut)


def _change(metric: str, before: Answers, after: Answers, seed: int) -> Change:
    was, now = before.scores[metric], after.scores[metric]
    found, method = difference(was, now, seed=seed)
    moved = flips(was > 0.5, now > 0.5)
    smallest = moved.smallest_difference
    if metric == "f1":
        moved = Flips(len(was), int((now < was).sum()), int((now > was).sum()))
        smallest = smallest_mean(now - was)
    return Change(
        metric=metric,
        difference=found.value,
        low=found.low,
        high=found.high,
        method=method,
        lost=moved.lost,
        won=moved.won,
        p=moved.p,
        smallest_difference=smallest,
    )
