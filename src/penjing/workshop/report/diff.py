"""Two answers, word by word: which words differ.

The longest common subsequence of words, found with bit-parallel rows (Hyyrö 2004): small models
like to repeat themselves, and there `difflib` needs minutes. Chinese, Japanese and Korean signs
count as words. White space is never compared. Plain text in and out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LONGEST = 2000
"""Signs of an answer that are shown; the page says how many were left out."""
_CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_BREAK = re.compile(r"(\s*\n\s*)")
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+|([^\s])\1*")


@dataclass(frozen=True)
class Piece:
    """A run of text that is shared or differs."""

    text: str
    """The run, white space included."""
    changed: bool
    """Whether the other answer has other words here."""


@dataclass(frozen=True)
class Sides:
    """Two answers as runs."""

    before: tuple[Piece, ...]
    """The first answer."""
    after: tuple[Piece, ...]
    """The second answer."""
    same: bool
    """Sign for sign the same."""


@dataclass(frozen=True)
class Pair:
    """A word that both answers have, by its position in each."""

    before: int
    """Index among the first answer's words."""
    after: int
    """Index among the second answer's words."""


def compare(before: str, after: str) -> Sides:
    """Mark the words that differ; answers beyond LONGEST signs are cut."""
    texts = _cut(before), _cut(after)
    words = [list(_WORD.finditer(text)) for text in texts]
    a, b = ([match[0] for match in found] for found in words)
    pairs = _without_strays(common(a, b), len(a), len(b))
    kept = {pair.before for pair in pairs}, {pair.after for pair in pairs}
    left, right = (tuple(_pieces(t, w, k)) for t, w, k in zip(texts, words, kept, strict=True))
    return Sides(left, right, before == after)


def common(a: Sequence[str], b: Sequence[str]) -> list[Pair]:
    """A longest common subsequence of two lists of words, in order."""
    places: dict[str, int] = {}
    for j, word in enumerate(b):
        places[word] = places.get(word, 0) | 1 << j
    full = (1 << len(b)) - 1
    row, rows = full, []
    for word in a:
        hits = row & places.get(word, 0)
        row = ((row + hits) | (row - hits)) & full
        rows.append(row)
    found, i, j = [], len(a), len(b)
    while i and j:
        if rows[i - 1] >> (j - 1) & 1:
            j -= 1
            continue
        i -= 1
        if i == 0 or rows[i - 1] >> (j - 1) & 1:
            j -= 1
            found.append(Pair(i, j))
    return found[::-1]


def _without_strays(pairs: Sequence[Pair], a: int, b: int) -> list[Pair]:
    """Drop a shared word that stands alone between words that differ: it only looks shared."""
    edges = [Pair(-1, -1), *pairs, Pair(a, b)]
    kept = []
    for last, pair, following in zip(edges, edges[1:], edges[2:], strict=False):
        alone = not _adjacent(last, pair) and not _adjacent(pair, following)
        if not alone:
            kept.append(pair)
    return kept


def _adjacent(one: Pair, other: Pair) -> bool:
    return other.before - one.before == 1 and other.after - one.after == 1


def _pieces(text: str, words: Sequence[re.Match[str]], kept: set[int]) -> Iterator[Piece]:
    """Runs in order; white space is marked only between two words that differ."""
    start, end, changed = 0, 0, False
    for i, word in enumerate(words):
        if (i not in kept) != changed:
            border = end if changed else word.start()
            if border > start:
                yield from _marked(text[start:border], changed)
            start, changed = border, not changed
        end = word.end()
    if changed:
        yield from _marked(text[start:end], True)
        start = end
    if start < len(text):
        yield Piece(text[start:], False)


def _marked(text: str, changed: bool) -> Iterator[Piece]:
    """The run, with the breaks between marked lines left unmarked: a mark on nothing is a blot."""
    if not changed:
        yield Piece(text, False)
        return
    for i, part in enumerate(_BREAK.split(text)):
        if part:
            yield Piece(part, i % 2 == 0)


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]} … ({len(text) - LONGEST:,} more signs)"
