"""Schemas are loosened to what a grammar holds, and what was let go is seen afterwards."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.core.json_schema import leading, loosened, without_assertions
from penjing.core.schema_check import fault


@pytest.mark.parametrize(
    ("given", "loose"),
    [
        ({"type": "string", "format": "path"}, {"type": "string"}),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "integer", "format": "int64"}, {"type": "integer", "format": "int64"}),
        ({"type": ["string", "null"], "format": "uri"}, {"type": ["string", "null"]}),
        ({"type": "array", "uniqueItems": True}, {"type": "array"}),
        ({"not": {}}, False),
        ({"not": {"type": "null"}, "type": "string"}, {"type": "string"}),
        ({"oneOf": [{"const": 1}, {"const": 2}]}, {"anyOf": [{"const": 1}, {"const": 2}]}),
        (
            {"oneOf": [{"const": 1}], "anyOf": [{"const": 2}]},
            {"anyOf": [{"const": 2}], "allOf": [{"anyOf": [{"const": 1}]}]},
        ),
        ({"if": {"const": 1}, "then": True, "else": False}, {}),
        (
            {"properties": {"not": {"type": "string", "format": "x"}, "format": {"not": {}}}},
            {"properties": {"not": {"type": "string"}, "format": False}},
        ),
        (
            {"enum": [{"format": "x", "uniqueItems": 1}]},
            {"enum": [{"format": "x", "uniqueItems": 1}]},
        ),
        (
            {"default": {"not": 1}, "const": {"oneOf": 1}},
            {"default": {"not": 1}, "const": {"oneOf": 1}},
        ),
        (
            {"$defs": {"a": {"contains": {}}}, "$ref": "#/$defs/a"},
            {"$defs": {"a": {}}, "$ref": "#/$defs/a"},
        ),
        ({"items": {"anyOf": [{"format": "ipv9"}]}}, {"items": {"anyOf": [{}]}}),
        ({"type": "string", "pattern": r"^(['\"]).*\1$"}, {"type": "string"}),
        ({"type": "string", "pattern": r"^\\1$"}, {"type": "string", "pattern": r"^\\1$"}),
        (True, True),
    ],
)
def test_what_no_grammar_holds_is_let_go(given: Any, loose: Any) -> None:
    assert loosened(given) == loose


def test_formats_that_can_be_spelled_are() -> None:
    for name in ("uri", "url", "iri", "byte", "decimal", "idn-email"):
        found = loosened({"type": "string", "format": name})
        assert set(found) == {"type", "pattern"}
    assert loosened({"type": "string", "format": "uri", "pattern": "^a"})["pattern"] == "^a"


@pytest.mark.parametrize(
    ("pattern", "plain"),
    [
        (r"^(?!\.)[a-z]+@[a-z]+$", r"^[a-z]+@[a-z]+$"),
        (r"^(?=.{3,9}$)(?!.*(a|\)))\w+$", r"^\w+$"),
        (r"(?<=a)b(?<!c)", "b"),
        (r"\bfoo\b", "foo"),
        (r"[(?=]x", "[(?=]x"),
        (r"[]()]x(?=y)", "[]()]x"),
        (r"\(?=x", r"\(?=x"),
        (r"(a|b)+", "(a|b)+"),
        ("(?=a", ""),
        ("\\", "\\"),
        ("[a", "[a"),
    ],
)
def test_patterns_lose_their_assertions(pattern: str, plain: str) -> None:
    assert without_assertions(pattern) == plain


@given(st.text("(?=!<)[]\\ab^$b+", max_size=12))
def test_any_pattern_is_read_to_its_end(pattern: str) -> None:
    assert len(without_assertions(pattern)) <= len(pattern)
    leading(pattern)


GOOD_AND_BAD: list[tuple[Any, list[Any], list[Any]]] = [
    (
        {"type": "array", "uniqueItems": True},
        [[1, 2], [], [1, True], ["1", 1]],
        [[1, 1], [1, 1.0], [{"a": 1}, {"a": 1}]],
    ),
    ({"propertyNames": {"maxLength": 2}}, [{"ab": 1}, {}, 3], [{"abc": 1}]),
    ({"not": {"type": "string"}}, [1, None], ["a"]),
    (
        {
            "if": {"properties": {"k": {"const": "a"}}, "required": ["k"]},
            "then": {"required": ["v"]},
            "else": {"maxProperties": 1},
        },
        [{"k": "a", "v": 1}, {"k": "b"}, {}],
        [{"k": "a"}, {"k": "b", "v": 1}],
    ),
    (
        {"contains": {"type": "integer"}, "maxContains": 2},
        [[1], [1, 2, "a"]],
        [[], ["a"], [1, 2, 3]],
    ),
    ({"contains": {"const": 1}, "minContains": 0}, [[], [2]], []),
    ({"dependentRequired": {"a": ["b"]}}, [{"a": 1, "b": 2}, {"b": 1}, {}], [{"a": 1}]),
    (
        {"dependentSchemas": {"a": {"maxProperties": 1}}},
        [{"a": 1}, {"b": 1, "c": 2}],
        [{"a": 1, "b": 2}],
    ),
    ({"oneOf": [{"type": "string"}, {"minLength": 2}]}, ["a", 1], ["ab"]),
    ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, ["a", 1], [None]),
    (
        {"properties": {"x": {"items": {"uniqueItems": True}}}},
        [{"x": [[1], [1]]}],
        [{"x": [[1, 1]]}],
    ),
    (
        {
            "$defs": {"t": {"not": {"const": 1}, "items": {"$ref": "#/$defs/t"}}},
            "$ref": "#/$defs/t",
        },
        [[2, [3]]],
        [[2, [1]]],
    ),
    ({"minimum": 1, "exclusiveMaximum": 3}, [1, 2.5, "x"], [0, 3]),
    ({"prefixItems": [{"const": 1}], "items": {"const": 2}}, [[1, 2, 2], []], [[2], [1, 3]]),
    (
        {"additionalProperties": {"type": "integer"}, "properties": {"a": {}}},
        [{"a": "x", "b": 1}],
        [{"b": "x"}],
    ),
    ({"enum": [1, "a", None]}, [1, "a", None, 1.0], [2, "b", True]),
    ({"type": ["string", "null"], "maxLength": 1}, ["a", None], ["ab", 1]),
]


@pytest.mark.parametrize(("schema", "good", "bad"), GOOD_AND_BAD)
def test_it_sees_what_jsonschema_sees(schema: Any, good: list[Any], bad: list[Any]) -> None:
    check = jsonschema.Draft202012Validator(schema)
    for value in (*good, *bad):
        assert check.is_valid(value) == (value in good and fault(schema, value) is None), value
        assert (fault(schema, value) is None) == check.is_valid(value), value
        if check.is_valid(value):  # what is loosened admits all that the schema admits
            loose = loosened(schema)
            assert jsonschema.Draft202012Validator(loose).is_valid(value), value


def test_a_fault_says_where() -> None:
    schema = {"properties": {"tags": {"type": "array", "uniqueItems": True}}}
    assert fault(schema, {"tags": ["a", "a"]}) == "tags: two items are the same"
    deep = {"items": {"properties": {"a": {"not": {"const": 1}}}}}
    assert fault(deep, [{"a": 2}, {"a": 1}]) == "[1].a: it is what it may not be"
    assert fault(False, 1) == "it: nothing may be here"


def test_assertions_at_the_beginning_are_looked_at() -> None:
    email = {"type": "string", "pattern": r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)@x$"}
    assert fault(email, "a.b@x") is None
    assert fault(email, ".a@x") is not None
    assert fault(email, "a..b@x") is not None
    bomb = {"type": "string", "pattern": r"^(?=(a+)+$)a+b$"}
    assert fault(bomb, "a" * 4000 + "b") is None  # a hint: it is not looked at


def test_a_schema_that_refers_to_itself_ends() -> None:
    assert fault({"$ref": "#"}, 1) is None
    assert fault({"allOf": [{"$ref": "#"}, {"$ref": "#"}], "type": "integer"}, 1) is None
    assert fault({"$ref": "#/nowhere/at/all"}, 1) is None
