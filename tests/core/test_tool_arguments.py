"""The one place where arguments are checked, against the reference validator too."""

from __future__ import annotations

import math
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.core.schema_check import fault
from penjing.core.tool_arguments import mistake

LAMP = {
    "type": "object",
    "properties": {
        "light": {"type": "string", "minLength": 1, "maxLength": 20},
        "on": {"type": "boolean"},
        "brightness": {"type": "integer", "minimum": 0, "maximum": 100},
        "days": {"type": "array", "items": {"enum": ["mon", "tue"]}, "maxItems": 2},
        "time": {"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}$"},
    },
    "required": ["light"],
    "minProperties": 2,
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"light": "灯", "on": True}, ""),
        ({"light": "灯", "brightness": 30.0}, ""),
        ({"light": "灯", "days": ["mon"]}, ""),
        ([], "must be an object"),
        ({"on": True, "brightness": 1}, "light is missing"),
        ({"light": "灯"}, "needs one of on, brightness"),
        ({"light": "", "on": True}, "light is empty"),
        ({"light": "  ", "on": True}, "light is empty"),
        ({"light": "x" * 21, "on": True}, "longer than 20"),
        ({"light": "灯\x00", "on": True}, "control character"),
        ({"light": "灯\x1b[2J", "on": True}, "control character"),
        ({"light": "灯", "on": "yes"}, "on must be a boolean"),
        ({"light": "灯", "on": 1}, "on must be a boolean"),
        ({"light": "灯", "brightness": 101}, "between 0 and 100"),
        ({"light": "灯", "brightness": True}, "must be an integer"),
        ({"light": "灯", "brightness": 3.5}, "must be an integer"),
        ({"light": "灯", "brightness": math.nan}, "must be an integer"),
        ({"light": "灯", "brightness": math.inf}, "must be an integer"),
        ({"light": "灯", "days": ["wed"]}, "one of mon, tue"),
        ({"light": "灯", "days": ["mon"] * 3}, "too many"),
        ({"light": "灯", "time": "7:00"}, "another form"),
        ({"light": "灯", "unlock": True}, "there is no 'unlock'"),
    ],
)
def test_what_is_wrong_is_said(value: Any, says: str) -> None:
    found = mistake(value, LAMP)
    assert says in found
    assert bool(says) == bool(found)


def test_a_keyword_it_does_not_know_is_not_skipped() -> None:
    with pytest.raises(ValueError, match="uniqueItems"):
        mistake([], {"type": "array", "uniqueItems": True})


def test_nesting_has_an_end() -> None:
    schema: dict[str, Any] = {"type": "array"}
    schema["items"] = schema
    value: list[Any] = []
    for _ in range(100):
        value = [value]
    assert "nested too deeply" in mistake(value, schema)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 105) | st.text("ab灯", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)
SCHEMAS = st.recursive(
    st.sampled_from(
        [
            {},
            {"type": "string", "minLength": 0, "maxLength": 2},
            {"type": "integer", "minimum": 1, "exclusiveMaximum": 100},
            {"type": ["boolean", "null"]},
            {"enum": [1, True, "a", None]},
            {"const": False},
            {"type": "string", "pattern": "^a"},
        ]
    ),
    lambda inner: st.one_of(
        inner.map(lambda one: {"type": "array", "items": one, "maxItems": 2}),
        st.lists(inner, min_size=1, max_size=2).map(lambda some: {"anyOf": some}),
        inner.map(
            lambda one: {
                "type": "object",
                "properties": {"a": one},
                "required": ["a"],
                "additionalProperties": False,
            }
        ),
    ),
    max_leaves=4,
)


@given(JSON, SCHEMAS)
def test_it_agrees_with_the_reference_and_with_what_checks_strangers(
    value: Any, schema: dict[str, Any]
) -> None:
    assert (mistake(value, schema) == "") == (fault(schema, value) is None)
    assert (mistake(value, schema) == "") == jsonschema.Draft202012Validator(schema).is_valid(value)
