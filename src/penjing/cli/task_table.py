"""How scores of tasks and texts are shown: tables, and what so many questions cannot show."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from penjing.core.report import Measurement
    from penjing.evaluation.tasks.outcome import Change, FloorOutcome, TaskOutcome, TaskReport
    from penjing.evaluation.texts.measure import TextReport

_VERDICTS = {
    "broken": "BROKEN: it guesses wherever its baseline does not",
    "partly broken": "it guesses where its baseline does not: ",
    "guessing": "it guesses in every task: the file is broken, or the tasks are too hard for it",
    "too few": "too few questions to tell whether it guesses: ask more",
}


def draw(report: TaskReport, console: Console) -> None:
    """The whole page."""
    from rich.table import Table

    against = f" against {report.baseline}" if report.baseline else ""
    console.print(f"{report.model}{against}\n", style="bold", markup=False)
    table = Table(box=None, pad_edge=False)
    titles = ["task", "metric", "score", "95% interval", "guessing"]
    titles += ["baseline", "change", "95% interval", "lost", "won", "p"] if report.baseline else []
    for title in titles:
        left = title in ("task", "metric")
        table.add_column(title, justify="left" if left else "right", no_wrap=True)
    for outcome in report.outcomes:
        for measured in outcome.score.measurements:
            table.add_row(*_row(outcome, measured))
    console.print(table)
    console.print()
    for line in _notes(report):
        console.print(line, style="dim", markup=False)
    for floor in report.floors:
        console.print(_floor(floor), style="" if floor.held else "bold", markup=False)
    if report.verdict in _VERDICTS:
        names = ", ".join(report.broken) if report.verdict == "partly broken" else ""
        console.print(_VERDICTS[report.verdict] + names, style="bold", markup=False)


def draw_texts(report: TextReport, console: Console) -> None:
    """What texts are like."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("metric", "value", "95% interval", "control"):
        table.add_column(title, justify="left" if title == "metric" else "right", no_wrap=True)
    control = {one.metric: one for one in report.control}
    for one in report.measurements:
        scale = 100 if one.unit == "share" else 1
        known = one.low is not None and one.high is not None
        ends = f"{scale * (one.low or 0):.1f} to {scale * (one.high or 0):.1f}" if known else ""
        other = _text_number(control[one.metric]) if one.metric in control else ""
        percent = "%" * (scale > 1 and not math.isnan(one.value))
        table.add_row(one.metric, _text_number(one) + percent, ends, other)
    console.print(table)
    against = f" against {report.references}" if report.references else ""
    lines = f"{report.n} line{'s' * (report.n != 1)}"
    console.print(
        f"\n{lines} of {report.texts}{against}; words by rule {report.rule}",
        style="dim",
        markup=False,
    )


def _text_number(one: Measurement) -> str:
    """Blank where there was nothing to count."""
    return "" if math.isnan(one.value) else f"{(100 if one.unit == 'share' else 1) * one.value:.1f}"


def _row(outcome: TaskOutcome, measured: Measurement) -> Iterator[str]:
    yield outcome.task
    yield measured.metric
    yield f"{100 * measured.value:.1f}%"
    yield _interval(measured.low, measured.high, "%")
    yield "" if outcome.chance is None else f"{100 * outcome.chance:.1f}%"
    if outcome.baseline:
        change = outcome.find(measured.metric)
        yield f"{100 * outcome.baseline.find(measured.metric).value:.1f}%"
        yield f"{100 * change.difference:+.1f}pt"
        yield _interval(change.low, change.high, "pt")
        yield str(change.lost)
        yield str(change.won)
        yield f"{change.p:.3f}"


def _interval(low: float | None, high: float | None, unit: str) -> str:
    sign = "+" if unit == "pt" else ""
    ends = ["?" if end is None else f"{100 * end:{sign}.1f}" for end in (low, high)]
    return f"{ends[0]} to {ends[1]}"


def _notes(report: TaskReport) -> Iterator[str]:
    for one in report.outcomes:
        asked = f"{one.task}: {one.n} of {one.of} questions"
        blind = (
            f"; {one.blind_rule} is right {100 * one.blind:.1f}%"
            if one.blind is not None and one.chance is not None and one.blind > one.chance
            else ""
        )
        cut = f"; {one.score.cut} cut at {report.context} tokens" if one.score.cut else ""
        skipped = f"; {one.skipped} unreadable" if one.skipped else ""
        smallest = max((each.smallest_difference for each in one.changes), default=None)
        shows = f"; can show {_points(one.changes)}" if smallest is not None else ""
        yield asked + blind + cut + skipped + shows
    yield f"{report.engine}; {report.hardware['processor']}, {report.hardware['threads']} threads"


def _points(changes: tuple[Change, ...]) -> str:
    ends = " / ".join(f"{100 * one.smallest_difference:.1f}" for one in changes)
    return f"a difference of {ends} points or more"


def _floor(floor: FloorOutcome) -> str:
    score = floor.of == "score"
    value = f"{100 * floor.value:.1f}%" if score else f"{100 * floor.value:+.1f}pt"
    if not floor.held:
        return f"missed: {floor.floor} ({floor.metric} {value})"
    sure = "" if floor.shown else ", but so few questions cannot show it"
    return f"kept: {floor.floor} ({floor.metric} {value}{sure})"
