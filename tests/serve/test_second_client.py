"""Another client, with HTTP and parsing of its own: Hugging Face's InferenceClient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from serving import serving

from penjing.testing.scheduler import FakeScheduler

USER = [{"role": "user", "content": "hello 你好"}]


@pytest.fixture
def client() -> Iterator[InferenceClient]:
    with FakeScheduler() as scheduler, serving(scheduler) as running:
        yield InferenceClient(base_url=f"{running.url}/v1", api_key="anna", timeout=30)


def test_chat(client: InferenceClient) -> None:
    done = client.chat_completion(USER, model="fake", max_tokens=50)
    assert done.choices[0].message.content == "hello 你好"
    assert done.usage.completion_tokens == 12


def test_a_stream(client: InferenceClient) -> None:
    stream = client.chat_completion(USER, model="fake", stream=True, max_tokens=50)
    chunks = [one for one in stream if one.choices]
    assert "".join(one.choices[0].delta.content or "" for one in chunks) == "hello 你好"
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_logprobs(client: InferenceClient) -> None:
    done = client.chat_completion(USER, model="fake", logprobs=True, top_logprobs=2)
    assert [one.token for one in done.choices[0].logprobs.content][:5] == list("hello")


def test_tools() -> None:
    function = {"name": "clock", "description": "now", "parameters": {"type": "object"}}
    tools: Any = [{"type": "function", "function": function}]
    with FakeScheduler(['"clock"', "{}"]) as scheduler, serving(scheduler) as running:
        client = InferenceClient(base_url=f"{running.url}/v1", api_key="anna", timeout=30)
        done = client.chat_completion(USER, model="fake", tools=tools, tool_choice="auto")
    assert done.choices[0].message.tool_calls[0].function.name == "clock"


def test_a_refusal(client: InferenceClient) -> None:
    with pytest.raises(HfHubHTTPError) as failed:
        client.chat_completion(USER, model="other")
    assert failed.value.response.status_code == 404
