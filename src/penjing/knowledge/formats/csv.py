"""Tables in CSV: each row becomes a line that names its columns, so that it can stand alone."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from penjing.core.errors import BadInput
from penjing.knowledge.dialects import (
    Dialect,
    dialect,
    is_title,
    mended,
    names_columns,
    reader,
    rows_of,
    width,
)
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
    found = dialect(text)
    columns = width(rows_of(text[found.begin : found.begin + _SAMPLE], found))
    table = _Table(columns)
    for number, row in enumerate(_rows(text, found), 1):
        if len(row) > MOST_COLUMNS:
            raise BadInput(f"row {number} has more than {MOST_COLUMNS} columns: split the table")
        if any(field.strip() for field in row):
            table.take(number, row)
    return table.done()


class _Table:
    """Rows under the names of their columns."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._names: list[str] | None = None
        self._builder = Builder()
        self._lines: list[str] = []
        self._length = self._first = self._last = 0

    def take(self, number: int, row: list[str]) -> None:
        """The next row that is not empty."""
        if self._names is not None:
            self._line(number, _line(self._names, mended(row, len(self._names))))
        elif is_title(row, self._columns):
            self._line(number, _line([], row))
        elif names_columns(row):
            self._names = [field.strip() for field in row]
        else:  # values already: nobody named the columns
            self._names = []
            self._line(number, _line([], row))

    def done(self) -> Plain:
        """All of it; of a table without rows, what its columns are called."""
        if not self._lines and not self._builder.length:
            self._line(1, "; ".join(self._names or ()))
        self._write()
        return self._builder.done()

    def _line(self, number: int, line: str) -> None:
        self._lines.append(line)
        self._length += len(line)
        self._first, self._last = self._first or number, number
        if self._length >= _TOGETHER:
            self._write()

    def _write(self) -> None:
        if self._lines:
            first, last = self._first, self._last
            self._builder.place(f"row {first}" if first == last else f"rows {first}–{last}")
            self._builder.add("".join(f"{line}\n" for line in self._lines))
        self._lines, self._length, self._first = [], 0, 0


def _rows(text: str, found: Dialect) -> Iterator[list[str]]:
    csv.field_size_limit(LONGEST_FIELD)
    lines = _Lines(text, found.begin)
    try:
        for row in reader(iter(lines), found):
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

    def __init__(self, text: str, begin: int) -> None:
        self._text = text
        self._begin = begin
        self.since = 0
        """Characters since a row was whole."""

    def __iter__(self) -> Iterator[str]:
        at, text = self._begin, self._text
        while at < len(text):
            end = text.find("\n", at) + 1 or len(text)
            self.since += end - at
            if self.since > LONGEST_ROW:
                raise BadInput(f"a row is longer than {LONGEST_ROW} characters: split the table")
            yield text[at:end]
            at = end


def _line(names: list[str], row: list[str]) -> str:
    parts = []
    for place, field in enumerate(row):
        value = " ".join(field.split())
        name = names[place] if place < len(names) else ""
        if value:
            parts.append(f"{name}: {value}" if name else value)
    return "; ".join(parts)
