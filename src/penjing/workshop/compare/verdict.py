"""Does a method beat its controls? Standings and sentences; the comparison of two files is the
passport's own (`report/words.py`), so that no command calls a gain what another calls chance.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from penjing.core.report import Measurement
from penjing.core.units import format_size
from penjing.workshop.compare.outcome import Beside, Comparison, Lead, Result, Row
from penjing.workshop.report.reading import Measure, read_passport
from penjing.workshop.report.words import Standing, show
from penjing.workshop.report.words import verdict as passport_verdict

_SMALLEST = re.compile(r"smallest\D*?([\d.,]+ [kMGT]?B)\b")
_STRENGTH: Sequence[Standing] = ("none", "better", "unclear", "worse")
_NAMED = 3
"""Files the headline names; the table has all."""


@dataclass(frozen=True)
class Finding:
    """A method against one control."""

    control: str
    """Its name."""
    standing: Standing
    """better, unclear, worse; none where there is nothing to compare."""
    phrase: str
    """What follows the method's name in the table."""
    sentence: str
    """The whole of it, with numbers."""


@dataclass(frozen=True)
class Judgement:
    """A method at a size against all its controls."""

    standing: Standing
    """The weakest of all comparisons."""
    words: str
    """In a line of the table."""
    findings: tuple[Finding, ...]
    """One for each control."""


def judge(row: Row) -> Judgement:
    """What the table says of a method at a size."""
    if row.result.impossible:
        return Judgement("none", not_possible(row.result), ())
    findings = tuple(_find(row.result, beside) for beside in row.controls)
    standings: list[Standing] = ["none", *(f.standing for f in findings)]
    weakest = max(standings, key=_STRENGTH.index)
    return Judgement(weakest, _words(findings), findings)


def not_possible(result: Result) -> str:
    """Why there is no file: the smallest one possible where that is known."""
    if found := _SMALLEST.search(result.impossible):
        return f"not possible, smallest is {found[1]}"
    return f"not possible: {result.impossible}"


def measure(item: Measurement) -> Measure:
    """A measurement as the report's words take it."""
    return Measure(item.metric, item.value, item.low, item.high, item.n, item.unit)


def lead_sentence(lead: Lead) -> str:
    """Which method kept most at a size, how far the others lie above it, and what is chance."""
    first = lead.first
    kld = show(measure(first.find("kld_mean"))).value
    says = [_distance(first, other, above) for other, above in lead.others]
    return (
        f"At {format_size(lead.size)}, of the methods {first.method} has the smallest mean KLD, "
        f"{kld} nats. {'; '.join(says)}."
    )


def _distance(first: Result, other: Result, above: Measurement) -> str:
    if other.sha256 == first.sha256:
        return f"{other.method} is the very same file"
    shown = show(measure(above))
    interval = f" (95% interval {shown.interval})" if shown.interval else ""
    sure = above.low is not None and above.low > 0
    chance = "" if sure else ", which may be chance"
    return f"{other.method} lies {shown.value} above it{interval}{chance}"


def headline(found: Comparison) -> str:
    """The whole result in a sentence or two."""
    judged = [(row, judge(row)) for row in found.rows]
    tried = [(row, j) for row, j in judged if j.findings and j.standing != "none"]
    if not tried:
        return "No method could be compared with a control."
    losing = [row for row, j in tried if j.standing != "better"]
    count, won = len(tried), len(tried) - len(losing)
    if count == 1:
        return f"The only file {'beats' if won else 'does not beat'} all of its controls."
    if won in (0, count):
        says = "All {} files beat" if won else "None of {} files beats"
        return f"{says.format(count)} all of {'their' if won else 'its'} controls."
    names = [f"{row.method.name} at {format_size(row.size)}" for row in losing[:_NAMED]]
    if len(losing) > _NAMED:
        names.append(f"{len(losing) - _NAMED} more")
    return (
        f"{won} of {count} files {'beats all of its' if won == 1 else 'beat all of their'} "
        f"controls; {_listed(names, 'and')} {'does' if len(losing) == 1 else 'do'} not."
    )


def _find(ours: Result, beside: Beside) -> Finding:
    name = beside.control.name
    if beside.result.impossible:
        why = not_possible(beside.result)
        return Finding(name, "none", f"{name} not possible", f"No control {name}: {why}.")
    if beside.same_file(ours):
        return Finding(
            name,
            "none",
            f"same file as {name}",
            f"The control {name} comes out as the very same file, so it tells nothing.",
        )
    verdict = passport_verdict(read_passport(_pair(ours, beside)))
    verb = {"better": "beats", "worse": "does not beat"}.get(
        verdict.standing, "does not clearly beat"
    )
    return Finding(name, verdict.standing, f"{verb} {name}", verdict.sentences[0])


def _pair(ours: Result, beside: Beside) -> dict[str, Any]:
    """The method and one control as a passport has them."""
    rows = [*beside.result.measurements, *([beside.above] if beside.above else [])]
    control = {
        "name": beside.control.name,
        "bytes": beside.result.bytes,
        "measurements": [asdict(row) for row in rows],
    }
    return {
        "file": {"name": ours.method, "bytes": ours.bytes},
        "measurements": [asdict(m) for m in ours.measurements],
        "controls": [control],
    }


def _words(findings: Sequence[Finding]) -> str:
    """ "beats plain, shuffled and inverted"; what is lost comes first."""
    parts = []
    for standing, verb in (
        ("worse", "does not beat"),
        ("unclear", "does not clearly beat"),
        ("better", "beats"),
    ):
        names = [f.control for f in findings if f.standing == standing]
        if names:
            parts.append(f"{verb} {_listed(names, 'and' if standing == 'better' else 'or')}")
    missing = [f.phrase for f in findings if f.standing == "none"]
    return "; ".join([*parts, *missing] if parts else ["no control", *missing])


def _listed(names: Sequence[str], word: str) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"
