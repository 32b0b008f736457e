"""The lines of a PDF's pages made the paragraphs they were: breaks and broken words joined. Pure.

Whether a hyphen at a line's end is the word's own is told by the rest of the document where it can
be: "thermostat" or "energy-saving" may stand elsewhere. Else a soft hyphen stays, which an index
takes both ways and nobody sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from penjing.core.folding import SOFT
from penjing.core.paragraphs import breaks_word, goes_on, widths

_LIGATURES = str.maketrans({
    "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st",
    "\u00a0": " ", "\u200b": "", "\ufeff": "",
})  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LAST = re.compile(r"[^\W\d_]+$")
_FIRST = re.compile(r"[^\W\d_]+")
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
