"""What one run of a template may still use, and how large a value is when it is written out.

Counted are passes (turns of loops, calls, filters, look-ups) and bytes (of every text, list and
mapping that is made), before they are made. What is charged is never given back, so the memory a
template holds is at most what it was charged. A clock ends what is merely slow; it is looked at
on every pass, and no single operation may take long. Knows values; must not know Jinja's syntax.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextvars import ContextVar
from typing import Any, NamedTuple

from jinja2 import TemplateError
from jinja2.utils import Cycler, Namespace

from penjing.engine.allowed import VIEWS, entries

ITEM = 16
"""Bytes for one place in a list: a pointer, and room to grow."""
OBJECT = 96
"""Bytes for a small value of its own with its place: a short text, a number."""
MAX_ITEMS = 200_000
"""In one value, counting what is inside what."""
MAX_DEPTH = 64
_LAZY_DEPTH = 32
_WORK = 50_000_000
"""Steps of C code in one operation: a tenth of a second or so."""
_PER_PASS = 4096  # characters that C code looks through in the time of one pass


class TooMuchError(TemplateError):
    """The template asked for more than it was given."""


class Budget:
    """What one run may still use, and how it dresses the texts it makes."""

    def __init__(
        self, steps: int, memory: int, seconds: float, dress: Callable[[str], str] = str
    ) -> None:
        self._steps = steps
        self.left = memory
        """Bytes that may still be made."""
        self._end = time.monotonic() + seconds
        self.dress = dress

    def step(self, count: int = 1) -> None:
        """So many passes."""
        self._steps -= count
        if self._steps < 0 or time.monotonic() > self._end:
            raise TooMuchError("it runs too long")

    def work(self, amount: int) -> None:
        """C code will look at so many characters, and cannot be interrupted."""
        if amount > _WORK:
            raise TooMuchError("it searches too much at once")
        self.step(1 + amount // _PER_PASS)

    def afford(self, size: int) -> None:
        """Refuse what is going to be made before it is, if it would be too much."""
        if size > self.left:
            raise TooMuchError("it writes too much")

    def charge(self, size: int) -> None:
        """So many bytes were made, or will be."""
        self.afford(size)
        self.left -= size

    def text(self, text: str) -> None:
        """This text was made."""
        self.charge(width(text) * len(text))

    def gathered(self, values: Any) -> Any:
        """The same values, but of what can be looked through only once a list, counted."""
        if isinstance(values, str):
            self.charge(len(values) * (ITEM if values.isascii() else OBJECT))
        elif isinstance(values, (list, tuple, dict, range, *VIEWS)):
            self.charge(length(values) * (OBJECT if isinstance(values, range) else ITEM))
        elif isinstance(values, Iterator):
            return list(CountedIterator(values, self))
        return values


RUN: ContextVar[Budget] = ContextVar("run")
"""The budget of what is running."""


class CountedIterator:
    """An iterator of which each turn is a pass, and each item a place in memory."""

    __slots__ = ("_budget", "_values", "depth")

    def __init__(self, values: Iterable[Any], budget: Budget) -> None:
        self.depth = getattr(values, "depth", 0) + 1
        """How many stand one behind the other."""
        if self.depth > _LAZY_DEPTH:
            raise TooMuchError("its filters are nested too deeply")
        self._values = iter(values)
        self._budget = budget

    def __iter__(self) -> CountedIterator:
        return self

    def __next__(self) -> Any:
        self._budget.step()
        item = next(self._values)
        self._budget.charge(ITEM)
        return item


class Size(NamedTuple):
    """How large a value is when everything inside it is written out."""

    items: int
    """Values in it, it included; 64 characters count as one."""
    depth: int
    """Containers within each other."""
    written: int
    """Characters at most, however they are escaped."""


_NUMBER = Size(1, 0, 400)  # a float in plain digits may have as many


def width(text: str) -> int:
    """Bytes of a character of this text, at most."""
    return 1 if text.isascii() else 4


def size_of(value: Any) -> Size:
    """How large it is. Raises TooMuchError for what is too large or too deep to look at.

    A list that holds one list twice, forty levels deep, is small in memory and endless in print.
    """
    return _size(value, 0, {})


def _size(value: Any, depth: int, known: dict[int, Size]) -> Size:
    if isinstance(value, str):
        return Size(1 + len(value) // 64, 0, 2 + len(value) * (6 if value.isascii() else 12))
    if value is None or isinstance(value, int | float):
        return _NUMBER
    inner = _inner(value)
    if inner is None:
        return _NUMBER
    if depth > MAX_DEPTH:
        raise TooMuchError("its lists are nested too deeply")
    if id(value) not in known:
        RUN.get().step()
        known[id(value)] = Size(1, 1, 5)  # a namespace may hold itself
        items, deepest, written = 1, 0, 2
        for each in inner:
            size = _size(each, depth + 1, known)
            items += size.items
            deepest = max(deepest, size.depth)
            written += size.written + 2
            if items > MAX_ITEMS or len(known) > MAX_ITEMS:
                raise TooMuchError("its lists are too large")
        if depth + deepest > MAX_DEPTH:
            raise TooMuchError("its lists are nested too deeply")
        known[id(value)] = Size(items, deepest + 1, written)
    return known[id(value)]


def _inner(value: Any) -> Iterable[Any] | None:
    if isinstance(value, Namespace):
        value = entries(value)
    if isinstance(value, Cycler):
        return value.items
    if isinstance(value, dict):
        return (each for pair in value.items() for each in pair)
    if isinstance(value, VIEWS[2]):  # its pairs are made on the way, and gone at once
        return (each for pair in value for each in pair)
    if isinstance(value, VIEWS):
        return (each for each in value)
    return value if isinstance(value, list | tuple) else None


def written(value: Any) -> str:
    """Any value as text, its size looked at before."""
    if isinstance(value, str):
        return value
    budget = RUN.get()
    budget.afford(size_of(value).written)
    text = str(value)
    budget.text(text)
    return text


def length(value: Any) -> int:
    """How many are in it; 0 if that is not known."""
    return len(value) if isinstance(value, Sized) else 0
