"""The words of a DOCX part as they are told: paragraphs in rows, in boxes, in one another. Pure.

Both of the format's namespaces are known: the one most programs write, and the standard's "strict".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from penjing.core.errors import BadInput
from penjing.knowledge.plain import MOST_CHARACTERS

_SPACES = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)
_MATHS = (
    "http://schemas.openxmlformats.org/officeDocument/2006/math",
    "http://purl.oclc.org/ooxml/officeDocument/math",
)
_EITHER = "http://schemas.openxmlformats.org/markup-compatibility/2006"
_NAMES = """p r t tab ptab br cr noBreakHyphen tr tc pStyle outlineLvl vanish style name del
    moveFrom rt footnote endnote comment footnoteReference endnoteReference
    commentReference""".split()  # noqa: SIM905
LOOKED_AT: Mapping[str, str] = {
    **{f"{space} {name}": name for space in _SPACES for name in _NAMES},
    **{f"{space} t": "t" for space in _MATHS},
    **{f"{_EITHER} {name}": name for name in ("AlternateContent", "Choice", "Fallback")},
}
"""What is looked at, by namespace and name."""
_SKIPPED = frozenset(("del", "moveFrom", "rt", "Fallback"))
"""Deleted, moved elsewhere, said beside another word, said already."""
_SIGNS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_FALSE = ("0", "false", "off")

Write = Callable[[str, int], None]
"""A line, and the level of the heading that it is; 0 for none."""


def value_of(attributes: Mapping[str, str], name: str = "val") -> str:
    """An attribute of either namespace."""
    return next((attributes[key] for s in _SPACES if (key := f"{s} {name}") in attributes), "")


@dataclass
class _Paragraph:
    level: int = 0
    pieces: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    """Boxes and notes that hang at it."""

    def take(self, line: str) -> None:
        self.after.append(line)


@dataclass
class _Row:
    cells: list[list[str]] = field(default_factory=list)

    def take(self, line: str) -> None:
        if not self.cells:
            self.cells.append([])
        self.cells[-1].append(line)


class Story:
    """Told of a part's elements, it writes its lines."""

    def __init__(self, levels: Mapping[str, int], notes: Mapping[str, str], write: Write) -> None:
        self._levels = levels
        self._notes = notes
        self._write = write
        self._within: list[_Paragraph | _Row] = []
        self._skipping = 0
        """Elements open from one on that is not read."""
        self._hidden: list[bool] = []
        """Of each open run."""
        self._chosen: list[bool] = []
        self._reading = False
        self._length = 0

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        known = LOOKED_AT.get(name)
        if self._skipping or known in _SKIPPED or (known == "Choice" and self._is_chosen()):
            self._skipping += 1
            return
        match known:
            case "p":
                self._within.append(_Paragraph())
            case "tr":
                self._within.append(_Row())
            case "tc" if self._within and isinstance(self._within[-1], _Row):
                self._within[-1].cells.append([])
            case "r":
                self._hidden.append(False)
            case "vanish" if self._hidden:
                self._hidden[-1] = value_of(attributes) not in _FALSE
            case "t":
                self._reading = not (self._hidden and self._hidden[-1])
            case "AlternateContent":
                self._chosen.append(False)
            case str() if self._within and isinstance(self._within[-1], _Paragraph):
                self._of_paragraph(self._within[-1], known, attributes)

    def _of_paragraph(self, one: _Paragraph, known: str, attributes: dict[str, str]) -> None:
        if known == "pStyle":
            style = value_of(attributes)
            one.level = self._levels.get(style, _by_id(style))
        elif known == "outlineLvl":
            level = value_of(attributes)
            one.level = int(level) + 1 if level in tuple("012345678") else 0
        elif known in _SIGNS:
            one.pieces.append(_SIGNS[known])
        elif known.endswith("Reference"):
            key = f"{known.removesuffix('Reference')} {value_of(attributes, 'id')[:20]}"
            one.after += [self._notes[key]] if key in self._notes else []

    def end(self, name: str) -> None:
        """It ends."""
        if self._skipping:
            self._skipping -= 1
            return
        match LOOKED_AT.get(name):
            case "t":
                self._reading = False
            case "r":
                self._hidden.pop()
            case "AlternateContent":
                self._chosen.pop()
            case "p" | "tr":
                self._put(self._within.pop())

    def characters(self, text: str) -> None:
        """What stands in it."""
        if not self._reading or not self._within or self._skipping:
            return
        self._length += len(text)
        if self._length > MOST_CHARACTERS:
            most = MOST_CHARACTERS // 1_000_000
            raise BadInput(f"it holds more than {most} million characters: split it")
        if isinstance(self._within[-1], _Paragraph):
            self._within[-1].pieces.append(text)

    def _is_chosen(self) -> bool:
        """The first of several ways to say a thing is read; this is another."""
        if not self._chosen:
            return False
        was, self._chosen[-1] = self._chosen[-1], True
        return was

    def _put(self, one: _Paragraph | _Row) -> None:
        """Its lines go into what it stands in."""
        if isinstance(one, _Row):
            cells = [" ".join(cell) for cell in one.cells]
            lines = [(" | ".join(cells) if any(map(str.strip, cells)) else "", 0)]
        else:
            lines = [("".join(one.pieces), one.level), *((line, 0) for line in one.after)]
        for line, level in lines:
            if not line.strip():
                continue
            if self._within:
                self._within[-1].take(line.strip())
            else:
                self._write(line, level)


def _by_id(style: str) -> int:
    """A style that only says by its own name that it is a heading."""
    known = style.lower().replace(" ", "")
    return int(known[-1]) if known[:-1] == "heading" and known[-1] in "123456789" else 0
