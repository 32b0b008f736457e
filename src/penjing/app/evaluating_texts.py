"""Texts that were written, a line each: how near they are to references and how varied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penjing.core.errors import BadInput
from penjing.core.progress import Progress, Silent

if TYPE_CHECKING:
    from pathlib import Path

    from penjing.evaluation.texts.measure import TextReport
    from penjing.evaluation.texts.words import Rule

CONTEXT = 1024
"""Tokens of one text that fluency reads."""
MOST_LINES = 20_000
LEAST_QUESTIONS = 4
"""Below this there are no other questions to hold an answer against."""
MOST_CHARACTERS = 20_000
"""Of one line."""


def evaluate_texts(
    texts: Path,
    references: Path | None = None,
    *,
    questions: Path | None = None,
    under: str | None = None,
    rule: Rule | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> TextReport:
    """BLEU, chrF, ROUGE against `references` (a line for each line), distinct-n, self-BLEU and
    repetition; relevance to `questions` (a line each); fluency `under` a model.

    `rule` parts words; by default `zh` where most letters are Chinese.
    """
    from penjing.evaluation.texts.measure import measure_texts
    from penjing.evaluation.texts.words import rule_for

    heard, lines = progress or Silent(), _lines(texts)
    wanted = None if references is None else _beside(texts, lines, references)
    asked = None if questions is None else _beside(texts, lines, questions)
    report = measure_texts(
        texts.name,
        lines,
        references.name if references else None,
        wanted,
        rule or rule_for(wanted or lines),
        seed=seed,
    )
    if asked is not None:
        report = _with_relevance(report, lines, asked, heard)
    return report if under is None else _with_fluency(report, lines, under, threads, heard)


def _with_relevance(
    report: TextReport, lines: list[str], questions: list[str], progress: Progress
) -> TextReport:
    from contextlib import closing

    from penjing.app.embedder import open_embedder
    from penjing.evaluation.texts.nearness import relevance

    if len(lines) < LEAST_QUESTIONS:
        raise BadInput(f"relevance needs at least {LEAST_QUESTIONS} lines: give more")
    with closing(open_embedder(progress)) as embedder:
        found, control = relevance(embedder, lines, questions, seed=report.seed)
        return report.with_more(found, control, embedder=embedder.name)


def _with_fluency(
    report: TextReport, lines: list[str], under: str, threads: int | None, progress: Progress
) -> TextReport:
    from contextlib import ExitStack, closing

    from penjing.app.model_files import find_file
    from penjing.bundle.home import Home
    from penjing.engine.forks import Forks
    from penjing.engine.llamacpp import LlamaCpp
    from penjing.evaluation.texts.fluency import fluency

    with ExitStack() as stack:
        file = find_file(under, Home.from_environment(), progress, stack, None)
        model = stack.enter_context(
            closing(LlamaCpp.open(file.path, context=CONTEXT, threads=threads))
        )
        forks = stack.enter_context(closing(Forks(model)))
        found = fluency(model, forks, lines, seed=report.seed, progress=progress)
        if found is None:
            raise BadInput("no line has two tokens: give texts with some words in them")
        return report.with_more(found[:1], found[1:], under=file.name)


def _beside(texts: Path, lines: list[str], path: Path) -> list[str]:
    """The lines of another file, as many."""
    others = _lines(path)
    if len(others) != len(lines):
        ours = f"{len(lines)} line{'s' * (len(lines) != 1)}"
        raise BadInput(
            f"{texts.name} has {ours} and {path} has {len(others)}: "
            "write one a line, in the same order"
        )
    return others


def _lines(path: Path) -> list[str]:
    from penjing.core.files import read_text

    lines = read_text(path, limit=2**26).removesuffix("\n").split("\n")
    if len(lines) > MOST_LINES or max(map(len, lines)) > MOST_CHARACTERS:
        raise BadInput(
            f"{path}: at most {MOST_LINES} lines of {MOST_CHARACTERS} characters are read: "
            "give fewer or shorter ones"
        )
    return lines
