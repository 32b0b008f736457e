"""Two answers, word by word: which words differ.

Chinese, Japanese and Korean signs count as words of their own. Plain text in and out.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LONGEST = 3000
"""Signs of an answer that are shown; the page says how many were left out."""
_CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_CJK}]|\s+|[^\W_{_CJK}]+|([^\s])\1*")


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
    """Word for word the same."""


def compare(before: str, after: str) -> Sides:
    """Mark the words that differ; answers beyond LONGEST signs are cut."""
    a, b = _words(before), _words(after)
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    left: list[Piece] = []
    right: list[Piece] = []
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        _add(left, "".join(a[i1:i2]), kind != "equal")
        _add(right, "".join(b[j1:j2]), kind != "equal")
    return Sides(tuple(_trimmed(left)), tuple(_trimmed(right)), before == after)


def _words(text: str) -> list[str]:
    return [match[0] for match in _WORD.finditer(_cut(text))]


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]} … ({len(text) - LONGEST:,} more signs)"


def _add(side: list[Piece], text: str, changed: bool) -> None:
    """Append a run; a lone space between two changed runs joins them."""
    if not text:
        return
    if changed and len(side) > 1 and not side[-1].changed and not side[-1].text.strip():
        gap, last = side.pop(), side.pop()
        side.append(Piece(last.text + gap.text + text, True))
    else:
        side.append(Piece(text, changed))


def _trimmed(side: Sequence[Piece]) -> Iterator[Piece]:
    """The same text; white space at the ends of a changed run is not marked."""
    for piece in side:
        core = piece.text.strip()
        if not piece.changed or core == piece.text:
            yield piece
            continue
        start = piece.text.find(core) if core else len(piece.text)
        for text, changed in (
            (piece.text[:start], False),
            (core, True),
            (piece.text[start + len(core) :], False),
        ):
            if text:
                yield Piece(text, changed)
