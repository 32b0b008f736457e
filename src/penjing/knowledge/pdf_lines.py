"""The lines of a PDF's pages made the paragraphs they were: breaks and broken words joined. Pure.

Whether a hyphen at a line's end is the word's own is told by the rest of the document where it can
be: "thermostat" or "energy-saving" may stand elsewhere. Else a soft hyphen stays, which an index
takes both ways and nobody sees.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from penjing.core.folding import SOFT
from penjing.core.paragraphs import breaks_word, goes_on, widths
from penjing.core.sentences import sentences

_LIGATURES = str.maketrans({
    "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st",
    "\u00a0": " ", "\u200b": "", "\ufeff": "",
})  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LAST = re.compile(r"[^\W\d_]+$")
_FIRST = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")
_RUNNING = 4
"""Pages that a line stands on at least."""
_WIDEST = 100
"""Characters at the end of a page's last line by which one sees that it goes on."""
_REACH = 60
"""Characters of one word that are looked at."""
_MOST_WORDS = 500_000


def known_words(pages: Iterable[str]) -> frozenset[str]:
    """The words of a document, those with hyphens whole, but for what a line's end broke."""
    found: set[str] = set()
    for page in pages:
        for line in page.split("\n"):
            words = _WORD.findall(line.rstrip().rstrip("-").lower())
            found.update(words[1:-1] if len(words) > 2 else words)
            if len(found) > _MOST_WORDS:
                return frozenset(found)
    return frozenset(found)


def plain_page(text: str) -> str:
    """A page's text with its letters apart, lines without spaces around."""
    return "\n".join(line.strip() for line in text.translate(_LIGATURES).split("\n")).strip()


def without_running(pages: Sequence[str]) -> list[str]:
    """Pages without the lines that stand above or below most of them: their numbers, and a title
    but for the first time."""
    made = list(pages)
    for first in (True, False, True, False):  # a number may stand beside a title
        ends = [_end_line(page, first=first) for page in made]
        counts = Counter(_DIGITS.sub("#", line) for line in ends if 0 < len(line) <= _WIDEST)
        often = {line for line, count in counts.items() if count >= max(_RUNNING, len(pages) / 2)}
        seen = {"#"}
        for place, line in enumerate(ends):
            page, kind = made[place], _DIGITS.sub("#", line)
            if kind in often and kind not in seen:
                seen.add(kind)
            elif kind in often and "\n" in page:
                cut = page.removeprefix(line) if first else page.removesuffix(line)
                made[place] = cut.strip("\n")
    return made


def across(page: str, following: str, known: frozenset[str]) -> tuple[str, str, str]:
    """What is left of a page, the sentence that goes on in the next, and what is left of that."""
    lines, after = page.split("\n"), following.split("\n")
    last, first = lines[-1], after[0]
    if not goes_on(last[-_WIDEST:], first[:_WIDEST], max(map(len, (last, first)), default=0)):
        return page, "", following
    begin = list(sentences(last))[-1][0]
    end = next(sentences(first))[1]
    joint = _joint(last, first, known) if breaks_word(last, first) else " "
    head = last[begin:-1] if breaks_word(last, first) else last[begin:]
    kept = page[: len(page) - len(last) + begin]
    return kept, f"{head}{joint}{first[:end]}", following[end:].lstrip()


def _end_line(page: str, *, first: bool) -> str:
    return page.partition("\n")[0] if first else page.rpartition("\n")[2]


def paragraphs(page: str, known: frozenset[str]) -> str:
    """A page whose paragraphs are lines."""
    lines = page.split("\n")
    made: list[str] = []
    wide = widths(lines)
    for at, line in enumerate(lines):
        last = at + 1 == len(lines)
        if last or not goes_on(line, lines[at + 1], wide[at]):
            made += (line, "" if last else "\n")
        elif breaks_word(line, lines[at + 1]):
            made += (line[:-1], _joint(line, lines[at + 1], known))
        elif line[-1] > "\u2e80" and lines[at + 1][0] > "\u2e80":
            made.append(line)
        else:
            made += (line, " ")
    return "".join(made)


def _joint(line: str, following: str, known: frozenset[str]) -> str:
    """What stands between the halves of a broken word."""
    before, after = _LAST.search(line[-_REACH:-1]), _FIRST.match(following[:_REACH])
    if before is None or after is None:
        return "-"
    one, other = before[0].lower(), after[0].lower()
    if after[0][0].isupper() or f"{one}-{other}" in known:
        return "-"
    if one + other in known or line[-1] == SOFT:
        return ""
    return SOFT
