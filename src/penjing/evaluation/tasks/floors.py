"""Floors: what must be kept of a task, as `piqa>=-1.0pt`, and whether it was.

In points (pt) a floor is of the difference to the baseline; in percent (%) of the score itself. It
is missed when the measured value lies below it. Where the value holds and its interval does not,
that is said: so many questions cannot show it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from penjing.core.errors import BadInput, UnknownName
from penjing.evaluation.tasks.outcome import FloorOutcome, TaskOutcome, TaskReport

METRICS = ("acc", "acc_norm", "exact_match", "f1")
_FLOOR = re.compile(
    r"\s*([A-Za-z0-9][\w-]*)(?:\.(\w+))?\s*>=\s*([+-]?\d{1,4}(?:\.\d{1,4})?)\s*(pt|%)\s*", re.ASCII
)


@dataclass(frozen=True)
class Floor:
    """One condition."""

    text: str
    """As it was written."""
    task: str
    """Of which task."""
    metric: str
    """Of which metric; empty: the task's last one, acc_norm or f1 where it has it."""
    least: float
    """A share."""
    of: Literal["difference", "score"]
    """What must not be below it."""


def parse_floor(text: str) -> Floor:
    """`TASK[.METRIC]>=NUMBERpt` or `...%`; BadInput says how it is written."""
    found = _FLOOR.fullmatch(text)
    if not found:
        raise BadInput(
            f"'{text[:60]}' is no floor: write 'piqa>=-1.0pt' (points against the baseline) "
            "or 'piqa>=60%' (the score)"
        )
    task, metric, number, unit = found.groups()
    if metric and metric not in METRICS:
        raise UnknownName("metric", metric, METRICS)
    least = -100 if unit == "pt" else 0
    if not least <= float(number) <= 100:
        raise BadInput(f"'{text[:60]}' cannot be judged: write {least} to 100{unit}")
    return Floor(
        text.strip(), task, metric or "", float(number) / 100,
        "difference" if unit == "pt" else "score",
    )  # fmt: skip


def require_judgeable(
    floors: tuple[Floor, ...], tasks: Mapping[str, str], *, baseline: bool
) -> None:
    """BadInput before any work, where a floor could not be judged at its end.

    `tasks`: their names, and as what each was typed.
    """
    for floor in floors:
        if floor.task not in tasks:
            typed = ",".join([*tasks.values(), floor.task])
            raise BadInput(f"'{floor.text}' needs its task: --tasks {typed}")
        if floor.of == "difference" and not baseline:
            raise BadInput(f"'{floor.text}' compares with a baseline: give --baseline MODEL")


def judge(floor: Floor, report: TaskReport) -> FloorOutcome:
    """Whether a floor holds. UnknownName where the task has no such metric."""
    outcome = report.find(floor.task)
    metric = floor.metric or outcome.score.measurements[-1].metric
    value, low = _measured(floor, outcome, metric)
    return FloorOutcome(
        floor=floor.text,
        metric=metric,
        of=floor.of,
        value=value,
        low=low,
        least=floor.least,
        held=value >= floor.least,
        shown=low is not None and low >= floor.least,
    )


def _measured(floor: Floor, outcome: TaskOutcome, metric: str) -> tuple[float, float | None]:
    known = [one.metric for one in outcome.score.measurements]
    if metric not in known:
        raise UnknownName(f"metric of {floor.task}", metric, known)
    if floor.of == "score":
        measured = outcome.score.find(metric)
        return measured.value, measured.low
    change = outcome.find(metric)
    return change.difference, change.low
