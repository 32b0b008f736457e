"""What every format becomes: plain text, and where its sections begin. Pure; bounded."""

from __future__ import annotations

import re
from dataclasses import dataclass

from penjing.core.errors import BadInput

MOST_CHARACTERS = 20_000_000
"""Of one document: a shelf of books."""
MOST_SECTIONS = 100_000
"""Of one document."""
_MOST_TITLES = MOST_CHARACTERS
"""Characters of all sections' headings: each section says its titles again."""
_LONGEST_TITLE = 200
_HALF = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Section:
    """A stretch of text under one heading, up to the next section."""

    start: int
    """Its first character."""
    heading: tuple[str, ...] = ()
    """Titles from the outermost to its own."""
    place: str = ""
    """Where it is where there are no headings: "page 3"."""

    @property
    def location(self) -> str:
        """For people."""
        return " › ".join([*self.heading, self.place] if self.place else self.heading)


@dataclass(frozen=True)
class Plain:
    """A document as plain text. Citations count its characters."""

    text: str
    """Whole Unicode characters, lines ended by newlines, no NUL."""
    sections: tuple[Section, ...]
    """In order; what stands before the first has no heading."""
    remark: str = ""
    """What whoever adds it should know: that pages of it were not read. One line, or none."""


class Builder:
    """Gathers a `Plain`, never more than is allowed."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._sections: list[Section] = []
        self._titles: list[tuple[int, str]] = []
        self._titled = 0
        self.length = 0
        """Characters so far."""

    def add(self, text: str) -> None:
        """More text. Raises BadInput when it becomes too much."""
        clean = _HALF.sub("\N{REPLACEMENT CHARACTER}", text)
        self.length += len(clean)
        if self.length > MOST_CHARACTERS:
            most = MOST_CHARACTERS // 1_000_000
            raise BadInput(f"it holds more than {most} million characters: split it")
        self._pieces.append(clean)

    def heading(self, level: int, title: str) -> None:
        """A section under a title of this level begins here; 1 is the outermost."""
        short = " ".join(title[: 10 * _LONGEST_TITLE].split())[:_LONGEST_TITLE]
        self._titles = [one for one in self._titles if one[0] < level]
        if short:
            self._titles.append((level, _HALF.sub("\N{REPLACEMENT CHARACTER}", short)))
        heading = tuple(title for _, title in self._titles)
        self._section(Section(self.length, heading))

    def place(self, name: str) -> None:
        """A section that has no heading and is somewhere begins here."""
        self._section(Section(self.length, (), name))

    def _section(self, section: Section) -> None:
        self._titled += sum(map(len, section.heading)) + len(section.place)
        if len(self._sections) == MOST_SECTIONS or self._titled > _MOST_TITLES:
            raise BadInput(f"it has more than {MOST_SECTIONS} headings, or long ones: split it")
        self._sections.append(section)

    def done(self, remark: str = "") -> Plain:
        """All of it. Raises BadInput when there is nothing to read."""
        text = "".join(self._pieces)
        if not text.strip():
            raise BadInput("there is no text in it: a scanned page must be recognised first")
        return Plain(text, tuple(self._sections), remark)
