"""The comparison as a table in a terminal. Names are cleaned and never read as markup."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from penjing.workshop.compare.outcome import Comparison
from penjing.workshop.compare.table import COLUMNS, Line, lines
from penjing.workshop.compare.verdict import headline, lead_sentence
from penjing.workshop.pages.texts import clean
from penjing.workshop.report.words import Shown

_STYLES = {"better": "green", "unclear": "yellow", "worse": "red", "none": ""}
_WIDE = 100
"""Columns from which on the verdict stands in the table."""


def print_comparison(found: Comparison, console: Console) -> None:
    """Print headline, table and who kept most; in a narrow terminal the verdicts stand below."""
    narrow = console.width < _WIDE
    console.print()
    console.print(_text(headline(found), "bold"))
    console.print()
    console.print(_table(found, narrow))
    console.print()
    if narrow:
        for title, line in _verdicts(found):
            console.print(_text(f"{title}: {line.words}", _STYLES[line.standing]))
    for lead in found.leads:
        console.print(_text(lead_sentence(lead)))


def _table(found: Comparison, narrow: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    titles = COLUMNS[: -1 if narrow else None]
    for title in titles:
        right = title in ("size", "same-top", "writes, tok/s")
        wraps = title == COLUMNS[-1]
        table.add_column(
            _text(title, "dim"), justify="right" if right else "left", no_wrap=not wraps
        )
    for line in lines(found):
        table.add_row(*_cells(line)[: len(titles)])
    return table


def _verdicts(found: Comparison) -> Iterator[tuple[str, Line]]:
    size = ""
    for line in lines(found):
        if line.kind == "size":
            size = line.name
        elif line.kind == "method":
            yield f"{line.name}, {size}", line


def _cells(line: Line) -> list[Text]:
    if line.kind == "size":
        return [_text(line.name, "bold")]
    ours = line.kind == "method"
    style = "" if ours else "dim"
    kld = _shown(line.kld, style)
    if line.kld is not None and line.kld.interval and ours:
        kld.append(f"  {line.kld.interval}", "dim")
    return [
        _text(f"  {line.name}" if ours else f"    {line.name}", style),
        _text(line.size, style),
        kld,
        _shown(line.same_top, style),
        _text(line.decode, style),
        _text(line.words, _STYLES[line.standing] if ours else "dim"),
    ]


def _shown(shown: Shown | None, style: str) -> Text:
    return _text("" if shown is None else shown.value, style)


def _text(value: str, style: str = "") -> Text:
    return Text(clean(value), style)
