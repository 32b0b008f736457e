"""Ollama's API, as its own clients ask it (their scripts are in `tests/clients/`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from letters import Letters
from serving import Running, serving

from penjing.testing.scheduler import FakeScheduler

USER: Any = [{"role": "user", "content": "hello 你好"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture(scope="module")
def echo() -> Iterator[Running]:
    with FakeScheduler() as scheduler, serving(scheduler, embedder=Letters()) as running:
        yield running


def lines(text: str) -> list[Any]:
    return [json.loads(one) for one in text.splitlines()]


def asked(running: Running) -> Any:
    scheduler: Any = running.app.desk.services.scheduler
    return scheduler.requests[-1]


def test_what_is_here(echo: Running) -> None:
    with echo.client() as client:
        found = client.get("/api/tags").json()["models"]
        assert [one["name"] for one in found] == ["fake", "letters"]
        for one in found:
            assert datetime.fromisoformat(one["modified_at"]).tzinfo is not None
            assert len(one["digest"]) == 64
            assert one["details"]["format"] == "gguf"
        loaded = client.get("/api/ps").json()["models"]
        assert datetime.fromisoformat(loaded[0]["expires_at"]).year == 9999
        assert client.get("/api/version").json()["version"].count(".") == 2
        assert client.head("/api/tags").status_code == 200
        shown = client.post("/api/show", json={"model": "fake:latest"}).json()
        assert shown["capabilities"] == ["completion", "tools"]
        assert shown["model_info"]["llama.context_length"] == 4096
        old = client.post("/api/show", json={"name": "letters"}).json()
        assert old["capabilities"] == ["embedding"]
        missing = client.post("/api/show", json={"model": "llama3"})
        assert (missing.status_code, "not found" in missing.json()["error"]) == (404, True)


def test_a_conversation_in_lines_and_whole(echo: Running) -> None:
    with echo.client() as client:
        answer = client.post("/api/chat", json={"model": "fake:latest", "messages": USER})
        assert answer.headers["content-type"] == "application/x-ndjson"
        *said, last = lines(answer.text)
        assert "".join(one["message"]["content"] for one in said) + last["message"]["content"] == (
            "hello 你好"
        )
        assert not any(one["done"] for one in said)
        assert (last["done"], last["done_reason"], last["eval_count"]) == (True, "stop", 12)
        assert all(isinstance(last[name], int) for name in last if name.endswith("_duration"))
        assert last["model"] == "fake:latest"
        assert datetime.fromisoformat(last["created_at"])
        whole = client.post(
            "/api/chat", json={"model": "fake", "messages": USER, "stream": False}
        ).json()
        assert whole["message"] == {"role": "assistant", "content": "hello 你好"}
        assert whole["done"] is True


def test_options_reach_the_engine_and_others_are_named(echo: Running) -> None:
    options = {
        "num_ctx": 8192, "num_predict": 5, "temperature": 0.5, "top_k": 9, "top_p": 0.8,
        "min_p": 0.1, "repeat_penalty": 1.2, "seed": -1, "stop": ["x"], "num_gpu": 99,
        "presence_penalty": 0.5, "frequency_penalty": 0.25,
    }  # fmt: skip
    body = {"model": "fake", "messages": USER, "options": options, "keep_alive": "5m", "new": 1}
    with echo.client() as client:
        answer = client.post("/api/chat", json={**body, "stream": False, "bad\r\nname": 1})
    assert answer.headers["x-penjing-ignored"] == (
        "new, ?, options.num_gpu, options.num_ctx, keep_alive"
    )
    assert answer.json()["done_reason"] == "length"
    found = asked(echo).settings
    assert (found.max_tokens, found.temperature, found.top_k, found.top_p) == (5, 0.5, 9, 0.8)
    assert (found.min_p, found.repeat_penalty, found.seed) == (0.1, 1.2, 2**32 - 1)
    assert (found.stop, found.presence_penalty, found.frequency_penalty) == (("x",), 0.5, 0.25)


def test_a_prompt(echo: Running) -> None:
    with echo.client() as client:
        done = client.post(
            "/api/generate", json={"model": "fake", "prompt": "hi", "system": "Be brief."}
        )
        assert "".join(one["response"] for one in lines(done.text)) == "hi"
        assert [one.role for one in asked(echo).messages] == ["system", "user"]
        raw = client.post(
            "/api/generate", json={"model": "fake", "prompt": "hi", "raw": True, "stream": False}
        ).json()
        assert raw["response"] == "hi"
        assert (asked(echo).text, asked(echo).messages) == ("hi", ())
        assert raw["prompt_eval_count"] > 0


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_loading_and_letting_go_answer_at_once(echo: Running, path: str) -> None:
    with echo.client() as client:
        for more, reason in (({}, "load"), ({"keep_alive": 0}, "unload")):
            done = client.post(path, json={"model": "fake", **more}).json()
            assert (done["done"], done["done_reason"]) == (True, reason)


def test_a_form() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    with (
        FakeScheduler(['{"name": "x"}']) as scheduler,
        serving(scheduler) as running,
        running.client() as client,
    ):
        for form, held in (("json", {"type": "object"}), (schema, None)):
            body = {"model": "fake", "messages": USER, "format": form, "stream": False}
            done = client.post("/api/chat", json=body).json()
            assert json.loads(done["message"]["content"]) == {"name": "x"}
            found = scheduler.requests[-1].settings.json_schema
            assert found == held or found["required"] == ["name"]
        bad = {"model": "fake", "messages": USER, "format": {"$ref": "http://x"}}
        assert client.post("/api/chat", json=bad).status_code == 400


@pytest.mark.parametrize("stream", [True, False])
def test_a_function_is_called_and_its_result_is_read(stream: bool) -> None:
    script = ['"weather"', '{"city": "Paris"}', '"answer in words"', "Rain."]
    with (
        FakeScheduler(script) as scheduler,
        serving(scheduler) as running,
        running.client() as client,
    ):
        body = {"model": "fake", "tools": [WEATHER], "stream": stream}
        answer = client.post("/api/chat", json={**body, "messages": USER})
        found = lines(answer.text)
        (call,) = next(one for one in found if "tool_calls" in one["message"])["message"][
            "tool_calls"
        ]
        assert call["function"] == {"name": "weather", "arguments": {"city": "Paris"}}
        assert found[-1]["done_reason"] == "stop"
        made = {"role": "assistant", "content": "", "tool_calls": [call]}
        result = {"role": "tool", "content": "rain", "tool_name": "weather"}
        said = [*USER, made, result]
        done = client.post("/api/chat", json={**body, "messages": said})
        assert "".join(one["message"]["content"] for one in lines(done.text)) == "Rain."
    assert "Result of weather: rain" in scheduler.requests[-1].messages[-1].text


def test_thoughts() -> None:
    answer = "<think>\nHm.\n</think>\n\nYes."
    with (
        FakeScheduler([answer]) as scheduler,
        serving(scheduler) as running,
        running.client() as client,
    ):
        body = {"model": "fake", "messages": USER, "think": "low"}
        found = lines(client.post("/api/chat", json=body).text)
        assert "".join(one["message"].get("thinking", "") for one in found) == "Hm."
        assert "".join(one["message"]["content"] for one in found) == "Yes."
        settings = scheduler.requests[-1].settings
        assert (settings.thinking, settings.switches) == (True, {"reasoning_effort": "low"})
        client.post("/api/chat", json={**body, "think": False})
        assert scheduler.requests[-1].settings.thinking is False


def test_embeddings(echo: Running) -> None:
    with echo.client() as client:
        found = client.post("/api/embed", json={"model": "letters", "input": ["aaa", "b"]}).json()
        assert [len(one) for one in found["embeddings"]] == [3, 3]
        assert found["prompt_eval_count"] == 4
        old = client.post("/api/embeddings", json={"model": "letters:latest", "prompt": "aaa"})
        assert old.json()["embedding"] == found["embeddings"][0]
        long = {"model": "letters", "input": "a" * 600}
        assert client.post("/api/embed", json=long).json()["prompt_eval_count"] == 512
        refused = client.post("/api/embed", json={**long, "truncate": False})
        assert refused.status_code == 400
        assert client.post("/api/embed", json={"model": "letters", "input": []}).json()[
            "embeddings"
        ] == []  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("chat", {"messages": [{"role": "user", "content": "x", "images": ["aGk="]}]}, 400, "text"),
        ("generate", {"prompt": "x", "images": ["aGk="]}, 400, "reads text only"),
        ("generate", {"prompt": "x", "suffix": "y"}, 400, "suffix"),
        ("generate", {"prompt": "x", "template": "y"}, 400, "template"),
        ("chat", {"messages": USER, "model": "other"}, 404, "not found"),
        ("chat", {"messages": USER, "model": "letters"}, 404, "not found"),
        ("chat", {"messages": 7}, 400, "messages"),
        ("chat", {"messages": [{"role": "tool", "content": "x"}]}, 400, "no call"),
        ("chat", {"messages": [{"role": "user", "content": "x" * 9000}], "stream": False}, 400,
         "context"),
        ("pull", {"model": "llama3"}, 403, "penjing pull"),
    ],
)  # fmt: skip
def test_refusals_are_one_line(
    echo: Running, path: str, body: Any, status: int, words: str
) -> None:
    with echo.client() as client:
        answer = client.post(f"/api/{path}", json={"model": "fake", **body})
    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]


def test_nobody_is_answered_without_a_token(echo: Running) -> None:
    with echo.client("") as client:
        client.headers.pop("authorization")
        for path in ("tags", "version", "ps"):
            assert client.get(f"/api/{path}").status_code in (401, 403)


def test_a_crash_ends_a_stream_with_a_line() -> None:
    from penjing.core.errors import EngineError

    with FakeScheduler(delay=0.02) as scheduler, serving(scheduler) as running:
        scheduler.failure = EngineError("the engine crashed: ask again")
        with running.client() as client:
            answer = client.post("/api/chat", json={"model": "fake", "messages": USER})
    assert lines(answer.text)[-1]["error"] == "the engine crashed: ask again"


@pytest.mark.parametrize("kind", [None, "application/x-www-form-urlencoded", "text/plain"])
def test_a_body_is_json_whatever_it_is_called(echo: Running, kind: str | None) -> None:
    body = json.dumps({"model": "fake", "messages": USER, "stream": False}).encode()
    with echo.client() as client:
        headers = {} if kind is None else {"Content-Type": kind}
        answer = client.post("/api/chat", content=body, headers=headers)
        assert answer.json()["message"]["content"] == "hello 你好"
        assert client.post("/api/chat", content=b"{", headers=headers).status_code == 400
