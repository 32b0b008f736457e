"""What a request may not be: each is refused in OpenAI's shape, and the engine hears of none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from serving import Running, serving

from penjing.serve import limits
from penjing.testing.scheduler import FakeScheduler

CHAT = "/v1/chat/completions"
USER = [{"role": "user", "content": "x"}]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with FakeScheduler() as scheduler, serving(scheduler) as running:
        yield running


@pytest.fixture
def client(running: Running) -> Iterator[httpx.Client]:
    with running.client() as client:
        yield client


def asked(running: Running) -> int:
    return len(running.app.desk.services.scheduler.requests)  # type: ignore[attr-defined]


def deep(levels: int) -> Any:
    node: Any = {"type": "string"}
    for _ in range(levels):
        node = {"type": "object", "properties": {"a": node}}
    return node


def schema(one: Any) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": one}}}


BAD = {
    "unknown parameter": ({"tempreature": 1}, "tempreature", "unknown_parameter"),
    "negative tokens": ({"max_tokens": -1}, "max_tokens", "invalid_value"),
    "no tokens": ({"max_tokens": 0}, "max_tokens", "invalid_value"),
    "huge tokens": ({"max_tokens": 10**12}, "max_tokens", "invalid_value"),
    "tokens as text": ({"max_tokens": "5"}, "max_tokens", "invalid_type"),
    "tokens as a boolean": ({"max_tokens": True}, "max_tokens", "invalid_type"),
    "huge n": ({"n": 10**6}, "n", "invalid_value"),
    "negative n": ({"n": -1}, "n", "invalid_value"),
    "hot": ({"temperature": 2.1}, "temperature", "invalid_value"),
    "cold": ({"temperature": -0.1}, "temperature", "invalid_value"),
    "top_p": ({"top_p": 1.5}, "top_p", "invalid_value"),
    "penalty": ({"presence_penalty": -3}, "presence_penalty", "invalid_value"),
    "seed": ({"seed": 2**80}, "seed", None),
    "top_logprobs alone": ({"top_logprobs": 2}, "top_logprobs", "invalid_value"),
    "top_logprobs": ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "invalid_value"),
    "many stops": ({"stop": ["x"] * 17}, "stop", None),
    "an empty stop": ({"stop": ""}, "stop", None),
    "stream options alone": ({"stream_options": {}}, "stream_options", "invalid_value"),
    "tool choice alone": ({"tool_choice": "auto"}, "tool_choice", "invalid_value"),
    "logit bias": ({"logit_bias": {"5": 101}}, "logit_bias", "invalid_value"),
    "store": ({"store": "yes"}, "store", "invalid_type"),
    "no messages": ({"messages": []}, "messages", None),
    "many messages": ({"messages": USER * 1025}, "messages", None),
    "a role": ({"messages": [{"role": "root", "content": "x"}]}, "messages[0].role", None),
    "a message with more": (
        {"messages": [{"role": "user", "content": "x", "evil": 1}]},
        "messages[0].evil",
        "unknown_parameter",
    ),
    "no content": ({"messages": [{"role": "user"}]}, "messages[0].content", None),
    "a picture": (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "http://x/y.png"}}],
                }
            ]
        },
        "messages[0].content[0]",
        "unsupported_content",
    ),
    "sound": (
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
        "messages[0].content[0]",
        "unsupported_content",
    ),
    "a result of nothing": (
        {"messages": [{"role": "tool", "content": "x", "tool_call_id": "call_1"}]},
        "messages[0].tool_call_id",
        "invalid_value",
    ),
    "a tool's name": (
        {"tools": [{"type": "function", "function": {"name": "a b"}}]},
        "tools[0].function.name",
        "invalid_value",
    ),
    "two tools of a name": (
        {"tools": [{"type": "function", "function": {"name": "a"}}] * 2},
        "tools",
        "invalid_value",
    ),
    "an unknown tool": (
        {
            "tools": [{"type": "function", "function": {"name": "a"}}],
            "tool_choice": {"type": "function", "function": {"name": "b"}},
        },
        "tool_choice",
        "invalid_value",
    ),
    "a deep schema": (schema(deep(25)), "response_format.json_schema.schema", "invalid_schema"),
    "a big schema": (
        schema({"enum": ["x" * 100] * 1000}),
        "response_format.json_schema.schema",
        "invalid_schema",
    ),
    "a wide schema": (
        schema({"enum": list(range(5000))}),
        "response_format.json_schema.schema",
        "invalid_schema",
    ),
    "a schema that counts": (
        schema({"type": "array", "minItems": 10**9}),
        "response_format.json_schema.schema",
        "invalid_schema",
    ),
    "a schema from elsewhere": (
        schema({"$ref": "http://127.0.0.1:1/x"}),
        "response_format.json_schema.schema",
        "invalid_schema",
    ),
    "a schema's long pattern": (
        schema({"type": "string", "pattern": "(a|b)" * 100}),
        "response_format.json_schema.schema",
        "invalid_schema",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_parameter_is_named(client: httpx.Client, running: Running, name: str) -> None:
    more, param, code = BAD[name]
    before = asked(running)
    answer = client.post(CHAT, json={"model": "fake", "messages": USER, **more})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert code is None or error["code"] == code
    assert "\n" not in error["message"]
    assert asked(running) == before


def test_what_must_be_nothing_is_to_be_left_out(client: httpx.Client) -> None:
    body = {"model": "fake", "input": "x", "previous_response_id": "resp_1"}
    error = client.post("/v1/responses", json=body).json()["error"]
    assert "this is not done here: leave it out" in error["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"nothing",
        b"\xff\xfe",
        b'{"model": "fake", "messages": [{"role": "user", "content": "\\ud83d"}]}',
        b'{"model": "fake", "model": "fake", "messages": []}',
        b'{"temperature": NaN}',
        b'{"temperature": Infinity}',
        b'{"temperature": 1e999, "model": "fake", "messages": [{"role": "user", "content": ""}]}',
        b'{"seed": ' + b"9" * 10_000 + b"}",
        b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"metadata": ' + b'{"a":' * 65 + b"1" + b"}" * 65 + b"}",
    ],
    ids=[
        *("cut", "list", "word", "bytes", "half a character", "twice", "nan", "infinity"),
        *("huge float", "huge number", "deep", "too deep"),
    ],
)
def test_a_body_that_is_no_request(client: httpx.Client, running: Running, body: bytes) -> None:
    before = asked(running)
    answer = client.post(CHAT, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert asked(running) == before


def test_an_unknown_model_is_named(client: httpx.Client) -> None:
    answer = client.post(CHAT, json={"model": "gpt-4o\r\nX: y", "messages": USER})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model_not_found"
    assert "fake" in answer.json()["error"]["message"]


def test_a_body_that_is_too_large_is_not_read(client: httpx.Client) -> None:
    answer = client.post(CHAT, content=b"x" * (limits.BODY + 1))
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"


def test_a_body_of_no_promised_length_is_not_read_to_its_end(client: httpx.Client) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(2000):
            sent += 64 * 1024
            yield b" " * 64 * 1024

    headers = {"Content-Type": "application/json"}
    try:
        answer = client.post(CHAT, content=endless(), headers=headers)
        assert answer.status_code == 413
    except httpx.WriteError:  # it hung up before we had listened
        pass
    assert sent < 64 * limits.BODY / 2


def test_a_body_may_be_as_large_as_allowed(client: httpx.Client) -> None:
    text = "x" * 5000
    answer = client.post(
        CHAT, json={"model": "fake", "messages": [{"role": "user", "content": text}]}
    )
    assert answer.status_code == 400  # the context is shorter than that, which the engine says
    assert "context" in answer.json()["error"]["message"]


def test_no_such_path_and_no_such_method(client: httpx.Client) -> None:
    for path in ("/v1/nothing", "/v1/chat"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["error"]["type"]) == (
            404,
            "invalid_request_error",
        )
    answer = client.put(CHAT, json={})
    assert answer.status_code == 405
    assert client.get("/api/nothing").json().keys() == {"error"}


def test_get_never_acts(client: httpx.Client, running: Running) -> None:
    before = asked(running)
    assert client.get(f"{CHAT}?q=do+it").status_code == 405
    assert asked(running) == before


def test_nobody_is_answered_without_a_name(running: Running) -> None:
    with httpx.Client(base_url=running.url) as client:
        for path in ("/v1/models", "/api/sessions", "/api/me", "/api/documents"):
            assert client.get(path).status_code == 403
        assert client.post(CHAT, json={"model": "fake", "messages": USER}).status_code == 403


def test_the_context_is_the_engine_s_to_refuse(client: httpx.Client) -> None:
    long = "word " * 5000
    answer = client.post(
        CHAT, json={"model": "fake", "messages": [{"role": "user", "content": long}]}
    )
    assert answer.status_code == 400
    assert json.dumps(answer.json()).count("word") == 0


def test_no_header_tells_what_serves(client: httpx.Client) -> None:
    assert "server" not in client.get("/health").headers
