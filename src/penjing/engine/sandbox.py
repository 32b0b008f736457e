"""Runs a Jinja template of unknown origin within bounds: what it may use, passes, bytes, time.

Jinja's own sandbox keeps a template away from Python's insides, and `range` short. It does not
keep it from looping for years or filling the memory; a model file brings its own template, so a
hostile or broken one must end in an error. Everything that a template may use is on a list
(`allowed.py`); what it does is paid from a budget (`budget.py`), before it is done (`costs.py`,
`filters.py`). What slips through all the same ends with the process it runs in (`rendering.py`).
Knows nothing of messages or markers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sized
from typing import Any

from jinja2 import nodes, pass_context
from jinja2.ext import Extension, loopcontrols
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from penjing.engine import allowed, costs, filters
from penjing.engine.allowed import NotAllowedError
from penjing.engine.budget import RUN, Budget, TooMuchError, written
from penjing.engine.filters import RefusedError

__all__ = ["NotAllowedError", "RefusedError", "TooMuchError", "run"]

_MAX_SOURCE = 256 * 1024
_MAX_TOKENS = 30_000  # the largest template of a current model has 3,000
_MAX_NODES = 10_000  # likewise 1,000
_DEAR = (nodes.Macro, nodes.Block, nodes.CallBlock, nodes.FilterBlock, nodes.For)
_DEAR_NODES = 8  # what one of these is worth: a function of its own
_MOST_ARGUMENTS = 1000
_LARGEST_BITS = 60  # of a number in the source: larger ones can have one hash


def run(
    source: str,
    variables: Mapping[str, Any],
    *,
    steps: int = 1_000_000,
    memory: int = 32 * 2**20,
    longest: int = 2**20,
    seconds: float = 3.0,
    dress: Callable[[str], str] = str,
) -> str:
    """The text a template writes. Raises TemplateError, or whatever the template provokes.

    `memory` bounds the bytes of all that it makes, `longest` the characters of what it writes.
    `dress` is given every text the template puts together and returns an equal one.
    """
    token = RUN.set(Budget(steps, memory, seconds, dress))
    try:
        pieces, length = [], 0
        for piece in _compiled(source).generate(variables):
            pieces.append(piece)
            length += len(piece)
            if length > longest:
                raise TooMuchError("it writes too much")
        return "".join(pieces)
    finally:
        RUN.reset(token)


@functools.lru_cache(maxsize=2)
def _compiled(source: str) -> Any:
    if len(source) > _MAX_SOURCE:
        raise TooMuchError(f"it is longer than {_MAX_SOURCE} characters")
    return _environment().from_string(source)


@functools.lru_cache(maxsize=1)
def _environment() -> _Bounded:
    """As transformers sets it up, with only what is on the lists."""
    environment = _Bounded(
        trim_blocks=True,
        lstrip_blocks=True,
        optimized=False,
        finalize=_finalize,
        extensions=[loopcontrols, _Generation],
    )
    environment.filters = dict(filters.filters())
    environment.tests = dict(filters.tests())
    environment.globals = dict(filters.functions())
    return environment


class _Generation(Extension):
    """`{% generation %}`: marks what the assistant wrote, for training; here only its body.

    It also counts what the parser is given.
    """

    tags = {"generation"}  # noqa: RUF012

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """Every word of the template, once."""
        for count, token in enumerate(stream):
            RUN.get().step(0)
            if count > _MAX_TOKENS:
                raise TooMuchError(f"it has more than {_MAX_TOKENS} words")
            yield token

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Bounded(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "**", "%"})

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        _Meter().visit(tree)
        return tree

    # what the meter puts into a template

    def tick(self) -> None:
        """One turn of a loop or one run of a macro."""
        RUN.get().step()

    def fixed(self, chars: int) -> str:
        """So many characters of the template's own are written."""
        RUN.get().charge(chars)
        return ""

    def seen(self, value: Any) -> Any:
        """A value that is compared."""
        RUN.get().step()
        return value

    def spread(self, values: Any) -> Any:
        """`*values` in a call."""
        found = RUN.get().gathered(values)
        if isinstance(found, Sized) and len(found) > _MOST_ARGUMENTS:
            raise TooMuchError("it calls with too many values")  # each call on the way copies them
        return found

    def made(self, value: Any) -> Any:
        """A list, tuple or mapping that was spelled out."""
        return costs.made(value)

    def joined(self, *values: Any) -> Any:
        """`a ~ b`."""
        return costs.joined(values)

    # what Jinja asks of an environment

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`: a method of the list, or an entry."""
        RUN.get().step()
        missing = object()
        if isinstance(obj, dict) and attribute not in allowed.methods_of(dict) and attribute in obj:
            return obj[attribute]
        found = allowed.attribute(obj, attribute, missing)
        if found is not missing:
            return found
        try:
            if isinstance(obj, allowed.SUBSCRIPTED):
                return obj[attribute]  # type: ignore[call-overload, index]
        except (TypeError, LookupError):
            pass
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`: an entry, or a method of the list."""
        budget = RUN.get()
        budget.step()
        if isinstance(obj, allowed.SUBSCRIPTED):
            if isinstance(argument, slice) and isinstance(obj, str | list | tuple):
                return costs.cut(obj, argument)
            try:
                return obj[argument]
            except (TypeError, LookupError):
                pass
        missing = self.undefined(obj=obj, name=argument)
        if not isinstance(argument, str):
            return missing
        return allowed.attribute(obj, str(argument), missing)

    def call_binop(
        self,
        context: Context,  # noqa: ARG002
        operator: str,
        left: Any,
        right: Any,
    ) -> Any:
        """`left operator right`."""
        return costs.binary(operator, left, right)

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """`function(...)`: of the lists only."""
        owner = getattr(function, "__self__", None)
        if owner is self:
            return function(*args)
        name = getattr(function, "__name__", "")
        if isinstance(owner, str | list | tuple | dict | float):
            if name not in allowed.methods_of(type(owner)):
                raise allowed.not_callable(function)
            for inner in ("_loop_vars", "_block_vars"):  # Jinja's own, for its functions
                kwargs.pop(inner, None)
            if name in ("format", "format_map"):
                function = self.wrap_str_format(function) or function
            return costs.method(name, owner, function, args, kwargs)
        RUN.get().step()
        if not (
            isinstance(function, allowed.CALLED)
            or any(function is one for one in self.globals.values())
            or (owner is not None and name in allowed.methods_of(type(owner)))
        ):
            raise allowed.not_callable(function)
        result = super().call(context, function, *args, **kwargs)
        return result if name in ("cycle", "next") else costs.made(result)


class _Meter(NodeTransformer):
    """Refuses what is not on the lists, and puts the counting into a parsed template."""

    def __init__(self) -> None:
        self._nodes = 0

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        """Every node comes through here, once."""
        RUN.get().step(0)
        self._nodes += _DEAR_NODES if isinstance(node, _DEAR) else 1
        if self._nodes > _MAX_NODES:
            raise TooMuchError(f"it has more than {_MAX_NODES} parts")
        allowed.require_node(node)
        return super().visit(node, *args, **kwargs)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if node.test is not None:  # a test that always fails never reaches the body
            passed = nodes.Not(_call("tick"))
            node.test = nodes.And(passed, node.test)
        return _ticking(node)

    def _counted(self, node: Any) -> nodes.Node:
        self.generic_visit(node)
        return _ticking(node)

    visit_Macro = visit_CallBlock = visit_Block = _counted  # noqa: N815

    def visit_Output(self, node: nodes.Output) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        chars = sum(len(one.data) for one in node.nodes if isinstance(one, nodes.TemplateData))
        if chars:
            node.nodes.insert(0, _call("fixed", nodes.Const(chars)))
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.expr = _call("seen", node.expr)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _call("joined", *node.nodes)

    def visit_Const(self, node: nodes.Const) -> nodes.Node:  # noqa: N802
        if isinstance(node.value, int) and node.value.bit_length() > _LARGEST_BITS:
            raise TooMuchError("its numbers are too large")
        return node

    def _spreading(self, node: Any) -> nodes.Node:
        self.generic_visit(node)
        if node.dyn_args is not None:
            node.dyn_args = _call("spread", node.dyn_args)
        return node  # type: ignore[no-any-return]

    visit_Call = visit_Filter = visit_Test = _spreading  # noqa: N815

    def _measured(self, node: nodes.Expr) -> nodes.Node:
        self.generic_visit(node)
        return _call("made", node)

    visit_List = visit_Dict = _measured  # noqa: N815

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _call("made", node) if node.ctx == "load" else node


def _call(name: str, *arguments: nodes.Expr) -> nodes.Call:
    return nodes.Call(nodes.EnvironmentAttribute(name), list(arguments), [], None, None)


def _ticking(node: Any) -> nodes.Node:
    node.body.insert(0, nodes.ExprStmt(_call("tick")))
    return node  # type: ignore[no-any-return]


@pass_context
def _finalize(context: Context, value: Any) -> Any:  # noqa: ARG001
    RUN.get().step()
    return costs.made(value) if isinstance(value, str) else written(value)
