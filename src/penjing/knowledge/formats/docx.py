"""DOCX: a zip with XML in it. Paragraphs, tables row by row, headings by their style; text boxes,
footnotes and comments behind the paragraph they belong to. What was deleted, moved away or hidden
is left out.

The zip and the XML are read through `knowledge/unpacking.py`, which has the bounds.
"""

from __future__ import annotations

import re

from penjing.core.errors import BadInput
from penjing.knowledge.plain import MOST_CHARACTERS, Builder, Plain
from penjing.knowledge.unpacking import Archive, Xml
from penjing.knowledge.wordml import LOOKED_AT, Story, Write, value_of

_OLD = bytes.fromhex("d0cf11e0a1b11ae1")
"""How files of Microsoft's older container begin."""
_NAME = re.compile(r"heading (\d)$|标题 ?(\d)$", re.I)
_RELATION = "http://schemas.openxmlformats.org/package/2006/relationships Relationship"
_MOST_STYLES = 1000
_MOST_NOTES = 20_000
_NOTES = (("footnotes", "footnote"), ("endnotes", "endnote"), ("comments", "comment"))
"""Parts beside the document, and what each of their stories is called."""


def read(data: bytes) -> Plain:
    """The text in its order; a table's cells are parted by bars."""
    if data.startswith(_OLD):
        raise BadInput("it is encrypted, or an old DOC: save it as DOCX without a password")
    xml = Xml()
    with Archive(data) as archive:
        document = _document(archive, xml)
        folder = document.rpartition("/")[0]
        levels = _Levels()
        if archive.holds(f"{folder}/styles.xml"):
            xml.parse(archive.pieces(f"{folder}/styles.xml"), levels.begin, levels.end)
        notes: dict[str, str] = {}
        for part, name in _NOTES:
            if archive.holds(f"{folder}/{part}.xml"):
                reader = _Notes(name, notes)
                pieces = archive.pieces(f"{folder}/{part}.xml")
                xml.parse(pieces, reader.begin, reader.end, reader.story.characters)
        builder = Builder()
        text = Story(levels.found, notes, _into(builder))
        xml.parse(archive.pieces(document), text.begin, text.end, text.characters)
    return builder.done()


def _document(archive: Archive, xml: Xml) -> str:
    """The part that is the document: most call it the same, and all say so."""
    found = ["word/document.xml"]

    def begin(name: str, attributes: dict[str, str]) -> None:
        if name == _RELATION and attributes.get("Type", "").endswith("/officeDocument"):
            found.append(attributes.get("Target", "").lstrip("/")[:200])

    if not archive.holds(found[0]) and archive.holds("_rels/.rels"):
        xml.parse(archive.pieces("_rels/.rels"), begin, lambda _name: None)
    if not archive.holds(found[-1]):
        raise BadInput("it is a zip archive and no DOCX: save it as DOCX")
    return found[-1]


def _into(builder: Builder) -> Write:
    def write(text: str, level: int) -> None:
        if level and text.strip():
            builder.heading(level, text)
        builder.add(f"{text}\n")

    return write


class _Levels:
    """Which styles are headings of what level."""

    def __init__(self) -> None:
        self.found: dict[str, int] = {}
        self._style = ""

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        match LOOKED_AT.get(name):
            case "style":
                self._style = value_of(attributes, "styleId")[:100]
            case "name":
                found = _NAME.match(value_of(attributes)[:100])
                if found and self._style and len(self.found) < _MOST_STYLES:
                    self.found[self._style] = int(found[1] or found[2]) or 1
            case "outlineLvl":
                level = value_of(attributes)
                if level in tuple("012345678") and self._style and len(self.found) < _MOST_STYLES:
                    self.found.setdefault(self._style, int(level) + 1)

    def end(self, name: str) -> None:
        if LOOKED_AT.get(name) == "style":
            self._style = ""


class _Notes:
    """Footnotes, endnotes or comments by kind and number, each as one line."""

    def __init__(self, kind: str, notes: dict[str, str]) -> None:
        self._kind = kind
        self._notes = notes
        self._length = 0
        self._key = ""
        self._author = ""
        self._said: list[str] = []
        self.story = Story({}, {}, lambda text, _level: self._said.append(text))

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        if LOOKED_AT.get(name) == self._kind:
            self._key = f"{self._kind} {value_of(attributes, 'id')[:20]}"
            self._author = value_of(attributes, "author")[:100]
            self._said.clear()
        else:
            self.story.begin(name, attributes)

    def end(self, name: str) -> None:
        if LOOKED_AT.get(name) != self._kind:
            self.story.end(name)
            return
        line = " ".join(" ".join(self._said).split())
        if self._kind == "comment" and line:
            line = f"[{self._author}: {line}]" if self._author else f"[{line}]"
        self._length += len(line)
        if self._length <= MOST_CHARACTERS and len(self._notes) < _MOST_NOTES and line:
            self._notes[self._key] = line
