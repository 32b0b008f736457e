"""Runs a Jinja template of unknown origin within bounds: passes, sizes, time.

Jinja's own sandbox keeps a template away from Python's insides, and `range` short. It does not
keep it from looping for years or filling the memory; a model file brings its own template, so a
hostile or broken one must end in an error. Knows nothing of messages or markers.

Three things are counted while a template runs, each at the only places where it can grow:
passes (each turn of a loop, each call, each filter), characters made (outputs, joined strings,
results) and the expanded size of every list or mapping. A clock ends what is merely slow.
"""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import TemplateError, nodes, pass_context
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

_MAX_SOURCE = 512 * 1024
_MAX_ITEMS = 200_000  # in one value, counting what is inside what
_SMALL = 16  # widths and counts up to here need no check of their own
_BIG_WIDTH = re.compile(r"\d{3,}|\*")


class TooMuchError(TemplateError):
    """The template asked for more than it was given."""


class RefusedError(TemplateError):
    """The template itself called `raise_exception`."""


class _Run:
    """What one run may still use, and how it dresses the texts it makes."""

    def __init__(self, steps: int, chars: int, seconds: float, dress: Callable[[str], str]) -> None:
        self._steps = steps
        self._chars = chars
        self._end = time.monotonic() + seconds
        self.dress = dress

    def step(self, count: int = 1) -> None:
        self._steps -= count
        if self._steps < 0 or time.monotonic() > self._end:
            raise TooMuchError("it runs too long")

    def text(self, count: int) -> None:
        self._chars -= count
        if self._chars < 0:
            raise TooMuchError("it writes too much")


_RUN: ContextVar[_Run] = ContextVar("run")


def run(
    source: str,
    variables: Mapping[str, Any],
    *,
    steps: int = 1_000_000,
    chars: int = 16 * 2**20,
    seconds: float = 5.0,
    dress: Callable[[str], str] = lambda text: text,
) -> str:
    """The text a template writes. Raises TemplateError, or whatever the template provokes.

    `dress` is given every text the template puts together and returns an equal one.
    """
    token = _RUN.set(_Run(steps, chars, seconds, dress))
    try:
        return "".join(_compiled(source).generate(variables))
    finally:
        _RUN.reset(token)


@functools.lru_cache(maxsize=8)
def _compiled(source: str) -> Any:
    if len(source) > _MAX_SOURCE:
        raise TooMuchError(f"it is longer than {_MAX_SOURCE} characters")
    return _environment().from_string(source)


@functools.lru_cache(maxsize=1)
def _environment() -> _Bounded:
    """As transformers sets it up, with every filter watched."""
    environment = _Bounded(
        trim_blocks=True,
        lstrip_blocks=True,
        optimized=False,
        finalize=_finalize,
        extensions=[loopcontrols, _Generation],
    )
    for name in ("pprint", "random", "striptags", "urlize", "wordwrap", "xmlattr"):
        del environment.filters[name]
    del environment.globals["lipsum"]
    environment.filters["tojson"] = _to_json
    for name, function in environment.filters.items():
        environment.filters[name] = _watched(name, function)
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    return environment


class _Generation(Extension):
    """`{% generation %}`: marks what the assistant wrote, for training; here only its body."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Bounded(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        _Meter().visit(tree)
        return tree

    def tick(self, chars: int) -> None:
        """One turn of a loop or one run of a macro, which writes so many fixed characters."""
        _RUN.get().step()
        _RUN.get().text(chars)

    def made(self, value: Any) -> Any:
        """Every value that a template builds comes through here."""
        if isinstance(value, str):
            _RUN.get().text(len(value))
            return _RUN.get().dress(value)
        if isinstance(value, list | tuple | dict | Namespace):
            _expanded(value)
        elif isinstance(value, int) and value.bit_length() > 256:
            raise TooMuchError("its numbers are too large")
        return value

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        _RUN.get().step()
        if operator == "*":
            _check_repeat(left, right)
            _check_repeat(right, left)
        elif operator == "**" and not (_is_small(left) and _is_small(right)):
            raise TooMuchError("its numbers are too large")
        elif operator == "%" and isinstance(left, str):
            _check_format(left, right if isinstance(right, tuple) else (right,))
        return self.made(super().call_binop(context, operator, left, right))

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        _RUN.get().step()
        bound = getattr(function, "__self__", None)
        if bound is None:  # str.format arrives wrapped
            bound = getattr(getattr(function, "__wrapped__", None), "__self__", None)
        if isinstance(bound, str):
            if function.__name__ == "join":
                args = (list(*args),)  # a generator can be looked through only once
            _check_growth(function.__name__, (bound, *args), kwargs)
        return self.made(super().call(context, function, *args, **kwargs))


class _Meter(NodeTransformer):
    """Puts the counting into a parsed template."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if node.test is not None:  # a test that always fails never reaches the body
            passed = nodes.Not(_call("tick", nodes.Const(0)))
            node.test = nodes.And(passed, node.test)
        return _ticking(node)

    def _counted(self, node: Any) -> nodes.Node:
        self.generic_visit(node)
        return _ticking(node)

    visit_Macro = visit_CallBlock = visit_Block = _counted  # noqa: N815

    def _measured(self, node: nodes.Expr) -> nodes.Node:
        self.generic_visit(node)
        return _call("made", node)

    visit_Concat = visit_List = visit_Dict = _measured  # noqa: N815

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _call("made", node) if node.ctx == "load" else node


def _call(name: str, argument: nodes.Expr) -> nodes.Call:
    return nodes.Call(nodes.EnvironmentAttribute(name), [argument], [], None, None)


def _ticking(node: Any) -> nodes.Node:
    fixed = sum(len(data.data) for data in node.find_all(nodes.TemplateData))
    node.body.insert(0, nodes.ExprStmt(_call("tick", nodes.Const(fixed))))
    return node  # type: ignore[no-any-return]


@pass_context
def _finalize(context: Context, value: Any) -> Any:
    _RUN.get().step()
    return context.environment.made(value)  # type: ignore[attr-defined]


def _watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same filter, counted before and after."""
    passes = hasattr(function, "jinja_pass_arg")  # a context or an environment comes first

    @functools.wraps(function)
    def watched(*args: Any, **kwargs: Any) -> Any:
        _RUN.get().step()
        if name == "join":
            place = 1 if passes else 0
            args = (*args[:place], list(args[place]), *args[place + 1 :])
        _check_growth(name, args[1:] if passes else args, kwargs)
        return _environment().made(function(*args, **kwargs))

    return watched


def _check_growth(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse, before it is made, a result that is much longer than what it is made from."""
    budget = _RUN.get()
    subject = args[0] if args else ""
    length = len(subject) if isinstance(subject, str) else 1
    for value in (*args[1:], *kwargs.values()):
        if isinstance(value, int) and value > _SMALL:
            budget.text(value * (1 + length // 16))
    if name == "replace" and len(args) > 2:
        budget.text(str(subject).count(str(args[1])) * len(str(args[2])))
    elif name == "join":
        items = subject if isinstance(subject, list) else args[1] if len(args) > 1 else []
        between = args[1] if isinstance(subject, list) and len(args) > 1 else subject
        if isinstance(items, list | tuple | dict):
            budget.text(len(items) * len(str(between)))
            _expanded(list(items))
    elif name in ("format", "format_map") and isinstance(subject, str):
        _check_format(subject, (*args[1:], *kwargs.values()))


def _check_repeat(value: Any, times: Any) -> None:
    if isinstance(value, str) and isinstance(times, int):
        _RUN.get().text(len(value) * max(times, 0))
    elif (
        isinstance(value, list | tuple)
        and isinstance(times, int)
        and _expanded(value) * max(times, 0) > _MAX_ITEMS
    ):
        raise TooMuchError("its lists are too large")


def _check_format(text: str, values: Sequence[Any]) -> None:
    if _BIG_WIDTH.search(text) or "{:{" in text:
        raise TooMuchError("it asks for very wide columns")
    places = text.count("%") + text.count("{")
    for value in values:
        if isinstance(value, str):
            _RUN.get().text(places * len(value))
        else:
            _expanded(value)


def _is_small(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) <= 64


def _expanded(value: Any) -> int:
    """How many items a value has when everything inside it is written out; bounded.

    A list that holds one list twice, forty levels deep, is small in memory and endless in print.
    """
    sizes: dict[int, int] = {}

    def size(item: Any, depth: int) -> int:
        if isinstance(item, str):
            return 1 + len(item) // 64
        if isinstance(item, Namespace):
            item = object.__getattribute__(item, "_Namespace__attrs")
        if isinstance(item, dict):
            inner: Iterator[Any] = iter(item.values())
        elif isinstance(item, list | tuple):
            inner = iter(item)
        else:
            return 1
        if depth > 64:
            raise TooMuchError("its lists are nested too deeply")
        if id(item) not in sizes:
            sizes[id(item)] = 1  # a namespace may hold itself
            total = 1 + sum(size(each, depth + 1) for each in inner)
            if total > _MAX_ITEMS:
                raise TooMuchError("its lists are too large")
            sizes[id(item)] = total
        return sizes[id(item)]

    total = size(value, 0)
    _RUN.get().step(1 + len(sizes) // _SMALL)
    return total


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As transformers does: Jinja's own would escape what a model must read plainly."""
    if indent is not None and not 0 <= indent <= _SMALL:
        raise TooMuchError("it asks for very wide columns")
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _raise_exception(message: Any) -> NoReturn:
    raise RefusedError(str(message))


def _strftime_now(pattern: str) -> str:
    if len(pattern) > 100 or re.search(r"%[^A-Za-z%]*\d", pattern):
        raise TooMuchError("it asks for very wide columns")
    return datetime.now().strftime(pattern)  # local time, as transformers does
