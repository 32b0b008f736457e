"""The tables of the passport, cell by cell, for the page and the terminal alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from penjing.core.units import format_duration, format_size
from penjing.workshop.pages.texts import decimal, significant
from penjing.workshop.report.reading import Candidate, Measure, Passport, RuntimeRow
from penjing.workshop.report.words import (
    ABOVE_OURS,
    Shown,
    metric_name,
    metric_order,
    places,
    show,
)

NOTHING = Shown("–", "")
"""A cell in which nothing could stand."""
RUNTIME = ("prefill", "decode", "load", "peak_rss")
"""Columns of speed and memory, as `RuntimeRow` calls them."""


@dataclass(frozen=True)
class Row:
    """One metric across all files."""

    name: str
    """What was measured."""
    unit: str
    """Such as "nats"; empty where the cells carry it."""
    cells: tuple[Shown | None, ...]
    """This bundle, the starting model, then the controls; None where not measured."""


@dataclass(frozen=True)
class WorkRow:
    """What making the bundle took."""

    name: str
    """Time or memory."""
    forecast: str
    """What was said before it began."""
    measured: str
    """What it was."""
    note: str = ""
    """What a reader must know of it."""


def passport_columns(p: Passport) -> list[Candidate]:
    """Files beside this one in the table: the starting model, then the controls."""
    start = Candidate(p.baseline_name, p.baseline_note, p.baseline_bytes, _own_terms(p))
    return [start, *p.controls]


def _own_terms(p: Passport) -> dict[str, Measure]:
    """What the starting model scores against itself: by definition, except its perplexity."""
    fixed = dict.fromkeys(("kld_mean", "kld_median", "kld_p99", "kld_max", "prob_delta_rms"), 0.0)
    fixed.update(same_top=1.0, perplexity_ratio=1.0)
    found = {m: Measure(m, v) for m, v in fixed.items() if m in p.ours.measures}
    own = p.ours.measures.get("baseline_perplexity")
    if own is not None:
        found["perplexity"] = Measure("perplexity", own.value, own.low, own.high, own.n)
    return found


def passport_rows(p: Passport) -> list[Row]:
    files = [p.ours, *passport_columns(p)]
    sizes = tuple(Shown(format_size(f.bytes), "") if f.bytes else None for f in files)
    rows = [Row("File size", "", sizes)]
    if p.parameters:
        bits = [8 * f.bytes / p.parameters if f.bytes else None for f in files]
        bits[0] = p.effective_bits or bits[0]
        shown = tuple(None if b is None else Shown(decimal(b, 2), "") for b in bits)
        rows.append(Row("Effective bits", "", shown))
    metrics = list(dict.fromkeys(m for f in files for m in f.measures))
    for metric in metric_order(metrics):
        found = [f.measures.get(metric) for f in files]
        unit = next((m.unit for m in found if m is not None and m.unit == "nats"), "")
        digits = next((places(m) for m in found if m is not None), None)
        cells = tuple(_exact(m, i, digits) for i, m in enumerate(found))
        if metric == ABOVE_OURS:  # a comparison with this bundle: nothing is missing there
            cells = tuple(NOTHING if i < 2 else cell for i, cell in enumerate(cells))
        rows.append(Row(metric_name(metric), unit, cells))
    return rows


def _exact(measure: Measure | None, column: int, digits: int | None) -> Shown | None:
    """A cell; the starting model's own 0, 1 and 100% are exact and written so."""
    if measure is None:
        return None
    if column == 1 and measure.metric != "perplexity":
        return Shown("100%" if measure.metric == "same_top" else f"{measure.value:.0f}", "")
    return show(measure, digits)


def runtime_rows(p: Passport) -> list[tuple[str, list[Shown | None]]]:
    """Each file's cells in the order of RUNTIME; later ones compared to the first."""
    table = []
    for row in p.runtime:
        first = p.runtime[0] if row is not p.runtime[0] else None
        table.append((row.name, list(_runtime_cells(row, first))))
    return table


def work_rows(p: Passport) -> list[WorkRow]:
    """Time and memory of the work itself, where they were measured; "-" where none was forecast."""
    rows = []
    if p.seconds is not None:
        said = "-" if p.forecast_seconds is None else f"about {format_duration(p.forecast_seconds)}"
        note = "the last part of interrupted work" if p.resumed else ""
        rows.append(WorkRow("Time", said, format_duration(p.seconds), note))
    if p.peak_rss:
        said = "-" if p.forecast_peak is None else f"at most {format_size(p.forecast_peak)}"
        rows.append(WorkRow("Peak memory", said, format_size(p.peak_rss)))
    return rows


def _runtime_cells(row: RuntimeRow, first: RuntimeRow | None) -> Iterator[Shown | None]:
    for name in RUNTIME:
        value = getattr(row, name)
        base = getattr(first, name) if first is not None else None
        if value is None:
            yield None
            continue
        yield Shown(_with_unit(name, value), f"{value / base:.2f}×" if base else "")


def _with_unit(name: str, value: float) -> str:
    if name == "load":
        return f"{significant(value, 2)} s"
    return f"{significant(value)} tok/s" if name in ("prefill", "decode") else format_size(value)
