"""The table, line by line: terminal, Markdown and page show the same cells and words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from penjing.core.units import format_duration, format_size
from penjing.engine.speed import Speed
from penjing.workshop.compare.order import ROUNDS
from penjing.workshop.compare.outcome import Beside, Comparison, Result, Row
from penjing.workshop.compare.verdict import judge, measure, not_possible
from penjing.workshop.pages.texts import significant
from penjing.workshop.report.words import Shown, Standing, machine, show

COLUMNS = (
    "file",
    "size",
    "mean KLD, nats",
    "same-top",
    "writes, tok/s",
    "does it beat its controls?",
)
"""Titles; a control's last cell says how far it lies above its method."""


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    kind: Literal["size", "method", "control"]
    """A heading, a method, or a control below its method."""
    name: str
    """The size that was asked for, or the name of the method or control."""
    size: str = ""
    """Of the file."""
    kld: Shown | None = None
    """Mean KLD and its interval; None where there is no file."""
    same_top: Shown | None = None
    """Share of positions with the same likeliest token."""
    decode: str = ""
    """Tokens written per second."""
    words: str = ""
    """The verdict; of a control, its distance from the method."""
    standing: Standing = "none"
    """How the verdict is coloured."""


def lines(found: Comparison) -> Iterator[Line]:
    """Every size, below it every method, below that its controls."""
    for size in found.sizes:
        yield Line("size", f"at most {format_size(size)}")
        for row in found.rows:
            if row.size == size:
                yield from _method(row, found.speeds)


def notes(found: Comparison) -> list[tuple[str, str]]:
    """Name and description of everything in the table."""
    return [(method.name, method.description) for method in found.methods]


def sentences(found: Comparison) -> list[tuple[str, list[str]]]:
    """For each method at a size: its name, and a sentence for each of its controls."""
    out = []
    for row in found.rows:
        findings = judge(row).findings
        if findings:
            title = f"{row.method.name} at {format_size(row.size)}"
            out.append((title, [finding.sentence for finding in findings]))
    return out


def limits(found: Comparison) -> list[str]:
    """What the comparison does not say."""
    setting, held = found.setting, found.setting.held_out
    tests = sum(len(row.controls) for row in found.rows)
    said = [
        f"One held-out text was read (“{held['name']}”, {held['tokens']:,} positions in "
        f"{held['windows']} windows of {held['context']} tokens). Other subjects, languages, code "
        "and conversations may fare better or worse.",
        "All measures are automatic and say how close a file stays to the starting model. "
        "What that had lost before is not counted.",
        f"Every method ran once, with seed {setting.seed} and effort {setting.effort}: how much "
        "another seed or another calibration text would change was not measured.",
        f"Speed and memory hold for this machine and {setting.threads} threads: the median of "
        f"{ROUNDS} runs, all files in turn. No interval was computed for them.",
    ]
    if any(row.result.counted for row in found.rows):
        said.append(
            "Sizes that are counted are what packed codes and their parameters would take: no "
            "engine reads the textbook's formats. Their weights were measured as they come back, "
            "in a 16-bit file, and their speed was not."
        )
    if tests > 1:
        chance = f"about {tests / 40:.1f}" if tests >= 40 else "fewer than one"
        said.insert(
            2,
            f"Each of the {tests} comparisons has a 95% interval of its own: if no method did "
            f"anything, {chance} of them would still be expected to look like a gain.",
        )
    return said


def facts(found: Comparison) -> list[tuple[str, str]]:
    """Name and value of everything needed to take the numbers again."""
    setting, start = found.setting, found.start
    part = ", the last part of interrupted work" if setting.resumed else ""
    text = setting.text_sha256
    return [
        ("Starting model", f"{start.name}, {format_size(start.bytes)}"),
        ("Its sha256", start.sha256),
        ("Held-out text", f"{setting.held_out['name']}, sha256 {setting.held_out['sha256']}"),
        ("Calibration text", f"given, sha256 {text}" if text else "written by the model itself"),
        ("Effort and seed", f"{setting.effort}, {setting.seed}"),
        (
            "Machine",
            f"{machine(setting.hardware)}; {setting.threads} threads",
        ),
        ("Date", setting.created),
        ("Time taken", format_duration(setting.seconds) + part),
        ("Most memory", format_size(setting.peak_bytes)),
        (
            "Model files",
            "kept in the folder files"
            if setting.kept_files
            else "removed after they were measured",
        ),
    ]


def _method(row: Row, speeds: Mapping[str, Speed]) -> Iterator[Line]:
    judgement = judge(row)
    yield _line("method", row.result, speeds, judgement.words, judgement.standing)
    for beside, finding in zip(row.controls, judgement.findings, strict=True):
        words = _above(beside, row.result)
        yield _line("control", beside.result, speeds, words, finding.standing)


def _line(
    kind: Literal["method", "control"],
    result: Result,
    speeds: Mapping[str, Speed],
    words: str,
    standing: Standing,
) -> Line:
    if result.impossible:
        return Line(kind, result.method, words=words, standing=standing)
    return Line(
        kind=kind,
        name=result.method,
        size=format_size(result.bytes) + " (counted)" * result.counted,
        kld=show(measure(result.find("kld_mean"))),
        same_top=show(measure(result.find("same_top"))),
        decode="" if result.counted else significant(speeds[result.sha256].decode_tps),
        words=words,
        standing=standing,
    )


def _above(beside: Beside, ours: Result) -> str:
    """ "0.182 above (0.151 to 0.213)", the paired difference."""
    above = beside.above
    if above is None:
        return not_possible(beside.result)
    if beside.same_file(ours):
        return "the very same file"
    below = above.value < 0
    if below:
        low, high = (None if end is None else -end for end in (above.high, above.low))
        above = replace(above, value=-above.value, low=low, high=high)
    shown = show(measure(above))
    interval = f" ({shown.interval})" if shown.interval else ""
    return f"{shown.value} {'below' if below else 'above'}{interval}"
