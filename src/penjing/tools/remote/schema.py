"""A stranger's JSON schema, tamed: names, types and bounds are kept; words, patterns and size not.

What remains holds no text but names and choices, so that it may stand in a prompt from which an
action is decoded. Dropping a bound only makes us ask the server, which checks by itself. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_TYPES = {"object", "array", "string", "number", "integer", "boolean", "null"}
_NUMBERS = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
    "minItems", "maxItems",
)  # fmt: skip
_DEEPEST = 8
_MOST_NODES = 200
_MOST_PROPERTIES = 32
_MOST_CHOICES = 50
_LONGEST_CHOICE = 64
_LONGEST_ANSWER = 1_000_000


class Untamable(Exception):
    """It cannot be used; the message says why."""


def tame(schema: Any) -> dict[str, Any]:
    """The schema of an object with no other properties. Raises Untamable."""
    tamer = _Tamer(schema if isinstance(schema, Mapping) else {})
    found = tamer.tamed(schema, _DEEPEST)
    if found.get("type", "object") != "object":
        raise Untamable("its arguments are not an object")
    return {"type": "object", "properties": {}, **found, "additionalProperties": False}


def tame_answer(schema: Any) -> dict[str, Any]:
    """The schema of what it answers. Raises Untamable."""
    tamer = _Tamer(schema if isinstance(schema, Mapping) else {}, longest=_LONGEST_ANSWER)
    return tamer.tamed(schema, _DEEPEST)


class _Tamer:
    """Walks one schema, counting."""

    def __init__(self, root: Mapping[str, Any], longest: int | None = None) -> None:
        self._root, self._longest = root, longest
        self._nodes = 0

    def tamed(self, schema: Any, depth: int) -> dict[str, Any]:
        self._nodes += 1
        if depth < 0 or self._nodes > _MOST_NODES:
            raise Untamable("its schema is too large")
        if schema is True:
            return {}
        if not isinstance(schema, Mapping):
            raise Untamable("its schema is not a schema")
        if "$ref" in schema:
            return self.tamed(self._referred(schema["$ref"]), depth - 1)
        found: dict[str, Any] = {}
        if "type" in schema:
            found["type"] = _types(schema["type"])
        if "enum" in schema:
            found["enum"] = _choices(schema["enum"])
        if "const" in schema:
            found["enum"] = _choices([schema["const"]])
        for key in _NUMBERS:
            value = schema.get(key)
            if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12:
                found[key] = value
        if self._longest is not None:  # of texts that say nothing of their length
            found.setdefault("maxLength", self._longest)
        found |= self._inside(schema, depth)
        return found

    def _inside(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        properties = schema.get("properties")
        if isinstance(properties, Mapping):
            if len(properties) > _MOST_PROPERTIES:
                raise Untamable(f"it has more than {_MOST_PROPERTIES} parameters")
            found["properties"] = {
                _name(name): self.tamed(part, depth - 1) for name, part in properties.items()
            }
        required = schema.get("required")
        if isinstance(required, list) and required:
            if not set(map(str, required)) <= found.get("properties", {}).keys():
                raise Untamable("it requires what it does not describe")
            found["required"] = [str(name) for name in required]
        if schema.get("additionalProperties") is False:
            found["additionalProperties"] = False
        if "items" in schema:
            found["items"] = self.tamed(schema["items"], depth - 1)
        choices = schema.get("anyOf", schema.get("oneOf"))
        if isinstance(choices, list) and choices:
            found["anyOf"] = [self.tamed(choice, depth - 1) for choice in choices]
        whole = schema.get("allOf")
        if isinstance(whole, list) and len(whole) == 1:
            found |= self.tamed(whole[0], depth - 1)
        return found

    def _referred(self, reference: Any) -> Any:
        """Within the document alone: nothing is fetched."""
        match = re.fullmatch(r"#/(\$defs|definitions)/([A-Za-z0-9_.-]{1,100})", str(reference))
        part = self._root.get(match[1]) if match else None
        if match is None or not isinstance(part, Mapping) or match[2] not in part:
            raise Untamable("its schema refers to what is not in it")
        return part[match[2]]


def _name(name: Any) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Untamable("it has a parameter whose name is no name")
    return name


def _types(kind: Any) -> str | list[str]:
    kinds = [kind] if isinstance(kind, str) else kind
    if not isinstance(kinds, list) or not kinds or not all(one in _TYPES for one in kinds):
        raise Untamable("it has a type that is none")
    return kinds[0] if len(kinds) == 1 else list(kinds)


def _choices(choices: Any) -> list[Any]:
    if not isinstance(choices, list) or not 0 < len(choices) <= _MOST_CHOICES:
        raise Untamable("it has too many choices")
    for choice in choices:
        if isinstance(choice, str):
            if len(choice) > _LONGEST_CHOICE or not choice.isprintable():
                raise Untamable("it has a choice that is no word")
        elif not isinstance(choice, int | float | bool | None):
            raise Untamable("it has a choice that is no word")
    return list(choices)
