"""How a table in CSV was written: what parts its fields, what quotes them, where it begins. Pure.

After van den Burg, Nazábal and Sutton, "Wrangling Messy CSV Files by Detecting Row and Type
Patterns" (2019): of each way to part the rows, how alike they come out, and how many fields look
like a value of some kind.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

_DELIMITERS = ",;\t|"
_NONE = "\x1f"
"""Stands in no table: each line is one field."""
_SAMPLE = 16_384
_ROWS = 60
_ALIKE = 0.4
"""Share of the rows that must have as many fields: less is prose with commas in it."""
_HINT = re.compile(r'"?sep=(.)"?\n', re.I)
"""Excel's own line."""
_NUMBER = re.compile(r"[-+]?[€$£¥]? ?\d[\d .,'’/:%-]*(?: ?[%°€$£¥]?[A-Za-z°µ²³/]{0,6})?")
_SINGLE = re.compile(r"(?m)(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|]|$)")
_WHOLE = re.compile(r"[-+]?\d{1,9}")
_CENTS = re.compile(r"\d{1,2}")
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True)
class Dialect:
    """How to read one table."""

    delimiter: str
    """Between fields."""
    quote: str
    """Around a field that holds a delimiter."""
    escape: str | None
    """Before a quote within such a field; None where it is doubled."""
    begin: int
    """The first character that is not a hint to Excel."""


def dialect(text: str) -> Dialect:
    """What fits the table's beginning best."""
    hint = _HINT.match(text)
    begin = hint.end() if hint else 0
    sample = text[begin : begin + _SAMPLE]
    if len(text) > begin + _SAMPLE:
        sample = sample[: sample.rfind("\n") + 1] or sample
    quote = "'" if '"' not in sample and _SINGLE.search(sample) else '"'
    escape = "\\" if f"\\{quote}" in sample and quote * 2 not in sample else None
    if hint:
        return Dialect(hint[1], quote, escape, begin)
    scored = [
        (_score(rows_of(sample, Dialect(one, quote, escape, 0))[:_ROWS]), -place, one)
        for place, one in enumerate(_DELIMITERS)
    ]
    score, _, best = max(scored)
    return Dialect(best if score > 0 else _NONE, quote, escape, begin)


def rows_of(text: str, found: Dialect) -> list[list[str]]:
    """A sample's rows; none where it cannot be parted so."""
    try:
        return [row for row in reader(io.StringIO(text), found) if row]
    except csv.Error:
        return []


def reader(lines: Iterable[str], found: Dialect) -> Iterator[list[str]]:
    """The rows of these lines."""
    return csv.reader(
        lines,
        delimiter=found.delimiter,
        quotechar=found.quote,
        escapechar=found.escape,
        doublequote=found.escape is None,
        skipinitialspace=found.delimiter not in " \t",
    )


def width(rows: Sequence[Sequence[str]]) -> int:
    """How many fields most rows have."""
    counts = Counter(map(len, rows))
    return max(counts, key=lambda one: (counts[one], one), default=0)


def is_title(row: Sequence[str], columns: int) -> bool:
    """A line above the table: hardly a field where the rows have several."""
    return sum(bool(one.strip()) for one in row) * 2 <= columns and columns > 1


def names_columns(row: Sequence[str]) -> bool:
    """The first row says what stands below, and is no row of values itself."""
    values = [one.strip() for one in row]
    return not any(_NUMBER.fullmatch(one) and not _YEAR.fullmatch(one) for one in values)


def mended(row: list[str], columns: int) -> list[str]:
    """A row with more fields than columns, where decimal commas were taken for ends of fields."""
    more = len(row) - columns
    torn = [
        at
        for at in range(len(row) - 1)
        if _WHOLE.fullmatch(row[at].strip()) and _CENTS.fullmatch(row[at + 1].strip())
    ]
    if more <= 0 or len(torn) != more or any(b - a < 2 for a, b in pairwise(torn)):
        return row
    made: list[str] = []
    for at, field in enumerate(row):
        if at - 1 in torn:
            made[-1] = f"{made[-1].strip()},{field.strip()}"
        else:
            made.append(field)
    return made


def _score(rows: Sequence[Sequence[str]]) -> float:
    """0 where it parts nothing."""
    columns = width([row for row in rows if len(row) > 1])
    if columns < 2:
        return 0.0
    alike = sum(len(row) == columns for row in rows) / len(rows)
    fields = [one.strip() for row in rows for one in row]
    typed = sum(not one or _is_value(one) for one in fields) / len(fields)
    return alike * (columns - 1) / columns * (0.1 + typed) if alike >= _ALIKE else 0.0


def _is_value(field: str) -> bool:
    """A number, or words in which nothing stands that may part fields; a comma may."""
    if _NUMBER.fullmatch(field):
        return True
    return not any(one in field for one in ';\t|"')
