"""DOCX: a zip with XML in it. Paragraphs, tables row by row, headings by their style.

Bounded against bombs of both kinds: a member is read up to a limit whatever it claims, and a
document type, which alone could define entities, is refused.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable
from xml.parsers import expat

from penjing.core.errors import BadInput
from penjing.knowledge.plain import Builder, Plain

MOST_BYTES = 128 * 2**20
"""Of one member, unpacked."""
_PIECE = 2**16
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_NAME = re.compile(r"heading (\d)$|标题 ?(\d)$", re.I)
_DEEPEST = 500


def read(data: bytes) -> Plain:
    """The text in its order; a table's cells are parted by bars."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            levels = _Levels()
            if "word/styles.xml" in archive.namelist():
                _parse(archive, "word/styles.xml", levels.begin, levels.end, None)
            text = _Text(levels.found)
            _parse(archive, "word/document.xml", text.begin, text.end, text.characters)
    except KeyError as error:
        raise BadInput("it is a zip archive and no DOCX: save it as DOCX") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
            OSError, ValueError) as error:  # fmt: skip
        raise BadInput("it is damaged, or no DOCX: open it and save it again") from error
    return text.builder.done()


def _parse(
    archive: zipfile.ZipFile,
    name: str,
    begin: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    characters: Callable[[str], None] | None,
) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    if characters is not None:
        parser.CharacterDataHandler = characters
        parser.buffer_text = True
    count = 0
    try:
        with archive.open(name) as member:
            while piece := member.read(_PIECE):
                count += len(piece)
                if count > MOST_BYTES:
                    raise BadInput(f"it unpacks to more than {MOST_BYTES // 2**20} MB: split it")
                parser.Parse(piece, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise BadInput("its XML is damaged: open it and save it again") from error


def _refuse(*_: object) -> None:
    raise BadInput("its XML defines a document type, which no DOCX does: save it again")


def _word(name: str) -> str:
    """The local name of a WordprocessingML element or attribute; empty for others."""
    return name.removeprefix(f"{_W} ") if name.startswith(f"{_W} ") else ""


class _Levels:
    """Which styles are headings of what level."""

    def __init__(self) -> None:
        self.found: dict[str, int] = {}
        self._style = ""

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        match _word(name):
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
        if _word(name) == "style":
            self._style = ""


class _Text:
    """Paragraph after paragraph."""

    def __init__(self, levels: dict[str, int]) -> None:
        self.builder = Builder()
        self._levels = levels
        self._depth = 0
        self._within = False
        self._cells = 0
        self._level = 0
        self._pieces: list[str] = []
        self._length = 0

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise BadInput("its XML is nested too deeply: open it and save it again")
        match _word(name):
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
        self._depth -= 1
        match _word(name):
            case "t":
                self._within = False
            case "p":
                self._paragraph()
            case "tr":
                self._cells = 0
                self.builder.add("\n")

    def characters(self, text: str) -> None:
        if self._within:
            self._pieces.append(text)

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
