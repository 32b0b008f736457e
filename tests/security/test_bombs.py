"""Grammar, JSON-schema and JSON bombs: refused or bounded, and the server goes on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from premises import Premises


def nested(depth: int, kind: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = (
            {"type": "array", "items": schema, "maxItems": 1000, "minItems": 1000}
            if kind == "array"
            else {"type": "object", "properties": {"a": schema}, "required": ["a"]}
        )
    return schema


def choices(width: int, depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(depth):
        schema = {"anyOf": [schema] * width}
    return schema


SCHEMAS: dict[str, dict[str, Any]] = {
    "deep objects": nested(200, "object"),
    "deep arrays": nested(30, "array"),
    "unrolled": nested(4, "array"),
    "wide": {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(20_000)}},
    "many choices": choices(8, 5),
    "huge enum": {"enum": [f"{n}" * 50 for n in range(5000)]},
    "huge counts": {"type": "string", "maxLength": 10**9, "minLength": 10**8},
    "negative counts": {"type": "array", "minItems": -1, "items": {}},
    "odd counts": {"type": "string", "maxLength": 1e300},
    "pattern": {"type": "string", "pattern": "(a+)+$" * 40},
    "pattern, counted": {"type": "string", "pattern": "^(((a{1,99}){1,99}){1,99}){1,99}$"},
    "itself": {"$ref": "#"},
    "a circle": {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
                 "$ref": "#/$defs/a"},
    "doubling": {"$defs": {f"d{n}": {"type": "array", "minItems": 2, "prefixItems":
                                     [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)}
                          | {"d30": {"type": "integer"}}, "$ref": "#/$defs/d0"},
    "elsewhere": {"$ref": "file:///etc/passwd"},
    "numbers": {"type": "integer", "minimum": -(10**300), "maximum": 10**300},
    "no type": {"type": "nothing"},
    "all of": {"allOf": [{"properties": {f"a{n}": {"enum": [n]}}} for n in range(500)]},
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_bomb_costs_the_server_nothing(server: Premises, name: str) -> None:
    ben, began = server.caller("Ben"), time.monotonic()
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMAS[name]}}
    tool = {"type": "function", "function": {"name": "x", "parameters": SCHEMAS[name]}}
    said = [{"role": "user", "content": "hi"}]
    for more in (
        {"response_format": form},
        {"tools": [tool], "tool_choice": "required"},
    ):
        body = {"model": "fake", "messages": said, "max_tokens": 8, **more}
        assert ben.ask("POST", "/v1/chat/completions", body).status in (200, 400, 413)
    assert time.monotonic() - began < 10
    assert ben.ask("GET", "/health").status == 200


def test_the_worst_of_them_do_not_even_reach_the_engine(server: Premises) -> None:
    ben, before = server.caller("Ben"), len(server.scheduler.requests)
    said = [{"role": "user", "content": "hi"}]
    for name in ("deep objects", "wide", "huge enum", "huge counts", "negative counts",
                 "odd counts", "elsewhere"):  # fmt: skip
        form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMAS[name]}}
        body = {"model": "fake", "messages": said, "response_format": form}
        assert ben.ask("POST", "/v1/chat/completions", body).status == 400, name
    assert len(server.scheduler.requests) == before


ENGINE = """
import json, sys, time
from pathlib import Path
from penjing.core.errors import PenjingError
from penjing.core.messages import GenerationSettings, Message
from penjing.engine.llamacpp import LlamaCpp
model = LlamaCpp.open(Path(sys.argv[1]), context=512, threads=1)
for name, schema in json.load(sys.stdin).items():
    began, said = time.monotonic(), "answered"
    settings = GenerationSettings(max_tokens=4, json_schema=schema)
    try:
        list(model.generate([Message.of("user", "hi")], settings))
    except PenjingError as error:
        said = type(error).__name__
    print(json.dumps([name, said, time.monotonic() - began]), flush=True)
list(model.generate([Message.of("user", "hi")], GenerationSettings(max_tokens=1)))
print(json.dumps(["after", "answered", 0]))
"""


@pytest.mark.model
def test_what_gets_through_does_not_hang_or_fell_the_engine(default_model: Path) -> None:
    """The schemas that the server lets pass, given to the real engine."""
    from penjing.core.errors import BadInput
    from penjing.serve.openai.schemas import checked

    passed = {}
    for name, schema in SCHEMAS.items():
        try:
            passed[name] = checked(schema, "x")
        except BadInput:
            continue
    assert len(passed) >= 5
    done = subprocess.run(
        [sys.executable, "-c", ENGINE, str(default_model)],
        input=json.dumps(passed), capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-800:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {name for name, _, _ in lines} == {*passed, "after"}
    assert [(name, seconds) for name, _, seconds in lines if seconds > 20] == []


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"model": "fake", "messages": ' + b"[" * 65 + b"]" * 65 + b"}",
        b'{"n": ' + b"9" * 100_000 + b"}",
        b'{"model": "fake", "model": "other"}',
        b'{"a": 1e99999}',
        b'"\\ud800"',
        b"\xff\xfe{}",
        b"{} {}",
        b"",
        b"null",
        b"\x00" * 1000,
    ],
)
def test_a_json_bomb_is_refused_at_once(server: Premises, body: bytes) -> None:
    ben, began = server.caller("Ben"), time.monotonic()
    sent = {"Content-Type": "application/json"}
    for path in ("/v1/chat/completions", "/api/sessions", "/api/login", "/api/me/tokens"):
        assert 400 <= ben.ask("POST", path, body, sent).status < 500
    assert time.monotonic() - began < 5
    assert ben.ask("GET", "/api/me").status == 200
