"""What somebody said, in stand-ins: private characters that answer to the real ones.

A template is run with them in place of the visible characters of the messages (`prompt.py`), and
whatever comes out as a stand-in was said by somebody. Knows texts; must not know templates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_FIRST_STAND_IN, _LAST_STAND_IN = 0xF0000, 0x10FFFD
SAID = re.compile("[\U000f0000-\U0010fffd](?:[\\s\U000f0000-\U0010fffd]*[\U000f0000-\U0010fffd])?")
"""A run of stand-ins, and the white space between them."""


@dataclass(frozen=True)
class Segment:
    """A piece of a rendered prompt; all pieces joined are the prompt."""

    text: str
    """The characters."""
    trusted: bool
    """True: written by the template, markers are control tokens. False: said by somebody."""


class StandIns:
    """A private character for each visible character that was said."""

    def __init__(self, texts: Iterable[str], taken: str) -> None:
        said = {char for text in texts for char in text if not char.isspace()}
        used = set(taken)
        free = (
            code
            for code in range(_FIRST_STAND_IN, _LAST_STAND_IN + 1)
            if code & 0xFFFF < 0xFFFE and chr(code) not in used
        )
        self.table = dict(zip(map(ord, sorted(said)), map(chr, free), strict=False))
        self.complete = len(self.table) == len(said)
        self._back = {ord(stand_in): chr(code) for code, stand_in in self.table.items()}

    def mark(self, text: str) -> str:
        """The text in stand-ins; it still answers to its real characters."""
        return Said(text.translate(self.table), self.table)

    def dress(self, text: str) -> str:
        """The same text; if there are stand-ins in it, it answers to their real characters."""
        return Said(text, self.table) if SAID.search(text) else text

    def unmark(self, text: str) -> str:
        """The real text again."""
        return text.translate(self._back)


class Said(str):
    """A text in stand-ins whose methods take real characters, as a template will ask."""

    __slots__ = ("_table",)
    _table: Mapping[int, str]

    def __new__(cls, text: str, table: Mapping[int, str]) -> Said:
        made = super().__new__(cls, text)
        made._table = table
        return made

    def __str__(self) -> str:
        return self

    def __contains__(self, part: object) -> bool:
        return isinstance(part, str) and super().__contains__(self._wear(part))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and super().__eq__(self._wear(other))

    __hash__ = str.__hash__

    def __getitem__(self, index: Any) -> str:
        return Said(super().__getitem__(index), self._table)

    def __iter__(self) -> Iterator[str]:
        return (Said(char, self._table) for char in super().__iter__())

    def replace(self, old: Any, new: Any, count: Any = -1) -> str:
        return Said(super().replace(self._wear(old), new, count), self._table)

    def _wear(self, text: str) -> str:
        """What to look for: `text` as said, unless only the template's own words have it."""
        if isinstance(text, Said):
            return text
        worn = text.translate(self._table)
        own = super().__contains__(text) and not super().__contains__(worn)
        return text if own else worn

    def _ask(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        def worn(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(worn(each) for each in value)
            if not isinstance(value, str):
                return value
            both = value + value.translate(self._table)
            return both if name.endswith("strip") else self._wear(value)

        answer = getattr(super(), name)(*map(worn, args), **kwargs)
        if isinstance(answer, str):
            return Said(answer, self._table)
        if isinstance(answer, list | tuple):
            return type(answer)(Said(each, self._table) for each in answer)
        return answer


def _asking(name: str) -> Callable[..., Any]:
    def method(self: Said, *args: Any, **kwargs: Any) -> Any:
        return self._ask(name, args, kwargs)

    method.__name__ = name
    return method


for _name in (
    *("count", "endswith", "find", "index", "lstrip", "partition", "removeprefix"),
    *("removesuffix", "rfind", "rindex", "rpartition", "rsplit", "rstrip", "split"),
    *("splitlines", "startswith", "strip"),
):
    setattr(Said, _name, _asking(_name))
