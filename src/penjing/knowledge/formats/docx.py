"""DOCX: a zip with XML in it. Paragraphs, tables row by row, headings by their style.

The zip and the XML are read through `knowledge/unpacking.py`, which has the bounds.
"""

from __future__ import annotations

import re

from penjing.core.errors import BadInput
from penjing.knowledge.plain import MOST_CHARACTERS, Builder, Plain
from penjing.knowledge.unpacking import Archive, Xml

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OLD = bytes.fromhex("d0cf11e0a1b11ae1")
"""How files of Microsoft's older container begin."""
_KNOWN = {
    f"{_W} {name}": name
    for name in ("p", "pStyle", "outlineLvl", "t", "tab", "br", "cr", "tr", "tc", "style", "name")
}
"""What is looked at, by namespace and name."""
_NAME = re.compile(r"heading (\d)$|标题 ?(\d)$", re.I)


def read(data: bytes) -> Plain:
    """The text in its order; a table's cells are parted by bars."""
    if data.startswith(_OLD):
        raise BadInput("it is encrypted, or an old DOC: save it as DOCX without a password")
    xml = Xml()
    with Archive(data) as archive:
        levels = _Levels()
        if archive.holds("word/styles.xml"):
            xml.parse(archive.pieces("word/styles.xml"), levels.begin, levels.end)
        if not archive.holds("word/document.xml"):
            raise BadInput("it is a zip archive and no DOCX: save it as DOCX")
        text = _Text(levels.found)
        xml.parse(archive.pieces("word/document.xml"), text.begin, text.end, text.characters)
    return text.builder.done()


class _Levels:
    """Which styles are headings of what level."""

    def __init__(self) -> None:
        self.found: dict[str, int] = {}
        self._style = ""

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        match _KNOWN.get(name):
            case "style":
                self._style = attributes.get(f"{_W} styleId", "")[:100]
            case "name":
                found = _NAME.match(attributes.get(f"{_W} val", "")[:100])
                if found and self._style and len(self.found) < 1000:
                    self.found[self._style] = int(found[1] or found[2]) or 1
            case "outlineLvl":
                level = attributes.get(f"{_W} val", "")
                if level in tuple("012345678") and self._style and len(self.found) < 1000:
                    self.found.setdefault(self._style, int(level) + 1)

    def end(self, name: str) -> None:
        if _KNOWN.get(name) == "style":
            self._style = ""


class _Text:
    """Paragraph after paragraph."""

    def __init__(self, levels: dict[str, int]) -> None:
        self.builder = Builder()
        self._levels = levels
        self._within = False
        self._cells = 0
        self._level = 0
        self._pieces: list[str] = []
        self._length = 0

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        match _KNOWN.get(name):
            case "p":
                self._level, self._pieces = 0, []
            case "pStyle":
                style = attributes.get(f"{_W} val", "")
                self._level = self._levels.get(style, _by_id(style))
            case "outlineLvl":
                level = attributes.get(f"{_W} val", "")
                self._level = int(level) + 1 if level in tuple("012345678") else 0
            case "t":
                self._within = True
            case "tab":
                self._pieces.append("\t")
            case "br" | "cr":
                self._pieces.append("\n")
            case "tr":
                self._cells = 0
            case "tc":
                self._cells += 1
                if self._cells > 1:
                    self.builder.add("| ")

    def end(self, name: str) -> None:
        match _KNOWN.get(name):
            case "t":
                self._within = False
            case "p":
                self._paragraph()
            case "tr":
                self._cells = 0
                self.builder.add("\n")

    def characters(self, text: str) -> None:
        if not self._within:
            return
        self._pieces.append(text)
        self._length += len(text)
        if self._length > MOST_CHARACTERS:
            self.builder.add("".join(self._pieces))  # which says that it is too much

    def _paragraph(self) -> None:
        text = "".join(self._pieces)
        self._pieces = []
        if self._level and text.strip() and not self._cells:
            self.builder.heading(self._level, text)
        if text.strip():
            self.builder.add(f"{text} " if self._cells else f"{text}\n")


def _by_id(style: str) -> int:
    found = re.match(r"heading ?([1-9])$", style[:20], re.I)
    return int(found[1]) if found else 0
