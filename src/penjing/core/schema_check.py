"""Whether a value satisfies a JSON schema, for what no grammar held it to.

Says where and what, in a few words. What cannot be looked at in bounded time (most patterns of
strangers) is taken for a hint: grammars hold patterns. Pure values.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from penjing.core.json_schema import leading

_DEEPEST = 64
_MOST_LOOKS = 20_000
_LONGEST = 4096  # characters that are looked at by a pattern
_SIMPLE = re.compile(r"(?:\\[.dwsDWS@/+*?-]|[A-Za-z0-9_@/ :,;.-]|\[[^\[\]\\]+\])(?:[*+?]|\{\d\})?")


def _is_number(value: Any) -> bool:
    """Not a boolean, and none of the numbers that JSON has not."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return isinstance(value, int) or math.isfinite(value)


TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, Mapping),
    "array": lambda value: isinstance(value, list | tuple),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
}
"""JSON Schema's types, by name."""


def fault(schema: Any, value: Any) -> str | None:
    """What of the schema the value does not satisfy ("x: two items are the same"), or None."""
    found = next(_Check(schema).at(schema, value, "", 0), None)
    return None if found is None else found[:200]


class _Check:
    """One look at a value. Every method gives what is wrong."""

    def __init__(self, root: Any) -> None:
        self._root, self._looks = root, 0

    def at(self, schema: Any, value: Any, where: str, depth: int) -> Iterator[str]:
        self._looks += 1
        if depth > _DEEPEST or self._looks > _MOST_LOOKS:  # it refers to itself
            return
        if schema is False:
            yield f"{where or 'it'}: nothing may be here"
        if not isinstance(schema, Mapping):
            return
        said = f"{where}: " if where else ""
        for check in (self._plain, self._combined, self._text, self._list, self._object):
            for problem in check(schema, value, where, depth + 1):
                yield problem if problem.startswith(where or "\0") else said + problem

    def _holds(self, schema: Any, value: Any, depth: int) -> bool:
        return next(self.at(schema, value, "", depth), None) is None

    def _plain(self, schema: Mapping[str, Any], value: Any, _: str, depth: int) -> Iterator[str]:
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if kinds and not any(TYPES[kind](value) for kind in kinds if kind in TYPES):
            yield f"it is not of type {' or '.join(map(str, kinds))}"
        if "const" in schema and not same(schema["const"], value):
            yield "it is another value"
        if isinstance(schema.get("enum"), list) and not any(
            same(one, value) for one in schema["enum"]
        ):
            yield "it is none of the values"
        if TYPES["number"](value):
            yield from _bounds(schema, value)
        reference = schema.get("$ref")
        if isinstance(reference, str) and (target := self._target(reference)) is not None:
            yield from self.at(target, value, "", depth)

    def _combined(
        self, schema: Mapping[str, Any], value: Any, where: str, depth: int
    ) -> Iterator[str]:
        for one in _list(schema.get("allOf")):
            yield from self.at(one, value, where, depth)
        for key in ("anyOf", "oneOf"):
            if key not in schema:
                continue
            fitting = sum(self._holds(one, value, depth) for one in _list(schema[key]))
            if not fitting:
                yield "it fits none of the forms"
            elif key == "oneOf" and fitting > 1:
                yield f"it fits {fitting} of the forms and may fit one"
        if "not" in schema and self._holds(schema["not"], value, depth):
            yield "it is what it may not be"
        if "if" in schema:
            then = "then" if self._holds(schema["if"], value, depth) else "else"
            yield from self.at(schema.get(then, True), value, where, depth)

    def _text(self, schema: Mapping[str, Any], value: Any, _: str, __: int) -> Iterator[str]:
        if not isinstance(value, str):
            return
        yield from _count(schema, len(value), "Length", "characters")
        pattern = schema.get("pattern")
        if not isinstance(pattern, str) or len(value) > _LONGEST:
            return
        for wanted, what in leading(pattern):
            if _is_simple(what) and bool(re.match(what, value)) != wanted:
                yield f"it does not match {pattern[:80]}"

    def _list(self, schema: Mapping[str, Any], value: Any, where: str, depth: int) -> Iterator[str]:
        if not isinstance(value, list | tuple):
            return
        yield from _count(schema, len(value), "Items", "items")
        if schema.get("uniqueItems") is True and len({_text_of(one) for one in value}) < len(value):
            yield "two items are the same"
        if "contains" in schema:
            found = sum(self._holds(schema["contains"], one, depth) for one in value)
            least, most = schema.get("minContains", 1), schema.get("maxContains", len(value))
            if not least <= found <= most:
                yield f"{found} of its items are as some must be"
        first = _list(schema.get("prefixItems", schema.get("items")))
        rest = schema.get("items", True) if "prefixItems" in schema or not first else True
        for number, one in enumerate(value):
            inner = first[number] if number < len(first) else rest
            yield from self.at(inner, one, f"{where}[{number}]", depth)

    def _object(
        self, schema: Mapping[str, Any], value: Any, where: str, depth: int
    ) -> Iterator[str]:
        if not isinstance(value, Mapping):
            return
        yield from _count(schema, len(value), "Properties", "properties")
        for name in _list(schema.get("required")):
            if name not in value:
                yield f"'{name}' is missing"
        known = schema.get("properties", {})
        rest = schema.get("additionalProperties", True)
        rest = True if "patternProperties" in schema else rest
        for name, one in value.items():
            if not self._holds(schema.get("propertyNames", True), name, depth):
                yield f"a property may not be called '{name[:40]}'"
            inner = known[name] if isinstance(known, Mapping) and name in known else rest
            yield from self.at(inner, one, f"{where}.{name}" if where else name, depth)
        yield from self._dependent(schema, value, where, depth)

    def _dependent(
        self, schema: Mapping[str, Any], value: Mapping[str, Any], where: str, depth: int
    ) -> Iterator[str]:
        for key in ("dependentRequired", "dependentSchemas", "dependencies"):
            needs = schema.get(key)
            for name, need in needs.items() if isinstance(needs, Mapping) else ():
                if name not in value:
                    continue
                for other in need if isinstance(need, list) else ():
                    if other not in value:
                        yield f"'{name}' needs '{other}'"
                if not isinstance(need, list):
                    yield from self.at(need, value, where, depth)

    def _target(self, reference: str) -> Any:
        node = self._root
        for part in reference.removeprefix("#").split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            node = node.get(name) if isinstance(node, Mapping) else None
        return node


def _list(found: Any) -> list[Any]:
    return list(found) if isinstance(found, list | tuple) else []


def _text_of(value: Any) -> str:
    if TYPES["integer"](value):
        value = int(value)
    return json.dumps(value, sort_keys=True)


def same(one: Any, other: Any) -> bool:
    """Equality of JSON: 1 is 1.0 and not true."""
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return bool(one == other)


def _count(schema: Mapping[str, Any], number: int, what: str, words: str) -> Iterator[str]:
    least, most = schema.get(f"min{what}"), schema.get(f"max{what}")
    if isinstance(least, int | float) and number < least:
        yield f"it has {number} {words}, fewer than {least}"
    if isinstance(most, int | float) and number > most:
        yield f"it has {number} {words}, more than {most}"


def _bounds(schema: Mapping[str, Any], value: float) -> Iterator[str]:
    outside: Sequence[tuple[str, Callable[[Any], bool]]] = (
        ("minimum", lambda bound: value < bound),
        ("maximum", lambda bound: value > bound),
        ("exclusiveMinimum", lambda bound: value <= bound),
        ("exclusiveMaximum", lambda bound: value >= bound),
    )
    for key, is_outside in outside:
        bound = schema.get(key)
        if TYPES["number"](bound) and is_outside(bound):
            yield f"it is {value}, and {key} is {bound}"


def _is_simple(pattern: str) -> bool:
    """Whether a pattern of a stranger's is looked at in time: characters, few repeated ones."""
    parts = [match[0] for match in _SIMPLE.finditer(pattern.removesuffix("$"))]
    if "".join(parts) != pattern.removesuffix("$"):
        return False
    return sum(part[-1] in "*+" and part[-2:-1] != "\\" for part in parts) <= 2
