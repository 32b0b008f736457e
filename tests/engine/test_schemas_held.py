"""Schemas as programs write them: the engine makes a grammar of each, and none is let through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import tiny

from penjing.core.errors import BadInput
from penjing.core.messages import GenerationSettings
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.export.gguf import export_gguf


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaCpp]:
    path = tmp_path_factory.mktemp("held") / "m.gguf"
    export_gguf(tiny.checkpoint(), path, {})
    with LlamaCpp.open(path, context=128, threads=1) as opened:
        yield opened


def takes(model: LlamaCpp, schema: Any, text: str) -> bool:
    """Whether the engine could write this text under the schema."""
    held = model.constraint(GenerationSettings(json_schema=schema))
    assert held is not None
    try:
        for token in model.tokenize(text, bos=False):
            if not held.permits(token):
                return False
            held.accept(token)
        return any(held.permits(token) for token in range(3) if model.ends(token))
    finally:
        held.close()


STRING = {"type": "string"}


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ({**STRING, "format": "uri-reference"}, '"/a"', "1"),
        ({**STRING, "format": "uri"}, '"https://a.b/c?d"', '"no uri"'),
        ({**STRING, "format": "url"}, '"ftp://x"', '"x"'),
        ({**STRING, "format": "byte"}, '"YWJj"', '"a b"'),
        ({**STRING, "format": "decimal"}, '"-1.50"', '"one"'),
        ({**STRING, "format": "file-path"}, '"a b"', "null"),
        ({**STRING, "format": "ipvanyaddress"}, '"::1"', "null"),
        ({"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True}, '["a"]', '["c"]'),
        ({**STRING, "pattern": r"^(?=.*b)[ab]{2}$"}, '"ab"', '"ac"'),
        ({**STRING, "pattern": r"^(?<!x)\b[0-9]+\b$"}, '"12"', '"a"'),
        ({**STRING, "pattern": r"^(.)\1$"}, '"aa"', "1"),
        ({"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}, "additionalProperties":
          {"type": "boolean"}}, '{"a":true}', '{"a":1}'),
        ({"anyOf": [{"not": {}}, {"type": "null"}]}, "null", "1"),
        ({"oneOf": [{"const": "a"}, {"type": "integer"}]}, "7", '"b"'),
        ({"if": {**STRING}, "then": {"minLength": 1}, "type": ["string", "null"]}, "null", "1"),
        ({"type": "array", "contains": {"const": 1}, "items": {"type": "integer"}}, "[1]", '["1"]'),
        ({"type": "object", "properties": {"a": STRING}, "dependentRequired": {"a": ["b"]}},
         '{"a":"x"}', '{"a":1}'),
        ({"type": "object", "properties": {"format": {**STRING, "format": "secret"}}},
         '{"format":"x"}', '{"format":1}'),
    ],
)  # fmt: skip
def test_a_grammar_is_made_of_it(model: LlamaCpp, kind: Any, good: str, bad: str) -> None:
    schema = {"type": "object", "properties": {"x": kind}, "required": ["x"]}
    assert takes(model, schema, f'{{"x":{good}}}')
    assert not takes(model, schema, f'{{"x":{bad}}}')


def test_a_property_of_nothing_is_left_out(model: LlamaCpp) -> None:
    schema = {"type": "object", "properties": {"x": {"not": {}}, "y": STRING}}
    assert takes(model, schema, '{"y":"a"}')
    assert not takes(model, schema, '{"x":1}')


@pytest.mark.parametrize("kind", [{**STRING, "pattern": "(a"}, {"type": "date"}])
def test_what_is_a_mistake_stays_one(model: LlamaCpp, kind: Any) -> None:
    with pytest.raises(BadInput, match="the JSON schema cannot be used"):
        takes(model, {"type": "object", "properties": {"x": kind}}, "{}")
