"""The passport as a compact table for the terminal.

Same numbers and sentences as the page. Texts are cleaned and never read as markup, so that no
model or file name can steer the terminal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from penjing.core.units import format_size
from penjing.workshop.pages.texts import clean, significant
from penjing.workshop.report import shapes
from penjing.workshop.report.advice import broken, left, path, vocabulary
from penjing.workshop.report.reading import Passport, RuntimeRow, read_passport
from penjing.workshop.report.tables import NOTHING, passport_columns, passport_rows, work_rows
from penjing.workshop.report.words import facts, headline, training, verdict

_STYLES = {"better": "green", "unclear": "yellow", "worse": "red", "none": "yellow"}


def print_passport(passport: Mapping[str, Any], console: Console) -> None:
    """Print headline, table, verdict and speed. FormatError when it is not a passport."""
    p = read_passport(passport)
    console.print()
    console.print(_text(headline(p), "bold"))
    console.print(_text(facts(p), "dim"))
    if unspent := left(p):
        console.print(_text(unspent, "dim"))
    console.print()
    console.print(_table(p))
    console.print()
    if useless := broken(p):
        console.print(_text(useless, "bold red"))
    found = verdict(p)
    console.print(_text(found.title, f"bold {_STYLES[found.standing]}"))
    for sentence in found.sentences:
        console.print(_text(sentence))
    if said := training(p):
        console.print(_text(said))
    for told in (*shapes.told(passport), vocabulary(p), path(p)):
        if told:
            console.print(_text(told))
    for row in p.runtime:
        console.print(_runtime(row))
    for took in work_rows(p):
        note = f", {took.note}" if took.note else ""
        words = f"{took.name.lower()} of the work: {took.measured}{note}"
        console.print(_text(f"{words} (forecast: {took.forecast})", "dim"))


def _table(p: Passport) -> Table:
    columns = passport_columns(p)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(Text("KLD in nats", "dim"), no_wrap=True)
    ours = Text.assemble(("This bundle", "bold green"), ("\n95% interval", "not bold dim"))
    table.add_column(ours, no_wrap=True)
    table.add_column(Text("Starting model", "dim"), justify="right")
    for control in columns[1:]:
        table.add_column(_text(control.name, "dim"), justify="right")
    for row in passport_rows(p):
        if row.cells[0] is NOTHING:  # a comparison, which the verdict says in words
            continue
        cells = [_text(row.name)]
        for i, shown in enumerate(row.cells):
            cell = _text("-" if shown is None else shown.value, "bold" if i == 0 else "")
            if shown is not None and shown.interval and i == 0:
                cell.append(f"  {shown.interval}", "not bold dim")
            cells.append(cell)
        table.add_row(*cells)
    return table


def _runtime(row: RuntimeRow) -> Text:
    parts = []
    if row.load is not None:
        parts.append(f"loads in {significant(row.load, 2)} s")
    if row.prefill is not None:
        parts.append(f"reads {significant(row.prefill)} tok/s")
    if row.decode is not None:
        parts.append(f"writes {significant(row.decode)} tok/s")
    if row.peak_rss is not None:
        parts.append(f"peak memory {format_size(row.peak_rss)}")
    return _text(f"{row.name}: {', '.join(parts) or 'speed not measured'}", "dim")


def _text(value: str, style: str = "") -> Text:
    return Text(clean(value), style)
