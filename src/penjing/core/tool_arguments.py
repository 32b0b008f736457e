"""A tool's arguments against its JSON schema: the one place where they are checked.

The part of JSON Schema that tools use, with bounds, and nothing that fetches: no `$ref`, no
`format`. Schemas are our own or were tamed; what a stranger's schema may say, and of it can be
looked at, is in `schema_check.py`. Pure values.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from penjing.core.schema_check import TYPES, same

_MAX_DEPTH = 16
_MAX_TEXT = 10_000
_MAX_ITEMS = 1_000
_NOTES = {"description", "title", "default", "examples"}
_KNOWN = _NOTES | {
    "type", "enum", "const", "properties", "required", "additionalProperties", "minProperties",
    "maxProperties", "items", "minItems", "maxItems", "minLength", "maxLength", "pattern",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "anyOf",
}  # fmt: skip


def mistake(value: Any, schema: Mapping[str, Any], at: str = "") -> str:
    """What is wrong with a value, in one line that names where; empty when nothing is.

    Raises ValueError for a keyword that is not known: it is the schema's author who must know.
    """
    return _mistake(value, schema, at, _MAX_DEPTH)


def unknown_keywords(schema: Mapping[str, Any]) -> set[str]:
    """Keywords at the top of a schema that `mistake` would not obey."""
    return set(schema) - _KNOWN


def _mistake(value: Any, schema: Mapping[str, Any], at: str, depth: int) -> str:
    if depth < 0:
        return f"{at or 'it'} is nested too deeply"
    if unknown := unknown_keywords(schema):
        raise ValueError(f"schema keyword {sorted(unknown)[0]!r} is not supported")
    checks: tuple[Callable[[], str], ...] = (
        lambda: _type(value, schema.get("type"), at),
        lambda: _choice(value, schema, at),
        lambda: _text(value, schema, at) if isinstance(value, str) else "",
        lambda: _number(value, schema, at) if TYPES["number"](value) else "",
        lambda: _object(value, schema, at, depth) if isinstance(value, Mapping) else "",
        lambda: _array(value, schema, at, depth) if isinstance(value, list | tuple) else "",
        lambda: _any_of(value, schema, at, depth),
    )
    return next((wrong for check in checks if (wrong := check())), "")


def _type(value: Any, wanted: str | Sequence[str] | None, at: str) -> str:
    if wanted is None:
        return ""
    kinds = [wanted] if isinstance(wanted, str) else list(wanted)
    if any(TYPES[kind](value) for kind in kinds):
        return ""
    return f"{at or 'the arguments'} must be {_article(' or '.join(kinds))}"


def _article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _choice(value: Any, schema: Mapping[str, Any], at: str) -> str:
    choices = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if choices is None or any(same(value, choice) for choice in choices):
        return ""
    return f"{at or 'it'} must be one of {', '.join(map(str, choices[:20]))}"


def _text(value: str, schema: Mapping[str, Any], at: str) -> str:
    where = at or "it"
    longest = schema.get("maxLength", _MAX_TEXT)
    if len(value) > longest:
        return f"{where} is longer than {longest} characters"
    if len(value) < schema.get("minLength", 0) or (schema.get("minLength") and not value.strip()):
        return f"{where} is empty"
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t" for char in value):
        return f"{where} holds a control character"
    pattern = schema.get("pattern")
    if pattern and not re.search(pattern, value):
        wanted = schema.get("description")
        return f"{where} '{value[:40]}' has another form" + (f": {wanted}" if wanted else "")
    return ""


def _number(value: float, schema: Mapping[str, Any], at: str) -> str:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if not low <= value <= high:
        return f"{at or 'it'} must be {_range(low, high)}"
    if above is not None and value <= above:
        return f"{at or 'it'} must be more than {above}"
    if below is not None and value >= below:
        return f"{at or 'it'} must be less than {below}"
    return ""


def _range(low: float, high: float) -> str:
    if math.isinf(low):
        return f"at most {high:g}"
    return f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"


def _object(value: Mapping[str, Any], schema: Mapping[str, Any], at: str, depth: int) -> str:
    own = schema.get("properties", {})
    missing = [name for name in schema.get("required", ()) if name not in value]
    if missing:
        return f"{_inside(at, missing[0])} is missing"
    if len(value) > min(schema.get("maxProperties", _MAX_ITEMS), _MAX_ITEMS):
        return f"{at or 'it'} has too many parts"
    if len(value) < schema.get("minProperties", 0):
        others = [name for name in own if name not in value]
        return f"{at or 'it'} needs one of {', '.join(others)}"
    extra = schema.get("additionalProperties", True)
    for name, part in value.items():
        inner = own.get(name, extra if isinstance(extra, Mapping) else None)
        if inner is None and extra is False:
            return f"there is no '{str(name)[:40]}': it may have {', '.join(own) or 'nothing'}"
        wrong = _mistake(part, inner or {}, _inside(at, str(name)), depth - 1)
        if wrong:
            return wrong
    return ""


def _inside(at: str, name: str) -> str:
    return f"{at}.{name[:40]}" if at else name[:40]


def _array(value: Sequence[Any], schema: Mapping[str, Any], at: str, depth: int) -> str:
    where = at or "it"
    if len(value) > min(schema.get("maxItems", _MAX_ITEMS), _MAX_ITEMS):
        return f"{where} has too many items"
    if len(value) < schema.get("minItems", 0):
        return f"{where} has too few items"
    for index, item in enumerate(value):
        wrong = _mistake(item, schema.get("items", {}), f"{where}[{index}]", depth - 1)
        if wrong:
            return wrong
    return ""


def _any_of(value: Any, schema: Mapping[str, Any], at: str, depth: int) -> str:
    choices = schema.get("anyOf")
    if not choices:
        return ""
    wrongs = [_mistake(value, choice, at, depth - 1) for choice in choices]
    return "" if "" in wrongs else wrongs[0]


def size_of(value: Any) -> int:
    """Bytes of a value as JSON."""
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
