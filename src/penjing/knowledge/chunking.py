"""A document's plain text cut into passages: whole sentences, under one heading. Pure.

Passages tile the text: each begins where the one before ends, and together they are all of it.
Sizes are counted in tokens as the embedding model roughly counts them, without asking it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from penjing.core.sentences import ends
from penjing.knowledge.plain import Plain, Section

AIM = 120
"""Tokens after which a passage ends with the sentence; chosen in benchmarks/knowledge.py."""
MOST = 240
"""Tokens that no passage exceeds, however long a sentence is."""
_LEAST = 12
"""Tokens below which what is left of a section goes with the passage before."""
_LONGEST_HEADING = 400
"""Characters."""

_SENTENCE = re.compile(
    r"""(?:([.!?]["')\]]*)(?=\s)|[。！？…]+["'”’」』）】]*|\n+)\s*+""",
)
"""With the spaces after it."""
_SHORT = 8
"""Characters within which no second sentence ends."""
_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]+")
_WIDE_TOKENS = 0.7
_NARROW_TOKENS = 0.28


@dataclass(frozen=True)
class Chunk:
    """A passage of a document."""

    start: int
    """Its first character."""
    end: int
    """One past its last."""
    location: str
    """The heading or page it stands under."""


def chunks(plain: Plain, aim: int = AIM, most: int = MOST) -> list[Chunk]:
    """The passages, in order."""
    made: list[Chunk] = []
    for start, end, section in _sections(plain):
        for first, last in _pieces(plain.text, start, end, aim, most):
            made.append(Chunk(first, last, section.location))
    return made


def tokens(text: str) -> float:
    """About how many tokens a multilingual vocabulary needs: wide characters are words."""
    if text.isascii():
        return _NARROW_TOKENS * len(text)
    wide = sum(map(len, _WIDE.findall(text)))
    return _WIDE_TOKENS * wide + _NARROW_TOKENS * (len(text) - wide)


def _sections(plain: Plain) -> Iterator[tuple[int, int, Section]]:
    """Spans under one heading; one in which nothing but that stands goes with what follows it."""
    marks = list(plain.sections)
    if not marks or marks[0].start > 0:
        marks.insert(0, Section(0))
    begin = 0
    for place, section in enumerate(marks):
        last = place + 1 == len(marks)
        end = len(plain.text) if last else marks[place + 1].start
        if end == begin or (not last and _is_heading(plain.text, begin, end, section)):
            continue
        yield begin, end, section
        begin = end


def _is_heading(text: str, begin: int, end: int, section: Section) -> bool:
    """Titles and no more; a page is none, however little stands on it."""
    if section.place or end - begin > _LONGEST_HEADING * (len(section.heading) + 1):
        return False
    said = "".join(filter(str.isalnum, text[begin:end]))
    titles = "".join(filter(str.isalnum, "".join(section.heading)))
    return titles.endswith(said)


def _pieces(text: str, start: int, end: int, aim: int, most: int) -> Iterator[tuple[int, int]]:
    """Sentences packed until there are enough; a last one of a few words goes with them."""
    begin = at = start
    size = 0.0
    for stop in _stops(text, start, end, most):
        more = tokens(text[at:stop])
        enough = size >= aim and tokens(text[at : min(end, at + 4 * aim)]) >= _LEAST
        if size and (enough or size + more > most):
            yield begin, at
            begin, size = at, 0.0
        at, size = stop, size + more
    if begin < end:
        yield begin, end


def _stops(text: str, start: int, end: int, most: int) -> Iterator[int]:
    """Where sentences end, the spaces after them included; too long ones are cut."""
    begin = start
    for stop in _ends(text, start, end):
        while _is_longer(text, begin, stop, most):
            begin = _cut(text, begin, most)
            yield begin
        if stop > begin:
            yield stop
            begin = stop


def _ends(text: str, start: int, end: int) -> Iterator[int]:
    """One past each sentence and the spaces after it; no space is looked at twice.

    One of a few characters goes with the next: a text of ten million of them is no more work.
    """
    at = begin = start
    while found := _SENTENCE.search(text, min(at + _SHORT, end), end):
        at = found.end()
        if found[1] is None or ends(text, found.start(1), found.end(1), begin):
            begin = at
            yield at
    yield end


def _is_longer(text: str, begin: int, stop: int, most: int) -> bool:
    """More than `most` tokens, without counting all of a line of megabytes."""
    beyond = int(most / _NARROW_TOKENS) + 1
    return stop - begin > beyond or tokens(text[begin:stop]) > most


def _cut(text: str, begin: int, most: int) -> int:
    """The last space before it is too long; without one, a cut between any two characters."""
    window = text[begin : begin + int(most / _NARROW_TOKENS)]
    fits = max(1, _fitting(window, most))
    end = begin + fits
    space = text.rfind(" ", begin + fits // 2, end)
    return space + 1 if space > begin else end


def _fitting(window: str, most: int) -> int:
    """How many characters are `most` tokens, run after run of wide and narrow ones."""
    at, size = 0, 0.0
    for run in _WIDE.finditer(window):
        for weight, stop in ((_NARROW_TOKENS, run.start()), (_WIDE_TOKENS, run.end())):
            more = weight * (stop - at)
            if size + more > most:
                return at + int((most - size) / weight)
            at, size = stop, size + more
    return at + min(len(window) - at, int((most - size) / _NARROW_TOKENS))
