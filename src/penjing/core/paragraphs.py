"""Which line breaks a paragraph has only because a line was full. Pure; linear.

Text files and pages of PDF wrap their lines; a heading, an item of a list and a row of a table have
lines of their own. What follows a full line and goes on in the middle of a sentence belongs to it.
"""

from __future__ import annotations

import re

from penjing.core.folding import SOFT

_LONGEST = 1000
"""Characters: a longer line was not wrapped."""
_MOST_LINES = 500_000
"""Of a text whose lines are looked at; a longer one is no prose."""
_AROUND = 3
"""Lines before and behind by which one sees how wide a paragraph is."""
_NARROWEST = 30
_OWN = re.compile(
    r"\s*(?:[-*+•·▪◦‣●○■□–—]\s|\(?\d{1,3}[.)]\s|\(?[a-zA-Z][.)]\s|[#|>=<]|```|~~~|---|\*\*\*|\[\d+\]"
    r"|[\w.-]{1,40}\s*[:=]\s)"
)
"""What begins a line of its own: items, headings, rows, quotations, names of values."""
_ALONE = re.compile(r"\s*(?:[#|=]|```|~~~|---|\*\*\*)|.*(?:  |\\)$")
_APART = re.compile(r"\S(?: {3,}|\t+)\S")
"""Columns."""
_ENDED = (".", "!", "?", "。", "！", "？", ":", "：", ";", "；", '."', ".”", ".)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_INDENTED = re.compile(r"(?: {4}|\t)")
HYPHENS = ("-", "\u2010", SOFT)


def goes_on(line: str, following: str, wide: int) -> bool:
    """Whether the paragraph of `line` goes on in `following`, where lines are up to `wide`."""
    before, after = line.rstrip(), following.lstrip()
    if not before or not after or _stands_alone(line, following):
        return False
    if breaks_word(before, after) or before.endswith(_ENDED):
        return not before.endswith(_ENDED)
    full = len(before) + 1 + len(after[:_LONGEST].split(None, 1)[0])
    if before[-1] > "\u2e80" and after[0] > "\u2e80":
        return wide >= _NARROWEST // 2 and len(before) >= 0.8 * wide
    if after[0].islower():
        return full >= 0.7 * max(wide, _NARROWEST) or (before.endswith(",") and full >= 0.4 * wide)
    word = before.split()[-1]
    within = before.count("(") > before.count(")") or before.count("“") > before.count("”")
    prose = within or before[-1] in ",)" or (word.isalpha() and word.islower())
    return prose and wide >= _NARROWEST and full >= 0.85 * wide


def _stands_alone(line: str, following: str) -> bool:
    """One of the two has a line of its own."""
    if max(len(line), len(following)) > _LONGEST or _ALONE.match(line) or _OWN.match(following):
        return True
    return any(_APART.search(one.strip()) for one in (line, following))


def breaks_word(before: str, after: str) -> bool:
    """Whether the line's end has broken a word."""
    return before.endswith(HYPHENS) and before[-2:-1].isalpha() and after[:1].isalpha()


def widths(lines: list[str]) -> list[int]:
    """How wide the lines around each are."""
    sizes = [min(len(line.rstrip()), _LONGEST) for line in lines]
    return [
        max(sizes[max(0, at - _AROUND) : at + _AROUND + 1], default=0) for at in range(len(sizes))
    ]


def flowing(text: str, *, code: bool = True) -> str:
    """A text whose paragraphs are lines: of the same length, where no word was broken. Where it may
    have `code`, as Markdown has, what is indented stays."""
    if text.count("\n") > _MOST_LINES:
        return text
    lines = text.split("\n")
    made: list[str] = []
    fence = ""
    wide = widths(lines)
    for at, line in enumerate(lines):
        opened = _FENCE.match(line) if len(line) <= _LONGEST else None
        if opened and (not fence or opened[1].startswith(fence)):
            fence = "" if fence else opened[1]
        if at + 1 == len(lines):
            made.append(line)
            break
        following = lines[at + 1]
        indented = code and _INDENTED.match(line) and not _OWN.match(line)
        if fence or opened or indented or not goes_on(line, following, wide[at]):
            made += (line, "\n")
        elif breaks_word(line.rstrip(), following.lstrip()):
            made.append(line.rstrip()[:-1] + SOFT)
            lines[at + 1] = following.lstrip()
        else:
            made += (line, " ")
    return "".join(made)
