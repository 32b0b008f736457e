"""What the passport says in words: numbers, the headline, the verdict and the limits.

The page and the terminal share these sentences, so that they never disagree. Plain text only:
escaping is the business of whoever shows it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from penjing.core.units import format_count, format_size
from penjing.workshop.pages.texts import decimal, sentence, significant
from penjing.workshop.report.reading import (
    Answer,
    Candidate,
    Measure,
    Passport,
    Training,
    number,
    text,
)

Standing = Literal["better", "unclear", "worse", "none"]

_NAMES = {
    "kld_mean": "Mean KLD",
    "kld_median": "KLD, median",
    "kld_p99": "KLD, 99th percentile",
    "kld_max": "KLD, worst position",
    "same_top": "Same-top",
    "perplexity": "Perplexity",
    "perplexity_ratio": "Perplexity ratio",
    "prob_delta_rms": "Probability change, RMS",
    "kld_mean_above_ours": "Mean KLD above this bundle's",
}
ABOVE_OURS = "kld_mean_above_ours"
"""A control's mean KLD minus this bundle's, position by position; only controls have it."""
_ROOM = 0.005
"""Two files are of one size when they differ by less than this share."""


@dataclass(frozen=True)
class Shown:
    """A number as it is written."""

    value: str
    """Such as "0.0301"."""
    interval: str
    """Such as "0.0281 to 0.0332"; empty where there is none."""


@dataclass(frozen=True)
class Verdict:
    """Whether the method beats its controls."""

    standing: Standing
    """The weakest of all comparisons; "none" without a control."""
    title: str
    """In one line."""
    sentences: tuple[str, ...]
    """One for each control."""


def metric_name(metric: str) -> str:
    """Name of a metric for people; an unknown one keeps its own."""
    return _NAMES.get(metric, metric.replace("_", " "))


def metric_order(metrics: Sequence[str]) -> list[str]:
    """Known metrics first, in a fixed order; `baseline_perplexity` has a column of its own."""
    known = [name for name in _NAMES if name in metrics]
    return known + [m for m in metrics if m not in _NAMES and m != "baseline_perplexity"]


def show(measure: Measure, digits: int | None = None) -> Shown:
    """Write a number with `digits` decimals, or to the precision that its interval supports."""
    low, high = measure.low, measure.high
    if is_share(measure):
        return _show_share(measure.value, low, high)
    digits = places(measure) if digits is None else digits
    interval = ""
    if low is not None and high is not None:
        interval = f"{decimal(low, digits)} to {decimal(high, digits)}"
    return Shown(decimal(measure.value, digits), interval)


def is_share(measure: Measure) -> bool:
    """Whether the number is a share of 1, written as a percentage."""
    return measure.metric == "same_top" or measure.unit == "share"


def places(measure: Measure) -> int:
    """Decimals worth writing: half the interval shows one digit from 3 on, two below.

    One more where the number itself would keep only one digit (a perplexity: two), because files
    measured on the same positions differ by less than the interval of each.
    """
    value, low, high = measure.value, measure.low, measure.high
    half = (high - low) / 2 if low is not None and high is not None else 0.0
    if 0 < half < math.inf:
        power = math.floor(math.log10(half))
        worth = max(0, -power if half >= 3 * 10.0**power else 1 - power)
        digits = 3 if measure.metric == "perplexity" else 2
        finite = value != 0 and math.isfinite(value)
        wanted = digits - 1 - math.floor(math.log10(abs(value))) if finite else worth
        return max(worth, min(wanted, worth + 1))
    if value == 0 or math.isinf(value):
        return 0 if math.isinf(value) else 1
    return max(0, 2 - math.floor(math.log10(abs(value))))


def headline(passport: Passport) -> str:
    """The whole result in one or two plain sentences."""
    first = f"{format_size(passport.ours.bytes or 0)}."
    if passport.baseline_bytes is not None:
        before, after = format_size(passport.baseline_bytes), format_size(passport.ours.bytes or 0)
        first = f"{before} became {after}." if before != after else f"{before} stayed {after}."
    same = passport.ours.measures.get("same_top")
    if same is None:
        return f"{first} How much it kept was not measured."
    shown = show(same)
    within = f" (95% interval {shown.interval.replace('%', '')})" if shown.interval else ""
    return (
        f"{first} On text it was not tuned on, it picks the same next token "
        f"{shown.value} of the time{within}."
    )


def verdict(passport: Passport) -> Verdict:
    """Compare this bundle with each control by mean KLD (or same-top where that is missing)."""
    if not passport.controls:
        return Verdict(
            "none",
            "No control was measured.",
            ("So this page cannot say whether the method is better than plain rounding.",),
        )
    pairs = [_compare(passport.ours, control) for control in passport.controls]
    worst = max(
        (standing for standing, _ in pairs), key=["better", "none", "unclear", "worse"].index
    )
    return Verdict(worst, _verdict_title(passport, pairs), tuple(words for _, words in pairs))


def limits(passport: Passport, answers: Sequence[Answer]) -> list[str]:
    """What was not measured, honestly, as this passport stands."""
    held, lines = passport.held_out, []
    tokens, windows = number(held, "tokens"), number(held, "windows")
    size = f"{tokens:,.0f} tokens" if tokens else "its length is not recorded"
    size += f" in {windows:.0f} windows" if windows else ""
    name = text(held, "name")
    lines.append(
        f"One held-out text was read{f' (“{name}”, {size})' if name else f' ({size})'}. Other "
        "subjects, other languages, code and conversations may fare better or worse."
    )
    lines.append(
        "All measures are automatic and say how close the file stays to the starting model. No "
        "person rated the answers; no task, reasoning, tool use or safety behaviour was tested."
    )
    note = sentence(passport.baseline_note)
    lines.append(
        "The starting model is the reference."
        + (f" {note} What it had lost before is not counted." if note else "")
    )
    lines.append(
        "The 95% intervals say how far the numbers would move with other passages of the same "
        "text. They do not cover another text, another seed or another calibration text."
    )
    context = number(held, "context")
    if context:
        lines.append(f"Contexts longer than {context:,.0f} tokens were not tested.")
    lines.append(
        "Speed and memory hold for the machine named below; energy and heat were not measured."
        if passport.runtime
        else "Speed and memory were not measured."
    )
    if answers:
        several = "answers are examples" if len(answers) > 1 else "answer is an example"
        lines.append(f"The {several}, not a measurement.")
    return lines


def facts(passport: Passport) -> str:
    """Size, effective bits and budget in one line."""
    words = []
    if passport.parameters:
        words.append(f"{format_count(passport.parameters)} parameters")
    if passport.effective_bits:
        words.append(f"{passport.effective_bits:.2f} effective bits")
    if passport.budget:
        share = (passport.ours.bytes or 0) / passport.budget
        budget = format_size(passport.budget)
        words.append(
            f"{share:.1%} of its {budget} budget" if share <= 1 else f"OVER its {budget} budget"
        )
    return ", ".join(words)


def training(passport: Passport) -> str:
    """What training gave, or that it gave nothing; empty where the method does not train."""
    found = passport.training
    if found is None:
        return ""
    read = f" ({found.tokens:,.0f} tokens)" if found.tokens else ""
    work = f"{found.steps:,.0f} steps{read}"
    if found.before is None or found.after is None:
        return f"Training was left out: it broke down in {work}."
    before, after = significant(found.before), significant(found.after)
    if found.helped:
        share = f" ({significant(found.after / found.before, 2)} times)"
        return (
            f"Training through the codecs helped: on text kept apart the mean KLD fell from "
            f"{before} to {after} nats{share} in {work}.{_by_domain(found)}"
        )
    return (
        f"Training was left out because it did not help: on text kept apart the mean KLD went "
        f"from {before} to {after} nats in {work}."
    )


def _by_domain(found: Training) -> str:
    """What it did to each kind of text, where there are several."""
    if len(found.domains) < 2:
        return ""
    parts = (
        f"{name} {significant(before)} to {significant(after)}"
        for name, (before, after) in found.domains.items()
    )
    return f" By kind of text: {', '.join(parts)}."


def machine(hardware: Mapping[str, Any]) -> str:
    """Processor, cores and memory in one line; what is not known is left out."""
    cores, ram = number(hardware, "cores"), number(hardware, "ram_bytes")
    parts = [text(hardware, "cpu")]
    parts.append(f"{cores:.0f} cores" if cores else "")
    parts.append(f"{format_size(ram)} RAM" if ram else "")
    return ", ".join(part for part in parts if part)


def _show_share(value: float, low: float | None, high: float | None) -> Shown:
    places = 1
    while places < 4 and value < 1 and f"{100 * value:.{places}f}".startswith("100"):
        places += 1
    interval = ""
    if low is not None and high is not None:
        interval = f"{100 * low:.{places}f} to {100 * high:.{places}f}%"
    return Shown(f"{100 * value:.{places}f}%", interval)


def _compare(ours: Candidate, control: Candidate) -> tuple[Standing, str]:
    metric = next(
        (m for m in ("kld_mean", "same_top") if m in ours.measures and m in control.measures), None
    )
    if metric is None:
        return "unclear", f"{control.name} was not measured on the same terms."
    a, b = ours.measures[metric], control.measures[metric]
    gain = b.value - a.value if metric == "kld_mean" else a.value - b.value
    sizes, relation = _sizes(ours, control)
    unit = " nats" if metric == "kld_mean" else ""
    name = "mean KLD" if metric == "kld_mean" else "same-top"
    digits = places(a)
    numbers = f"{name} {show(a, digits).value} against {show(b, digits).value}{unit}"
    if metric == "kld_mean" and b.value > 0 and math.isfinite(b.value):
        numbers += f" ({significant(a.value / b.value, 2)} times)"
    paired = control.measures.get(ABOVE_OURS) if metric == "kld_mean" else None
    apart, chance = _apart(a, b, paired)
    if gain > 0 and apart and relation in ("alike", "smaller"):
        return "better", f"Better than {control.name}: {numbers}, {sizes}. {chance}"
    if gain > 0 or apart is False:
        extra = " Part of the difference is size." if relation == "larger" else ""
        verb = f"Not clearly better than {control.name}"
        return "unclear", f"{verb}: {numbers}, {sizes}. {chance}{extra}"
    equal = "Equal to" if gain == 0 else "Worse than"
    extra = " The control is the larger file." if relation == "smaller" else ""
    return "worse", f"{equal} {control.name}: {numbers}, {sizes}. {chance}{extra}"


def _apart(a: Measure, b: Measure, paired: Measure | None) -> tuple[bool | None, str]:
    """Whether chance is excluded, and why: by the paired difference where there is one."""
    if paired is not None and paired.low is not None and paired.high is not None:
        apart, shown = paired.low > 0 or paired.high < 0, show(paired)
        says = f"Position by position the difference is {shown.value}"
        says += f" (95% interval {shown.interval})"
        return apart, f"{says}." if apart else f"{says}: chance is not excluded."
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return None, "No intervals were measured, so chance is not excluded."
    if a.high < b.low or b.high < a.low:
        return True, "The 95% intervals do not overlap."
    return False, "The 95% intervals overlap, so chance is not excluded."


def _sizes(ours: Candidate, control: Candidate) -> tuple[str, str]:
    """The two sizes in words, and how ours relates: alike, larger, smaller or unknown."""
    if not ours.bytes or not control.bytes:
        return "sizes unknown", "unknown"
    ratio = ours.bytes / control.bytes
    mine, theirs = format_size(ours.bytes), format_size(control.bytes)
    words = f"both {mine}" if mine == theirs else f"{mine} against {theirs}"
    if ratio > 1 + _ROOM:
        return words, "larger"
    return words, "smaller" if ratio < 1 - _ROOM else "alike"


def _verdict_title(passport: Passport, pairs: Sequence[tuple[Standing, str]]) -> str:
    names = [control.name for control in passport.controls]
    for standing, verb in (("worse", "does not beat"), ("unclear", "does not clearly beat")):
        losing = [name for name, pair in zip(names, pairs, strict=True) if pair[0] == standing]
        if losing:
            return f"The method {verb} {' or '.join(losing)}."
    if len(names) == 1:
        return f"The method beats its control, {names[0]}."
    return f"The method beats {'both' if len(names) == 2 else f'all {len(names)}'} of its controls."
