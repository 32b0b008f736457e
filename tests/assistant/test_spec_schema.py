"""Arguments that a spec or a person gives, one by one."""

from __future__ import annotations

import math
from typing import Any

import pytest

from penjing.assistant.spec.schema import MAX_TEXT, wrong_argument

SCHEMA = {
    "type": "object",
    "properties": {
        "light": {"type": "string", "format": "a word of somebody else's"},
        "level": {"type": "integer", "minimum": 0, "maximum": 100},
        "days": {"type": "array", "items": {"enum": ["mon", "tue"], "x-note": 1}},
        "any": True,
    },
    "required": ["light"],
    "minProperties": 2,
}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"light": "灯"}, None),
        ({"light": "灯", "level": 30.0, "days": ("mon",), "any": object()}, None),
        ({"light": "灯", "level": 101}, "'level' must be between 0 and 100"),
        ({"light": "灯", "level": True}, "'level' must be an integer"),
        ({"light": "灯", "level": math.inf}, "'level' must be an integer"),
        ({"light": "灯", "level": math.nan}, "'level' must be an integer"),
        ({"light": "灯", "days": ["mon", "wed"]}, "'days'[1] must be one of mon, tue"),
        ({"light": "x" * (MAX_TEXT + 1)}, f"'light' is longer than {MAX_TEXT} characters"),
        ({"light": "灯\x1b"}, "'light' holds a control character"),
        ({"lamp": "灯"}, "'lamp' is no argument of it (known: any, days, level, light)"),
        ({"level": 1}, "'light' is missing"),
    ],
)
def test_what_is_wrong_is_said(arguments: dict[str, Any], says: str | None) -> None:
    assert wrong_argument(SCHEMA, arguments) == says


def test_a_value_that_comes_later_is_not_missing_and_must_have_a_name() -> None:
    assert wrong_argument(SCHEMA, {"level": 1}, later=["light"]) is None
    assert wrong_argument(SCHEMA, {}, later=["light", "lamp"]) is not None
