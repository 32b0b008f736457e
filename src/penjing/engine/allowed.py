"""What a chat template may use, by list: everything else is refused by its name.

The lists hold what the templates of current models use (tests/engine/test_real_templates.py shows
each of their ways) and what is as harmless. Bytes are on none of them: no prompt needs them, and
their methods make a gigabyte of a letter. Knows names and types; must not know what things cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.filters import _GroupTuple
from jinja2.runtime import BlockReference, LoopContext, Macro, TemplateReference, Undefined
from jinja2.utils import Cycler, Joiner, Namespace


class NotAllowedError(TemplateError):
    """The template asked for what is on no list."""


def words(text: str) -> frozenset[str]:
    """A list, spelled as plain words."""
    return frozenset(text.split())


VIEWS: tuple[type[Any], ...] = (type({}.keys()), type({}.values()), type({}.items()))

_STR = words(
    """
    capitalize casefold center count endswith expandtabs find format format_map index isalnum
    isalpha isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle
    isupper join ljust lower lstrip partition removeprefix removesuffix replace rfind rindex rjust
    rpartition rsplit rstrip split splitlines startswith strip swapcase title upper zfill
    """
)
_LOOP = words(
    """
    changed cycle depth depth0 first index index0 last length nextitem previtem revindex revindex0
    """
)

ATTRIBUTES: tuple[tuple[type, frozenset[str]], ...] = (
    (str, _STR),
    (dict, frozenset(("copy", "get", "items", "keys", "values"))),
    (_GroupTuple, frozenset(("grouper", "list", "count", "index"))),
    (tuple, frozenset(("count", "index"))),
    (list, frozenset(("copy", "count", "index"))),
    (bool, frozenset()),
    (int, frozenset()),
    (float, frozenset(("is_integer",))),
    (LoopContext, _LOOP),
    (Cycler, frozenset(("current", "next", "reset"))),
    (Macro, frozenset(("arguments", "name"))),
)
"""Types and what may be asked of a value of the first that it is of; of any other: nothing."""

SUBSCRIPTED = (str, list, tuple, dict, range, Undefined, TemplateReference)
"""What may stand before [ ]."""

CALLED = (Macro, LoopContext, Joiner, BlockReference, Undefined)
"""What may stand before ( ), beside the methods and functions of these lists."""

FILTERS = words(
    """
    abs attr batch capitalize center count d default dictsort e escape first float format groupby
    indent int items join last length list lower map max min reject rejectattr replace reverse
    round safe select selectattr slice sort string sum title tojson trim truncate unique upper
    """
)

TESTS = words(
    """
    != < <= == > >= boolean callable defined divisibleby eq equalto even false filter float ge
    greaterthan gt in integer iterable le lessthan lower lt mapping ne none number odd sameas
    sequence string test true undefined upper
    """
)

_NODES: tuple[type[nodes.Node], ...] = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Block),
    *(nodes.For, nodes.If, nodes.Macro, nodes.CallBlock, nodes.FilterBlock, nodes.With),
    *(nodes.Assign, nodes.AssignBlock, nodes.ExprStmt, nodes.Continue, nodes.Break),
    *(nodes.Name, nodes.NSRef, nodes.Const, nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair),
    *(nodes.Keyword, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Call, nodes.Getitem),
    *(nodes.Getattr, nodes.Slice, nodes.Concat, nodes.Compare, nodes.Operand, nodes.Mul),
    *(nodes.Div, nodes.FloorDiv, nodes.Add, nodes.Sub, nodes.Mod, nodes.Pow, nodes.Not),
    *(nodes.And, nodes.Or, nodes.Neg, nodes.Pos, nodes.EnvironmentAttribute),
)
NODES = frozenset(_NODES)
"""What a template may be made of."""


def methods_of(kind: type) -> frozenset[str]:
    """What may be asked of a value of this type."""
    for one, names in ATTRIBUTES:
        if issubclass(kind, one):
            return names
    return frozenset()


def attribute(obj: Any, name: str, default: Any) -> Any:
    """An attribute of a value, if it is on the list; `default` if there is none of this name.

    Raises NotAllowedError for any other.
    """
    if name in methods_of(type(obj)):
        return getattr(obj, name)
    if name.startswith("_"):
        raise NotAllowedError(f"{_shown(name)} of a {_kind(obj)} is not allowed")
    if isinstance(obj, Undefined):
        return getattr(obj, name)  # says what is undefined
    if isinstance(obj, Namespace):
        return entries(obj).get(name, default)
    if hasattr(type(obj), name) or name in getattr(obj, "__dict__", ()):
        raise NotAllowedError(f"{_shown(name)} of a {_kind(obj)} is not allowed")
    return default


def entries(namespace: Namespace) -> Mapping[str, Any]:
    """What a namespace holds."""
    held: Mapping[str, Any] = object.__getattribute__(namespace, "_Namespace__attrs")
    return held


def not_callable(obj: Any) -> NotAllowedError:
    """What to raise for a call of something else."""
    name = getattr(obj, "__name__", None)
    return NotAllowedError(f"calling {_shown(name) if name else 'a ' + _kind(obj)} is not allowed")


def require_node(node: nodes.Node) -> None:
    """Raise NotAllowedError for a statement or expression that is on no list."""
    if type(node) not in NODES:
        name = type(node).__name__.lower().replace("scope", "autoescape")  # nothing else has one
        raise NotAllowedError(f"'{name}' is not allowed")
    for kind, listed, word in ((nodes.Filter, FILTERS, "filter"), (nodes.Test, TESTS, "test")):
        if isinstance(node, kind) and node.name not in listed:
            raise NotAllowedError(f"the {word} {_shown(node.name)} is not allowed")


def _kind(obj: Any) -> str:
    for kind, _ in ATTRIBUTES:
        if isinstance(obj, kind):
            return kind.__name__.strip("_").lower()
    return type(obj).__name__


def _shown(name: Any) -> str:
    return repr(str(name)[:40])
