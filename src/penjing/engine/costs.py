"""Operators and methods of a template, their cost counted before C code does the work.

C code is not interrupted by a clock, and what it makes is there at once: a text of a gigabyte, a
million pieces of one. So each method and operator that can make more than it is given, or look
through a text many times, is computed here first as a number. Knows values and the budget; must
not know filters or syntax.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from string import Formatter
from typing import Any

from penjing.engine.budget import (
    ITEM,
    OBJECT,
    RUN,
    Budget,
    TooMuchError,
    size_of,
    width,
    written,
)

_BITS = 256
LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_WIDE = 99  # columns
_PERCENT = re.compile(r"[#0\- +]*(\*|\d*)(?:\.(\*|\d*))?")
_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}


def made(value: Any) -> Any:
    """Count a value that was made, and dress it if it is a text."""
    budget = RUN.get()
    if isinstance(value, str):
        budget.text(value)
        return budget.dress(value)
    if isinstance(value, int):
        require_short(value)
    elif value is not None and not isinstance(value, float):
        size_of(value)
        if isinstance(value, list | tuple | dict):
            budget.charge(ITEM * (4 + len(value)))
    return value


def require_short(number: int) -> None:
    """Refuse a number that arithmetic takes long for."""
    if number.bit_length() > _BITS:
        raise TooMuchError("its numbers are too large")


def joined(values: Sequence[Any]) -> Any:
    """All of them as one text."""
    texts = [written(value) for value in values]
    RUN.get().afford(sum(map(len, texts)) * max(map(width, texts), default=1))
    return made("".join(texts))


def cut(values: str | list[Any] | tuple[Any, ...], part: slice) -> Any:
    """A part of a text or a list."""
    RUN.get().afford(len(values) * (width(values) if isinstance(values, str) else ITEM))
    return made(values[part])


# -- operators


def binary(sign: str, left: Any, right: Any) -> Any:
    """`left sign right`, counted before."""
    budget = RUN.get()
    budget.step()
    if isinstance(left, str) and sign == "%":
        percent(left, right)
    elif sign == "**":
        if not (_is_small(left) and _is_small(right)):
            raise TooMuchError("its numbers are too large")
    elif sign == "*":
        _repeated(budget, left, right)
        _repeated(budget, right, left)
    elif sign == "+":
        _added(budget, left, right)
    return made(_OPERATORS[sign](left, right))


def _added(budget: Budget, left: Any, right: Any) -> None:
    if isinstance(left, str) and isinstance(right, str):
        budget.afford((len(left) + len(right)) * max(width(left), width(right)))
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
        budget.afford((len(left) + len(right)) * ITEM)


def _repeated(budget: Budget, value: Any, times: Any) -> None:
    if not isinstance(times, int):
        return
    if isinstance(value, str):
        budget.afford(len(value) * width(value) * max(times, 0))
    elif isinstance(value, list | tuple):
        budget.afford((size_of(value).items * 64 + ITEM * len(value)) * max(times, 0))


def _is_small(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) <= 64


# -- methods of texts


def method(name: str, text: Any, ask: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """`text.name(*args, **kwargs)` by way of `ask`, counted before. `text`: a str, list or dict."""
    budget = RUN.get()
    budget.step()
    if not isinstance(text, str):
        if name == "copy" or name in ("index", "count"):
            budget.work(size_of(text).items + 64 * len(args))
        return ask(*args, **kwargs) if name == "get" else made(ask(*args, **kwargs))
    budget.work(len(text))
    if name in ("split", "rsplit"):
        return _split(budget, text, ask, args, kwargs)
    if name == "join":
        args = tuple([*budget.gathered(one)] if isinstance(one, Iterable) else one for one in args)
    _foresee(budget, name, text, (*args, *kwargs.values()))
    result = ask(*args, **kwargs)
    if isinstance(result, tuple | list):
        return pieces(budget, result)
    return result if isinstance(result, bool) else made(result)


def _foresee(budget: Budget, name: str, text: str, args: Sequence[Any]) -> None:
    size = len(text) * width(text)
    first = args[0] if args else None
    if name in ("center", "ljust", "rjust", "zfill") and isinstance(first, int):
        budget.afford(4 * max(len(text), first))
    elif name == "expandtabs":
        columns = first if isinstance(first, int) else 8
        budget.afford(size + 4 * text.count("\t") * max(columns, 0))
    elif name in ("strip", "lstrip", "rstrip", "rfind", "rindex", "rpartition"):
        if isinstance(first, str):  # naive searches: each place with each character
            budget.work(len(text) * max(1, len(first)))
    elif name in ("startswith", "endswith", "find", "index", "count", "partition"):
        budget.work(len(text) + sum(len(one) for one in args if isinstance(one, str | tuple)))
    elif name == "replace":
        replaced(budget, text, args)
    elif name == "join" and isinstance(first, list):
        texts = [one for one in first if isinstance(one, str)]
        between = width(text) * len(text) * len(texts)
        budget.afford(sum(len(one) for one in texts) * 4 + between)
    elif name == "splitlines":
        budget.afford(OBJECT * sum(text.count(end) for end in LINE_ENDS) + size)
    elif name in ("format", "format_map"):
        braces(text, args)
    else:
        budget.afford(3 * 4 * len(text))  # one letter's capitals may be three


def replaced(budget: Budget, text: str, args: Sequence[Any]) -> None:
    if len(args) < 2 or not isinstance(args[0], str) or not isinstance(args[1], str):
        return
    old, new = args[0], args[1]
    times = text.count(old)
    if len(args) > 2 and isinstance(args[2], int) and args[2] >= 0:
        times = min(times, args[2])
    widest = max(width(text), width(new))
    budget.afford((len(text) + times * max(len(new) - len(old), 0)) * widest)


def _split(budget: Budget, text: str, ask: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """At most as many pieces as can be paid."""
    words = dict(zip(("sep", "maxsplit"), args, strict=False)) | dict(kwargs)
    separator, most = words.get("sep"), words.get("maxsplit", -1)
    if len(args) > 2 or not (separator is None or isinstance(separator, str)):
        return ask(*args, **kwargs)  # it says what is wrong
    if isinstance(separator, str):
        budget.work(len(text) * (max(1, len(separator)) if ask.__name__ == "rsplit" else 1))
    paid = max(0, budget.left - len(text) * width(text)) // OBJECT
    if not isinstance(most, int) or 0 <= most <= paid:
        return pieces(budget, ask(separator, most))
    found = ask(separator, paid)
    if len(found) > paid:
        raise TooMuchError("it writes too much")
    return pieces(budget, found)


def pieces(budget: Budget, texts: Any) -> Any:
    """Count texts that were cut out of one."""
    budget.step(1 + len(texts) // 64)
    budget.charge(OBJECT * (1 + len(texts)) + sum(len(one) * width(one) for one in texts))
    made(texts)
    return type(texts)(map(budget.dress, texts))


# -- formats


def percent(text: str, values: Any) -> None:
    """Refuse, before it is done, `text % values` with columns wider than anybody's."""
    places, at = 0, text.find("%")
    while at >= 0:
        places += 1
        at = _end_of_key(text, at + 1)
        found = _PERCENT.match(text, at)
        if found is None:
            break
        for columns in found.groups():
            _require_narrow(columns or "")
        at = text.find("%", max(found.end(), at) + 1)
        RUN.get().step()
    _require_room(text, places, values if isinstance(values, tuple) else (values,))


def _end_of_key(text: str, at: int) -> int:
    """Where a place's key in parentheses ends, which may hold others."""
    if text[at : at + 1] != "(":
        return at
    depth = 0
    while at < len(text):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
        if depth == 0:
            break
    return at


def braces(text: str, values: Sequence[Any]) -> None:
    """The same for `text.format(*values)`."""
    places = 0
    for _, field, columns, _ in Formatter().parse(text):
        RUN.get().step()
        if field is None:
            continue
        places += 1
        if "{" in (columns or ""):
            _require_narrow("*")
        for number in re.findall(r"\d+", columns or ""):
            _require_narrow(number)
    _require_room(text, places, values)


def _require_narrow(columns: str) -> None:
    if columns == "*" or len(columns) > 4 or (columns.isdigit() and int(columns) > _WIDE):
        raise TooMuchError("it asks for very wide columns")


def _require_room(text: str, places: int, values: Sequence[Any]) -> None:
    longest = max((size_of(value).written for value in values), default=0)
    RUN.get().afford(4 * len(text) + places * (4 * _WIDE + 400 + longest))
