"""Scores of tasks, and what changed from a baseline: values, and how they are written as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from penjing.core.report import Measurement


@dataclass(frozen=True)
class Score:
    """What one model reached in one task."""

    measurements: tuple[Measurement, ...]
    """acc and acc_norm, or exact_match and f1: shares, over questions."""
    above_chance: bool | None
    """Whether it knows more than a file that guesses; None where guessing gets nothing right."""
    guesses: bool
    """Whether the questions suffice to show that it guesses."""
    cut: int
    """Questions whose beginning was left out because they are longer than the context."""

    @property
    def undecided(self) -> bool:
        """Whether there are too few questions to tell if it guesses."""
        return self.above_chance is False and not self.guesses

    def find(self, metric: str) -> Measurement:
        """The measurement of that name. Raises KeyError."""
        return {one.metric: one for one in self.measurements}[metric]


@dataclass(frozen=True)
class Change:
    """One metric of a model beside its baseline's, over the same questions."""

    metric: str
    """Which."""
    difference: float
    """Model minus baseline, a share: -0.01 is one point less."""
    low: float | None
    """Lower end of its 95% interval."""
    high: float | None
    """Upper end."""
    method: str
    """How the interval was found."""
    lost: int
    """Questions right before and wrong after; of F1, that got worse."""
    won: int
    """Questions wrong before and right after; of F1, that got better."""
    p: float
    """McNemar's exact test; of F1, the sign test."""
    smallest_difference: float
    """What this many questions would find with a chance of 80%."""


@dataclass(frozen=True)
class TaskOutcome:
    """A task, and what it showed."""

    task: str
    """Its name."""
    n: int
    """Questions asked."""
    of: int
    """Questions it has."""
    score: Score
    """The model's."""
    baseline: Score | None
    """The baseline's."""
    changes: tuple[Change, ...]
    """What changed, a metric each; empty without a baseline."""
    chance: float | None
    """Share that guessing gets right; None where an answer is written."""
    blind: float | None
    """Share that the best rule gets right that never reads the question."""
    blind_rule: str
    """Which rule that is."""
    template: str
    """How questions were asked."""
    version: str
    """Of the template, in lm-evaluation-harness; empty: our own."""
    skipped: int
    """Questions of the source that could not be read."""
    sha256: str
    """Of all that was asked, word for word."""

    def find(self, metric: str) -> Change:
        """The change of that metric. Raises KeyError."""
        return {one.metric: one for one in self.changes}[metric]


@dataclass(frozen=True)
class FloorOutcome:
    """What must be kept, and whether it was."""

    floor: str
    """As it was written."""
    metric: str
    """Which metric."""
    of: str
    """What of it: the "score", or the "difference" to the baseline."""
    value: float
    """What was measured, a share."""
    low: float | None
    """Lower end of its 95% interval."""
    least: float
    """What it must not be below."""
    held: bool
    """Whether the value is not below it."""
    shown: bool
    """Whether the whole interval is not."""


@dataclass(frozen=True)
class TaskReport:
    """What a model can do, and perhaps what it lost."""

    model: str
    """The model."""
    baseline: str | None
    """What it was compared with."""
    outcomes: tuple[TaskOutcome, ...]
    """A task each."""
    seed: int
    """Of the choice of questions and of the intervals."""
    limit: int | None
    """Questions asked of each task at most."""
    context: int
    """Tokens that a question may fill."""
    floors: tuple[FloorOutcome, ...] = ()
    """What had to be kept."""
    engine: str = ""
    """The runtime that computed the logits."""
    hardware: Mapping[str, Any] = field(default_factory=dict)
    """The machine, as plain facts."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """sha256 of the model files."""

    @property
    def broken(self) -> tuple[str, ...]:
        """Tasks where it guesses and its baseline does not; without one, where it guesses."""
        return tuple(
            one.task
            for one in self.outcomes
            if one.score.guesses and (one.baseline is None or one.baseline.above_chance)
        )

    @property
    def verdict(self) -> str:
        """One of "broken" (it guesses in every task), "partly broken", "able", "too few" and
        "not known": the questions do not suffice, or every task is too hard for the baseline.

        Without a baseline a task may just be too hard: then "guessing" instead of "broken".
        """
        judged = [
            one
            for one in self.outcomes
            if one.score.above_chance is not None
            and (one.baseline is None or one.baseline.above_chance)
        ]
        if judged and len(self.broken) == len(judged):
            return "guessing" if self.baseline is None else "broken"
        if self.broken and self.baseline is not None:
            return "partly broken"
        if any(one.score.above_chance for one in judged):
            return "able"
        asked = [each for one in self.outcomes for each in (one.score, one.baseline) if each]
        return "too few" if any(one.undecided for one in asked) else "not known"

    @property
    def held(self) -> bool:
        """Whether every floor holds and the model is not broken."""
        return all(one.held for one in self.floors) and self.verdict != "broken"

    def find(self, task: str) -> TaskOutcome:
        """The outcome of that task. Raises KeyError."""
        return {one.task: one for one in self.outcomes}[task]

    def document(self) -> dict[str, Any]:
        """The report as plain data for JSON."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        plain["outcomes"] = [asdict(one) for one in self.outcomes]
        plain["floors"] = [asdict(one) for one in self.floors]
        plain["hardware"], plain["hashes"] = dict(self.hardware), dict(self.hashes)
        return {**plain, "verdict": self.verdict, "broken": list(self.broken)}
