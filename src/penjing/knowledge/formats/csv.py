"""Tables in CSV: each row becomes a line that names its columns, so that it can stand alone."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from penjing.core.errors import BadInput
from penjing.knowledge.encodings import decode
from penjing.knowledge.plain import Builder, Plain

LONGEST_FIELD = 100_000
MOST_COLUMNS = 500
MOST_ROWS = 1_100_000
"""Empty ones count: a spreadsheet's export is full of them."""
LONGEST_ROW = 1_000_000
"""Characters, whatever is in quotes."""
_MOST_CHARACTERS = 50_000_000
"""Of the file."""
_SAMPLE = 16_384
_TOGETHER = 300
"""Characters from which on the next rows are a section of their own."""


def read(data: bytes) -> Plain:
    """The rows; the first one names the columns."""
    text = decode(data, most=_MOST_CHARACTERS)
    if text.count("\n") > MOST_ROWS:
        raise BadInput(f"it has more than {MOST_ROWS // 1_000_000} million rows: split the table")
    rows = _rows(text)
    names: list[str] = []
    builder = Builder()
    lines: list[str] = []
    first = last = 0
    for number, row in enumerate(rows, 1):
        if len(row) > MOST_COLUMNS:
            raise BadInput(f"row {number} has more than {MOST_COLUMNS} columns: split the table")
        if not any(field.strip() for field in row):
            continue
        if not names:
            names = [field.strip() for field in row]
            continue
        first, last = first or number, number
        lines.append(_line(names, row))
        if sum(map(len, lines)) >= _TOGETHER:
            _write(builder, lines, first, last)
            lines, first = [], 0
    if lines or not builder.length:
        _write(builder, lines or ["; ".join(names)], first or 1, last or 1)
    return builder.done()


def _rows(text: str) -> Iterator[list[str]]:
    csv.field_size_limit(LONGEST_FIELD)
    lines = _Lines(text)
    try:
        for row in csv.reader(iter(lines), delimiter=_delimiter(text)):
            lines.since = 0
            yield row
    except csv.Error as error:
        if "field larger" in str(error):
            raise BadInput(
                f"a field is longer than {LONGEST_FIELD} characters: is a quote left open?"
            ) from error
        raise BadInput(f"it is no table in CSV: {error}") from error


class _Lines:
    """The text's lines, of which one row takes so many and no more."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.since = 0
        """Characters since a row was whole."""

    def __iter__(self) -> Iterator[str]:
        at, text = 0, self._text
        while at < len(text):
            end = text.find("\n", at) + 1 or len(text)
            self.since += end - at
            if self.since > LONGEST_ROW:
                raise BadInput(f"a row is longer than {LONGEST_ROW} characters: split the table")
            yield text[at:end]
            at = end


def _delimiter(text: str) -> str:
    """The candidate that parts the first line most often."""
    line = text[:_SAMPLE].partition("\n")[0]
    return max(",;\t|", key=line.count)


def _line(names: list[str], row: list[str]) -> str:
    parts = []
    for place, field in enumerate(row):
        value = " ".join(field.split())
        name = names[place] if place < len(names) else ""
        if value:
            parts.append(f"{name}: {value}" if name else value)
    return "; ".join(parts)


def _write(builder: Builder, lines: list[str], first: int, last: int) -> None:
    builder.place(f"row {first}" if first == last else f"rows {first}–{last}")
    builder.add("".join(f"{line}\n" for line in lines))
