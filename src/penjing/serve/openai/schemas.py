"""JSON schemas from strangers: looked at before a grammar is made of them, and made narrower.

A grammar unrolls what a schema counts, so its size, depth and numbers are bounded here; what gets
through and is still too much for the engine comes back from it as BadInput.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from penjing.serve import limits
from penjing.serve.refusals import BadParameter

_COUNTS = (
    *("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"),
    *("minContains", "maxContains"),
)
_OPEN = ("additionalProperties", "patternProperties", "unevaluatedProperties", "propertyNames",
         "allOf", "anyOf", "oneOf", "not", "if", "$ref")  # fmt: skip
_LONGEST_PATTERN = 256


def checked(schema: Mapping[str, Any], param: str) -> dict[str, Any]:
    """A schema whose objects hold nothing that it does not name. Raises BadParameter."""
    text = json.dumps(schema)
    if len(text) > limits.SCHEMA_BYTES:
        raise _refusal(f"is longer than {limits.SCHEMA_BYTES} characters", param)
    _Look(param).at(schema, 0)
    narrow: dict[str, Any] = _narrowed(schema)
    return narrow


class _Look:
    """One walk through a schema."""

    def __init__(self, param: str) -> None:
        self._param = param
        self._nodes = 0

    def at(self, node: Any, depth: int) -> None:
        self._nodes += 1
        if depth > limits.SCHEMA_DEPTH:
            raise _refusal(f"is nested over {limits.SCHEMA_DEPTH} deep", self._param)
        if self._nodes > limits.SCHEMA_NODES:
            raise _refusal(f"has over {limits.SCHEMA_NODES} parts", self._param)
        if isinstance(node, list):
            for one in node:
                self.at(one, depth + 1)
        elif isinstance(node, dict):
            for key, value in node.items():
                self._pair(key, value)
                self.at(value, depth + 1)

    def _pair(self, key: str, value: Any) -> None:
        if key in _COUNTS and isinstance(value, int | float):
            if not 0 <= value <= limits.SCHEMA_NUMBER:
                raise _refusal(f"has a {key} over {limits.SCHEMA_NUMBER}", self._param)
        elif key == "pattern" and isinstance(value, str) and len(value) > _LONGEST_PATTERN:
            raise _refusal(f"has a pattern over {_LONGEST_PATTERN} characters", self._param)
        elif key == "$ref" and isinstance(value, str) and not value.startswith("#"):
            raise _refusal("refers to another document", self._param)


def _narrowed(node: Any) -> Any:
    """A small model would go on inventing properties where any are allowed."""
    if isinstance(node, list):
        return [_narrowed(one) for one in node]
    if not isinstance(node, dict):
        return node
    made = {
        key: value if key in ("enum", "const", "default", "examples") else _narrowed(value)
        for key, value in node.items()
    }
    if isinstance(node.get("properties"), dict) and not any(key in node for key in _OPEN):
        made["additionalProperties"] = False
    if _is_endless(node):
        made["maxItems"] = max(limits.ITEMS, int(node.get("minItems", 0)))
    return made


def _is_endless(node: Mapping[str, Any]) -> bool:
    """An array that may have as many items as the model likes."""
    kind = node.get("type")
    if kind != "array" and not (isinstance(kind, list) and "array" in kind):
        return False
    return not isinstance(node.get("maxItems"), int | float) and "prefixItems" not in node


def is_empty(schema: Mapping[str, Any]) -> bool:
    """Whether only {} can be meant by a schema of an object: there is nothing to ask for."""
    return not schema.get("properties") and not any(
        schema.get(key) for key in (*_OPEN, "required", "minProperties")
    )


def _refusal(what: str, param: str) -> BadParameter:
    return BadParameter(f"the schema {what}: simplify it", param, "invalid_schema")
