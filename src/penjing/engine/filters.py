"""Filters, tests and functions of a template: Jinja's own where they are harmless, counted.

What is looked through passes by the budget item by item; what is made is counted before. Where
Jinja's own does too much in one breath (sums of lists, text for a number of any length), a plain
one stands here. Knows values and the budget; must not know how a template is parsed.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import TemplateError
from jinja2.environment import Environment
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.filters import make_attrgetter
from jinja2.runtime import Undefined
from jinja2.tests import TESTS as JINJA_TESTS
from jinja2.utils import Cycler, Joiner, Namespace, pass_environment

from penjing.engine import costs
from penjing.engine.allowed import FILTERS, TESTS, VIEWS, NotAllowedError, attribute, words
from penjing.engine.budget import (
    ITEM,
    OBJECT,
    RUN,
    CountedIterator,
    TooMuchError,
    length,
    size_of,
    width,
    written,
)

_PATHS = {
    **{"groupby": 0, "join": 1, "map": 0, "max": 1, "min": 1, "rejectattr": 0, "selectattr": 0},
    **{"sort": 2, "sum": 0, "unique": 1},
}
"""Filters that take a path, and which of their arguments it is."""
_ESCAPES = str.maketrans({"&": "&amp;", ">": "&gt;", "<": "&lt;", "'": "&#39;", '"': "&#34;"})
_LONGEST_PATH = 200
_LONGEST_NUMBER = 300  # characters; more is no number a template means
_LAZY = words("batch items map reject rejectattr select selectattr slice unique")
_EAGER = words("dictsort groupby join list max min reverse sort sum")
_PASSING = words("attr d default first last max min")
"""What they give was there before."""
_TEXTS = words("capitalize center indent lower replace title trim truncate upper")
_LOOKED_THROUGH: tuple[type[Any], ...] = (str, list, tuple, dict, range, Iterator, *VIEWS)


class RefusedError(TemplateError):
    """The template itself called `raise_exception`."""


def filters() -> dict[str, Callable[..., Any]]:
    """All there are, by name."""
    own: Mapping[str, Callable[..., Any]] = {
        "attr": _attr,
        "e": _escape,
        "escape": _escape,
        "float": functools.partial(_number, JINJA_FILTERS["float"]),
        "int": functools.partial(_number, JINJA_FILTERS["int"]),
        "round": _round,
        "safe": written,
        "string": written,
        "sum": _sum,
        "tojson": _to_json,
    }
    return {name: _watched(name, own.get(name) or JINJA_FILTERS[name]) for name in FILTERS}


def tests() -> dict[str, Callable[..., Any]]:
    """All there are, by name."""
    return {name: _tested(name, JINJA_TESTS[name]) for name in TESTS}


def functions() -> dict[str, Callable[..., Any]]:
    """What can be called by its name anywhere."""
    return {
        "cycler": Cycler,
        "dict": _dict,
        "joiner": Joiner,
        "namespace": _namespace,
        "raise_exception": _raise_exception,
        "range": _range,
        "strftime_now": _strftime_now,
    }


# -- filters


def _watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same filter, counted before and after."""
    place = 1 if hasattr(function, "jinja_pass_arg") else 0  # a context or environment is first

    def watched(*args: Any, **kwargs: Any) -> Any:
        budget = RUN.get()
        budget.step()
        given, subject, rest = args[:place], args[place], args[place + 1 :]
        if name in _LAZY:
            if isinstance(subject, _LOOKED_THROUGH) and name not in ("items", "slice"):
                subject = CountedIterator(subject, budget)
            elif name == "slice":
                subject = budget.gathered(subject)
            _require_few(name, rest, kwargs)
            _require_plain(name, rest, kwargs)
            return CountedIterator(function(*given, subject, *rest, **kwargs), budget)
        if name in _EAGER:
            subject = budget.gathered(subject)
        elif name in _TEXTS:
            subject = written(subject)
        _require_plain(name, rest, kwargs)
        _foresee(name, subject, rest, kwargs)
        result = function(*given, subject, *rest, **kwargs)
        return result if name in _PASSING or result is subject else _counted(name, result)

    watched.__name__ = name
    if place:
        watched.jinja_pass_arg = function.jinja_pass_arg  # type: ignore[attr-defined]
    return watched


def _counted(name: str, result: Any) -> Any:
    if name == "reverse" and not isinstance(result, str):
        return CountedIterator(result, RUN.get())
    if name == "groupby":
        RUN.get().charge(sum(OBJECT + ITEM * len(group.list) for group in result))
    return costs.made(result)


def _foresee(name: str, subject: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    budget = RUN.get()
    if name in _TEXTS:
        _foresee_text(name, subject, args, kwargs)
    elif name == "join":
        between = len(written(args[0] if args else kwargs.get("d", "")))
        budget.afford(size_of(subject).written + 4 * between * length(subject))
    elif name == "format":
        costs.percent(written(subject), (*args, *kwargs.values()))
    elif name in ("sort", "dictsort", "groupby", "min", "max"):
        budget.afford(size_of(subject).items * OBJECT)
    elif name == "abs":
        _require_number(name, subject)
    elif name in ("first", "last", "length", "count") and isinstance(subject, str):
        budget.step()


def _foresee_text(name: str, text: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    budget = RUN.get()
    budget.work(len(text))
    first = args[0] if args else None
    if name == "replace":
        words = dict(zip(("old", "new", "count"), args, strict=False)) | dict(kwargs)
        if "old" in words and "new" in words:
            pair = (written(words["old"]), written(words["new"]), words.get("count", -1))
            costs.replaced(budget, text, pair)
    elif name == "trim":
        chars = first if first is not None else kwargs.get("chars")
        budget.work(len(text) * max(1, length(chars)))
    elif name in ("center", "indent", "truncate"):
        lines = 2 + sum(text.count(end) for end in costs.LINE_ENDS) if name == "indent" else 1
        wide = max((_columns(value) for value in (*args, *kwargs.values())), default=4)
        budget.afford(4 * (len(text) + lines * max(wide, 80)) + OBJECT * lines)
    else:  # one letter's capitals may be three; a title is put together from its words
        budget.afford((OBJECT if name == "title" else 3 * 4) * len(text))


def _columns(value: Any) -> int:
    return value if isinstance(value, int) else length(value)


def _require_few(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    if name in ("batch", "slice"):
        for value in (*args[:1], *kwargs.values()):
            if isinstance(value, int):
                RUN.get().charge(ITEM * max(value, 0))


def _require_plain(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """A path such as "function.name" is cut into parts."""
    if name in _PATHS:
        named = args[_PATHS[name] : _PATHS[name] + 1]
        for path in (*named, kwargs.get("attribute")):
            if isinstance(path, str) and len(path) > _LONGEST_PATH:
                raise TooMuchError("it asks for a very long attribute")


def _require_number(name: str, value: Any) -> None:
    if not isinstance(value, int | float | Undefined):
        raise NotAllowedError(f"'{name}' of a {type(value).__name__} is not allowed")


@pass_environment
def _attr(environment: Environment, value: Any, name: str) -> Any:
    missing = environment.undefined(obj=value, name=written(name))
    return attribute(value, written(name), missing)


def _escape(value: Any) -> str:
    """As Jinja's, but a text: no template of a chat writes HTML."""
    text = written(value)
    RUN.get().afford(5 * width(text) * len(text))
    for char, name in (
        ("&", "&amp;"),
        (">", "&gt;"),
        ("<", "&lt;"),
        ("'", "&#39;"),
        ('"', "&#34;"),
    ):
        text = text.replace(char, name)
    return text


def _number(convert: Callable[..., Any], value: Any, default: Any = 0, base: int = 10) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST_NUMBER:
        return default
    return convert(value, default) if base == 10 else convert(value, default, base)


def _round(value: Any, precision: int = 0, method: str = "common") -> Any:
    _require_number("round", value)
    if not isinstance(precision, int) or abs(precision) > 30:
        raise TooMuchError("its numbers are too large")
    return JINJA_FILTERS["round"](value, precision, method)


@pass_environment
def _sum(environment: Environment, values: Any, attribute: Any = None, start: Any = 0) -> Any:
    """Step by step: a sum of lists copies all that came before at each."""
    get = make_attrgetter(environment, attribute)
    total = start
    for value in values:
        if isinstance(total, str):
            raise TypeError("'sum' of texts is not allowed: use 'join'")
        total = costs.binary("+", total, get(value))
    return total


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As transformers does: Jinja's own would escape what a model must read plainly."""
    columns = indent if isinstance(indent, int) else length(indent)
    if not 0 <= columns <= 16:
        raise TooMuchError("it asks for very wide columns")
    size = size_of(value)
    between = sum(map(length, separators)) if separators else 0
    RUN.get().afford(size.written + size.items * (between + columns * (size.depth + 1)))
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


# -- tests


def _tested(name: str, test: Any) -> Callable[..., Any]:
    place = 1 if hasattr(test, "jinja_pass_arg") else 0

    def tested(*args: Any, **kwargs: Any) -> Any:
        RUN.get().step()
        if name in ("odd", "even", "divisibleby"):  # of a text it would be a format
            _require_number(name, args[place])
        elif name in ("lower", "upper"):
            args = (*args[:place], written(args[place]), *args[place + 1 :])
        return test(*args, **kwargs)

    if place:
        tested.jinja_pass_arg = test.jinja_pass_arg  # type: ignore[attr-defined]
    return tested


# -- functions


def _dict(*args: Any, **kwargs: Any) -> dict[Any, Any]:
    """One by one: numbers can be chosen so that each is compared with all before."""
    if len(args) > 1:
        raise TypeError("dict takes one value")
    made: dict[Any, Any] = {}
    for given in (*args, kwargs):
        pairs: Iterable[Any] = given.items() if isinstance(given, dict) else given
        for key, value in CountedIterator(pairs, RUN.get()):
            made[key] = value
    return made


def _namespace(*args: Any, **kwargs: Any) -> Namespace:
    held = _dict(*args, **kwargs)
    for name in held:
        if not isinstance(name, str) or name.startswith("_"):
            raise NotAllowedError(f"{str(name)[:40]!r} in a namespace is not allowed")
    return Namespace(held)


def _range(*args: int) -> range:
    numbers = range(*args)
    if len(numbers) > 100_000:
        raise TooMuchError("its ranges are too long")
    return numbers


def _raise_exception(message: Any = "") -> NoReturn:
    raise RefusedError(written(message))


def _strftime_now(pattern: str) -> str:
    if len(pattern) > 100 or re.search(r"%[^A-Za-z%]*\d", pattern):
        raise TooMuchError("it asks for very wide columns")
    return datetime.now().strftime(pattern)  # local time, as transformers does
