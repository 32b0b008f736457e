"""Arguments against a tool's JSON schema: the part of the language that tools here use.

A keyword that is not known here is left to the tool, which checks its own arguments again. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,),
    "array": (list, tuple), "object": (dict, Mapping), "null": (type(None),),
}  # fmt: skip
MAX_TEXT = 2000
"""Characters of one argument."""


def wrong_argument(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> str | None:
    """What is wrong with arguments, in one line; None when nothing is."""
    properties = schema.get("properties", {})
    for name, value in arguments.items():
        if name not in properties:
            known = ", ".join(sorted(properties)) or "none"
            return f"'{name}' is no argument of it (known: {known})"
        if (problem := wrong_value(properties[name], value)) is not None:
            return f"'{name}' {problem}"
    for name in schema.get("required", ()):
        if name not in arguments:
            return f"'{name}' is missing"
    return None


def wrong_value(  # noqa: PLR0911 -- a list of things that can be wrong
    schema: Mapping[str, Any], value: Any
) -> str | None:
    """What is wrong with one value; None when nothing is."""
    kinds = schema.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    if kinds and not any(_is(value, kind) for kind in kinds):
        return f"must be of type {' or '.join(kinds)}"
    if "enum" in schema and value not in schema["enum"]:
        return f"must be one of {', '.join(str(one) for one in schema['enum'])}"
    if "const" in schema and value != schema["const"]:
        return f"must be {schema['const']}"
    if isinstance(value, str) and len(value) > min(schema.get("maxLength", MAX_TEXT), MAX_TEXT):
        return "is too long"
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = schema.get("minimum"), schema.get("maximum")
        if (low is not None and value < low) or (high is not None and value > high):
            return f"must be from {low} to {high}"
    if isinstance(value, list | tuple) and "items" in schema:
        return next((p for one in value if (p := wrong_value(schema["items"], one))), None)
    return None


def _is(value: Any, kind: str) -> bool:
    if kind in ("integer", "number") and isinstance(value, bool):
        return False
    if kind == "integer" and isinstance(value, float):
        return value == int(value)
    return isinstance(value, _KINDS.get(kind, (object,)))
