"""JSON schemas as people and programs write them, loosened to what a grammar can hold.

What is loosened admits all that the schema admits, and more: `schema_check.py` sees the rest. Pure
values; knows the words of JSON Schema, must not know who asks, nor which parser makes the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_HELD = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
_URI = r"^[A-Za-z][A-Za-z0-9+.\-]*:[^\s\"<>\\^`{|}]+$"
_SPELLED = {
    "uri": _URI,
    "url": _URI,
    "iri": _URI,
    "idn-email": r"^[^\s@\"]+@[^\s@\"]+$",
    "byte": r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
    "decimal": r"^-?[0-9]+(\.[0-9]+)?$",
}
"""Formats that a grammar does not know, as patterns that it does."""
_NOT_HELD = (
    *("uniqueItems", "propertyNames", "not", "if", "then", "else", "contains", "minContains"),
    *("maxContains", "dependentRequired", "dependentSchemas", "dependencies", "oneOf"),
    *(
        "unevaluatedProperties",
        "unevaluatedItems",
        "$dynamicRef",
        "$dynamicAnchor",
        "$recursiveRef",
    ),
)
ONE = (
    *("additionalProperties", "additionalItems", "items", "contains", "propertyNames", "not", "if"),
    *("then", "else", "unevaluatedItems", "unevaluatedProperties"),
)
"""Keys whose value is a schema."""
SEVERAL = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
"""Keys whose value may be a list of schemas."""
NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
"""Keys whose value names schemas."""


def each_schema(node: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """The schema with every schema inside it changed."""
    made = dict(node)
    for key, value in node.items():
        if key in NAMED and isinstance(value, Mapping):
            made[key] = {name: change(one) for name, one in value.items()}
        elif key in SEVERAL and isinstance(value, list | tuple):
            made[key] = [change(one) for one in value]
        elif key in ONE and isinstance(value, Mapping):
            made[key] = change(value)
    return made


def loosened(node: Any) -> Any:
    """A schema without what a grammar cannot hold."""
    if not isinstance(node, Mapping):
        return node
    if node.get("not") == {} or node.get("not") is True:
        return False  # zod's `never`: nothing satisfies it
    inside = each_schema(node, loosened)
    made = {key: value for key, value in inside.items() if key not in _NOT_HELD}
    if "oneOf" in inside:
        if "anyOf" in made:
            made["allOf"] = [*made.get("allOf", ()), {"anyOf": inside["oneOf"]}]
        else:
            made["anyOf"] = inside["oneOf"]
    if isinstance(made.get("pattern"), str):
        made["pattern"] = without_assertions(made["pattern"])
        if _BACK.search(made["pattern"]):
            del made["pattern"]
    return _formatted(made)


def _formatted(node: dict[str, Any]) -> dict[str, Any]:
    name = node.get("format")
    if name is None or name in _HELD or node.get("type", "string") in ("integer", "number"):
        return node
    made = {key: value for key, value in node.items() if key != "format"}
    if name in _SPELLED and node.get("type") == "string" and "pattern" not in node:
        made["pattern"] = _SPELLED[name]
    return made


def without_assertions(pattern: str) -> str:
    """A regular expression without look-around and word boundaries: it matches more."""
    return "".join(text for text, assertion in _parts(pattern) if not assertion)


def leading(pattern: str) -> list[tuple[bool, str]]:
    """(wanted, what) of the look-aheads that a pattern begins with, behind its ^."""
    found = []
    parts = _parts(pattern)
    if parts and parts[0] == ("^", False):
        for text, assertion in parts[1:]:
            if not assertion or text[:3] not in ("(?=", "(?!"):
                break
            found.append((text[2] == "=", text[3:-1]))
    return found


_BACK = re.compile(r"(?<!\\)(?:\\\\)*\\(?:[1-9]|k<)")
"""A reference to a group that matched before."""
_ASSERTION = re.compile(r"\(\?(?:[=!]|<[=!])")


def _parts(pattern: str) -> list[tuple[str, bool]]:
    """Characters, escapes and classes of a pattern one by one, and assertions whole."""
    parts: list[tuple[str, bool]] = []
    at = 0
    while at < len(pattern):
        if _ASSERTION.match(pattern, at):
            end = _closed(pattern, at)
            parts.append((pattern[at:end], True))
        else:
            end = _after(pattern, at)
            parts.append((pattern[at:end], pattern[at:end] in (r"\b", r"\B")))
        at = end
    return parts


def _closed(pattern: str, at: int) -> int:
    """The place behind the parenthesis that closes the one at `at`; the end if none does."""
    depth = 0
    while at < len(pattern):
        depth += {"(": 1, ")": -1}.get(pattern[at], 0)
        at = _after(pattern, at)
        if not depth:
            break
    return at


def _after(pattern: str, at: int) -> int:
    """The place behind the character, escape or class at `at`."""
    if pattern[at] == "\\":
        return at + 2
    if pattern[at] != "[":
        return at + 1
    at += 1 + (pattern[at + 1 : at + 2] == "^")
    at += pattern[at : at + 1] == "]"
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1
