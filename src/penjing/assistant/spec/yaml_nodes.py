"""YAML as a tree of entries that know their line; every mistake is one line that names it.

Bounded: size, depth, number of entries; anchors and aliases are refused, so nothing can grow by
repetition. Plain scalars are read as in YAML 1.2: `on`, `no` and `12:30` are texts. Knows YAML and
nothing of assistants.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput
from penjing.core.extras import needed
from penjing.core.files import read_text

MAX_BYTES = 2**20
"""Of one file."""
MAX_DEPTH = 24
"""Lists and mappings inside each other."""
MAX_ENTRIES = 50_000
"""Lists, mappings and scalars in one file."""

_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,15})")
_REAL = re.compile(r"[-+]?[0-9]{1,15}\.[0-9]{1,15}")
_CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True)
class Entry:
    """One value of a file, and where it stands."""

    value: Any
    """A text, number, boolean or None; a tuple of entries; a mapping of texts to entries."""
    file: str
    """What the file is called."""
    line: int
    """Counted from 1."""
    what: str
    """What it is the value of, for messages."""

    def wrong(self, message: str) -> BadInput:
        """An error that names this place."""
        return BadInput(f"{self.file}:{self.line}: {message}")

    def text(self) -> str:
        """A text that is not empty; a number is one too."""
        value = self.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(f"'{self.what}' must be a text: write some words")
        return value

    def name(self) -> str:
        """A name: letters, digits and underscores."""
        text = self.text()
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", text):
            raise self.wrong(
                f"'{text[:64]}' is no name: use letters, digits and underscores, a letter first"
            )
        return text

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.wrong(f"'{self.what}' must be true or false")
        return self.value

    def number(self, low: float, high: float) -> float:
        """A number within bounds."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(f"'{self.what}' must be a number from {low:g} to {high:g}")
        if not low <= value <= high:
            raise self.wrong(f"'{self.what}' is {value:g}: choose from {low:g} to {high:g}")
        return value

    def one_of(self, known: Iterable[str]) -> str:
        """One of some words."""
        names, text = sorted(known), self.text()
        if text not in names:
            raise self.wrong(f"'{text[:64]}' is no {self.what}: {nearest(text, names)}")
        return text

    def items(self) -> tuple[Entry, ...]:
        """The entries of a list."""
        if not isinstance(self.value, tuple):
            raise self.wrong(f"'{self.what}' must be a list: begin each line of it with '- '")
        return self.value

    def many(self) -> tuple[Entry, ...]:
        """The entries of a list; one entry alone is a list of one."""
        return self.value if isinstance(self.value, tuple) else (self,)

    def mapping(self) -> Mapping[str, Entry]:
        """The entries of a mapping, whatever their keys."""
        if not isinstance(self.value, dict):
            raise self.wrong(f"'{self.what}' must be a mapping: write lines of 'key: value'")
        return self.value

    def fields(self, *known: str, need: Iterable[str] = ()) -> Mapping[str, Entry]:
        """The entries of a mapping whose keys are known; unknown ones are refused."""
        found = self.mapping()
        for key, entry in found.items():
            if key not in known:
                raise entry.wrong(f"unknown key '{key[:64]}' in {self.what}: {nearest(key, known)}")
        for key in need:
            if key not in found:
                raise self.wrong(f"{self.what} has no '{key}': add it")
        return found

    def plain(self) -> Any:
        """The whole as plain data."""
        if isinstance(self.value, tuple):
            return [entry.plain() for entry in self.value]
        if isinstance(self.value, dict):
            return {key: entry.plain() for key, entry in self.value.items()}
        return self.value


def nearest(name: str, known: Iterable[str]) -> str:
    """What may have been meant."""
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"known: {', '.join(names)}" if names else "there are none"


def read_yaml(path: Path) -> Entry:
    """The tree of a file. BadInput names the line of what is wrong."""
    return parse_yaml(read_text(path, limit=MAX_BYTES), path.name)


def parse_yaml(text: str, file: str) -> Entry:
    """The tree of a text; `file` is only for messages."""
    with needed("an assistant spec", "assistant"):
        import yaml
    if len(text) > MAX_BYTES:
        raise BadInput(f"{file} is larger than {MAX_BYTES} bytes: shorten it")
    loader = yaml.SafeLoader  # by name: the C loader counts lines the same and recurses in C
    try:
        _bounded(yaml.parse(text, Loader=loader), file)
        node = yaml.compose(text, Loader=loader)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise BadInput(f"{file}{place}: this is not YAML: {problem}") from error
    if node is None:
        raise BadInput(f"{file} is empty: write a spec")
    return _entry(node, file, "the file")


def _bounded(events: Iterator[Any], file: str) -> None:
    depth = count = documents = 0
    for event in events:
        kind = type(event).__name__
        line = event.start_mark.line + 1
        if kind == "AliasEvent" or getattr(event, "anchor", None):
            raise BadInput(f"{file}:{line}: anchors and aliases are not read: write it out")
        if getattr(event, "tag", None) not in (None, "!"):
            raise BadInput(f"{file}:{line}: tags are not read: remove '{event.tag}'")
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        count += kind in ("ScalarEvent", "SequenceStartEvent", "MappingStartEvent")
        documents += kind == "DocumentStartEvent"
        if depth > MAX_DEPTH or count > MAX_ENTRIES or documents > 1:
            raise BadInput(f"{file}:{line}: too deep, too long or several documents: simplify it")


def _entry(node: Any, file: str, what: str) -> Entry:
    line = node.start_mark.line + 1
    if node.id == "sequence":
        return Entry(tuple(_entry(item, file, what) for item in node.value), file, line, what)
    if node.id == "scalar":
        value = node.value if node.style else _scalar(node.value)
        return Entry(value, file, line, what)
    found: dict[str, Entry] = {}
    for key, value in node.value:
        place = Entry(None, file, key.start_mark.line + 1, what)
        if key.id != "scalar":
            raise place.wrong("a key must be a text")
        if key.value in found:
            raise place.wrong(f"'{key.value[:64]}' is written twice: keep one")
        found[key.value] = _entry(value, file, key.value)
    return Entry(found, file, line, what)


def _scalar(text: str) -> Any:
    if text.lower() in _CONSTANTS:
        return _CONSTANTS[text.lower()]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _REAL.fullmatch(text) else text
