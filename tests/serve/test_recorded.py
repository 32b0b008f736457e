"""Requests as Home Assistant's Ollama integration and Open WebUI send them, read off their sources.

Neither installs beside this project (Home Assistant needs a newer Python, Open WebUI gigabytes), so
what they send is played back here: against the assistant, with a test house behind it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from assisted import recording
from serving import Running, serving
from test_assisted import SPEC

from penjing.assistant.build import build
from penjing.assistant.spec.parse import loads
from penjing.testing.scheduler import FakeScheduler

HASS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": f"{name} of a device or entity",
            "parameters": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "area": {"type": "string"},
                    "domain": {"type": "array", "items": {"type": "string"}},
                },
                "required": [],
            },
        },
    }
    for name in ("HassTurnOn", "HassTurnOff")
] + [
    {
        "type": "function",
        "function": {"name": "GetDateTime", "parameters": {"type": "object", "properties": {}}},
    }
]
SYSTEM = {
    "role": "system",
    "content": "You are a voice assistant for Home Assistant.\nToday's date is 2026-12-01.",
}


class Page:
    """A running server, the tools of its assistant, and the engine's script."""

    def __init__(self, running: Running, tools: Any) -> None:
        self.running, self.tools = running, tools

    def hass(self, said: list[Any], tools: Any = HASS) -> dict[str, Any]:
        """One round of the integration: a stream of lines, folded as it folds them."""
        body = {
            "model": "assistant", "messages": [SYSTEM, *said], "tools": tools, "stream": True,
            "keep_alive": -1, "options": {"num_ctx": 8192}, "think": False,
        }  # fmt: skip
        with self.running.client() as client:
            answer = client.post("/api/chat", json=body)
        assert answer.status_code == 200, answer.text
        message: dict[str, Any] = {"role": "assistant", "content": ""}
        for line in map(json.loads, answer.text.splitlines()):
            message["content"] += line["message"].get("content") or ""
            if "tool_calls" in line["message"]:
                message["tool_calls"] = line["message"]["tool_calls"]
        return message

    def webui(self, said: list[Any], **more: Any) -> str:
        """One message of the page: a stream, with usage."""
        body = {
            "model": "assistant", "stream": True, "stream_options": {"include_usage": True},
            "messages": said, "temperature": 0.7, "reasoning": {"effort": "low"},
            "logit_bias": {}, **more,
        }  # fmt: skip
        with self.running.client() as client:
            text = client.post("/v1/chat/completions", json=body).text
        events = [json.loads(one[6:]) for one in text.split("\n\n") if one.startswith("data: {")]
        assert not [one for one in events if "error" in one], text
        assert events[-1]["usage"]["total_tokens"] >= 0
        deltas = [choice["delta"] for one in events for choice in one["choices"]]
        return "".join(one.get("content") or "" for one in deltas)


@pytest.fixture
def page(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    tools = recording("lights", "covers")
    with FakeScheduler(getattr(request, "param", ())) as scheduler:
        butler = build(loads(SPEC), list(tools.values()), cache=tmp_path)
        with serving(scheduler, assistant=butler) as running:
            yield Page(running, tools)


def test_home_assistant_finds_the_models(page: Page) -> None:
    with page.running.client() as client:
        assert "assistant" in {one["model"] for one in client.get("/api/tags").json()["models"]}


def test_home_assistant_speaks_with_the_assistant(page: Page) -> None:
    said: list[Any] = [{"role": "user", "content": "switch on the desk lamp"}]
    said.append(page.hass(said))
    assert said[-1]["content"] == "The desk lamp is on."
    assert [call[0] for call in page.tools["lights"].calls] == [{"light": "desk lamp", "on": True}]
    for text in ("open the garage door", "yes"):
        said.append({"role": "user", "content": text})
        said.append(page.hass(said))
    assert said[-1]["content"] == "It opens."


@pytest.mark.parametrize(
    "page",
    [['"HassTurnOn"', '{"name": "fountain"}', '"HassTurnOn"', '{"name":"fountain"}',
      '"answer in words"', "Done."]],
    indirect=True,
)  # fmt: skip
def test_home_assistants_own_functions_run_to_their_end(page: Page) -> None:
    said: list[Any] = [{"role": "user", "content": "make the fountain go"}]
    house: list[Any] = []
    for _ in range(10):
        said.append(page.hass(said))
        if "tool_calls" not in said[-1]:
            break
        for call in said[-1]["tool_calls"]:
            house.append(call["function"])
            result = json.dumps({"data": {"success": True}, "error": None})
            said.append({"role": "tool", "content": result})
    assert house == [{"name": "HassTurnOn", "arguments": {"name": "fountain"}}]
    assert said[-1]["content"] == "Done."


def test_home_assistant_sends_the_end_of_a_long_conversation(page: Page) -> None:
    said: list[Any] = []
    for text in ("hello", "light on", "the desk lamp", "hello again", "open the garage door"):
        said.append({"role": "user", "content": text})
        said.append(page.hass(said, None))
    said.append({"role": "user", "content": "yes"})
    said.append(page.hass(said[-9:], None))
    assert said[-1]["content"] == "It opens."


def test_open_webui_chats_and_asks_for_a_title(page: Page) -> None:
    said: list[Any] = [{"role": "user", "content": "switch on the desk lamp"}]
    assert page.webui(said) == "The desk lamp is on."
    parts = [{"type": "text", "text": "open the garage door",
              "cache_control": {"type": "ephemeral"}}]  # fmt: skip
    question = page.webui([{"role": "user", "content": parts}])
    answer: Any = {"role": "assistant", "content": question}
    before = {"role": "user", "content": "open the garage door"}
    assert page.webui([before, answer, {"role": "user", "content": "yes"}]) == "It opens."
    task = (
        "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history."
        '\n### Output:\nJSON format: { "title": "your concise title here" }\n### Chat History:\n'
        "<chat_history>\nUSER: switch on the desk lamp\nASSISTANT: The desk lamp is on.\n"
        "</chat_history>"
    )
    body = {
        "model": "assistant", "messages": [{"role": "user", "content": task}], "stream": False,
        "max_completion_tokens": 1000,
    }  # fmt: skip
    before_task = len(page.tools["lights"].calls)
    with page.running.client() as client:
        assert client.post("/v1/chat/completions", json=body).status_code == 200
    assert len(page.tools["lights"].calls) == before_task
