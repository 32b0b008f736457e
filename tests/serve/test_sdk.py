"""The official OpenAI client against a real server on loopback; the engine is the fake one."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import openai
import pytest
from letters import Letters
from pydantic import BaseModel
from serving import Running, serving

from penjing.core.introduction import DEFAULT_SYSTEM
from penjing.core.messages import Message
from penjing.testing.scheduler import FakeScheduler


@pytest.fixture(scope="module")
def echo() -> Iterator[Running]:
    """It says what was said last."""
    with FakeScheduler() as scheduler, serving(scheduler, embedder=Letters()) as running:
        yield running


def saying(*answers: str) -> Any:
    """A server whose engine gives these answers in turn."""
    return _Saying(answers)


class _Saying:
    def __init__(self, answers: tuple[str, ...]) -> None:
        self.scheduler = FakeScheduler(answers)
        self.context = serving(self.scheduler)

    def __enter__(self) -> Running:
        return self.context.__enter__()

    def __exit__(self, *error: Any) -> None:
        self.context.__exit__(*error)
        self.scheduler.close()


USER = [{"role": "user", "content": "hello 你好"}]
WEATHER = {
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
CLOCK = {"type": "function", "function": {"name": "clock"}}


# -- models


def test_models(echo: Running) -> None:
    client = echo.openai()
    assert [model.id for model in client.models.list()] == ["fake", "letters"]
    assert client.models.retrieve("fake").owned_by == "penjing"
    with pytest.raises(openai.NotFoundError) as failed:
        client.models.retrieve("gpt-4o")
    assert failed.value.code == "model_not_found"


def test_a_model_answers_to_every_name_it_is_known_by() -> None:
    with (
        FakeScheduler() as scheduler,
        serving(
            scheduler, embedder=Letters(), also=("short", "fake"), also_embedder=("e",)
        ) as running,
    ):
        client = running.openai()
        assert [model.id for model in client.models.list()] == ["fake", "letters"]
        assert client.models.retrieve("short").id == "fake"
        for name in ("fake", "short"):
            done = client.chat.completions.create(model=name, messages=USER)
            assert (done.model, done.choices[0].message.content) == (name, "hello 你好")
            assert client.completions.create(model=name, prompt="x").choices[0].text
            assert client.responses.create(model=name, input="x").output_text == "x"
        for name in ("letters", "e"):
            assert len(client.embeddings.create(model=name, input="abc").data) == 1
        with pytest.raises(openai.NotFoundError, match="use fake or short"):
            client.chat.completions.create(model="e", messages=USER)
        with pytest.raises(openai.NotFoundError, match="use letters or e"):
            client.embeddings.create(model="short", input="abc")


# -- chat


def test_chat(echo: Running) -> None:
    done = echo.openai().chat.completions.create(model="fake", messages=USER)
    assert done.choices[0].message.content == "hello 你好"
    assert done.choices[0].finish_reason == "stop"
    assert done.usage is not None
    assert done.usage.completion_tokens == len("hello 你好".encode())
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens
    for _ in range(2):  # the fake remembers a prompt once it has begun another
        done = echo.openai().chat.completions.create(model="fake", messages=USER)
    assert done.usage is not None
    assert done.usage.prompt_tokens_details is not None
    assert (done.usage.prompt_tokens_details.cached_tokens or 0) > 0


def test_who_says_nothing_of_a_system_is_answered_as_penjing_chat_answers(echo: Running) -> None:
    client, scheduler = echo.openai(), echo.app.desk.services.scheduler
    ours = Message.of("system", DEFAULT_SYSTEM)
    own: Any = [{"role": "system", "content": ""}, *USER]

    def first() -> Message:
        found: Message = scheduler.requests[-1].messages[0]  # type: ignore[attr-defined]
        return found

    client.chat.completions.create(model="fake", messages=USER)
    assert first() == ours
    client.responses.create(model="fake", input="x")
    assert first() == ours
    client.responses.create(model="fake", input="x", instructions="Be brief.")
    assert first() == Message.of("system", "Be brief.")
    client.chat.completions.create(model="fake", messages=own)
    assert first() == Message.of("system", "")
    client.completions.create(model="fake", prompt="raw")
    assert scheduler.requests[-1].messages == ()  # type: ignore[attr-defined]


def test_chat_as_a_stream(echo: Running) -> None:
    stream = echo.openai().chat.completions.create(
        model="fake", messages=USER, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "hello 你好"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 12
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_ends_with_done_and_says_no_usage_unasked(echo: Running) -> None:
    body = {"model": "fake", "messages": USER, "stream": True}
    with echo.client() as client:
        text = client.post("/v1/chat/completions", json=body).text
    assert text.endswith("data: [DONE]\n\n")
    assert '"usage"' not in text


def test_several_choices(echo: Running) -> None:
    client = echo.openai()
    done = client.chat.completions.create(model="fake", messages=USER, n=3)
    assert [choice.index for choice in done.choices] == [0, 1, 2]
    assert {choice.message.content for choice in done.choices} == {"hello 你好"}
    said = {0: "", 1: "", 2: ""}
    for chunk in client.chat.completions.create(model="fake", messages=USER, n=3, stream=True):
        said[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert set(said.values()) == {"hello 你好"}


def test_parameters_reach_the_engine() -> None:
    with saying("one STOP two") as running:
        done = running.openai().chat.completions.create(
            model="fake",
            messages=USER,
            stop=["STOP"],
            seed=7,
            temperature=0.5,
            top_p=0.8,
            frequency_penalty=0.25,
            presence_penalty=-0.5,
            max_completion_tokens=99,
        )
        settings = running.app.desk.services.scheduler.requests[0].settings  # type: ignore[attr-defined]
    assert done.choices[0].message.content == "one "
    assert (settings.seed, settings.temperature, settings.top_p) == (7, 0.5, 0.8)
    assert (settings.frequency_penalty, settings.presence_penalty) == (0.25, -0.5)
    assert (settings.max_tokens, settings.stop) == (99, ("STOP",))
    assert settings.repeat_penalty == 1.0


def test_a_limit_ends_it(echo: Running) -> None:
    done = echo.openai().chat.completions.create(model="fake", messages=USER, max_tokens=3)
    assert done.choices[0].message.content == "hel"
    assert done.choices[0].finish_reason == "length"


def test_logprobs(echo: Running) -> None:
    client = echo.openai()
    done = client.chat.completions.create(
        model="fake", messages=[{"role": "user", "content": "ab"}], logprobs=True, top_logprobs=2
    )
    assert done.choices[0].logprobs is not None
    content = done.choices[0].logprobs.content
    assert content is not None
    assert [(one.token, one.bytes, one.logprob) for one in content] == [
        ("a", [97], -0.6931),
        ("b", [98], -0.6931),
    ]
    assert [top.token for top in content[0].top_logprobs] == ["a", "b"]
    stream = client.chat.completions.create(
        model="fake", messages=[{"role": "user", "content": "ab"}], logprobs=True, stream=True
    )
    tokens = [
        one.token
        for chunk in stream
        if chunk.choices[0].logprobs
        for one in chunk.choices[0].logprobs.content or ()
    ]
    assert tokens == ["a", "b"]


def test_content_in_parts(echo: Running) -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    messages: Any = [{"role": "user", "content": parts}]
    done = echo.openai().chat.completions.create(model="fake", messages=messages)
    assert done.choices[0].message.content == "one\ntwo"


# -- tools


def test_a_function_is_called_and_its_result_is_read() -> None:
    with saying('"weather"', '{"city": "Paris"}', '"answer in words"', "Rain.") as running:
        client = running.openai()
        messages: list[Any] = [{"role": "user", "content": "Weather in Paris?"}]
        tools: Any = [WEATHER, CLOCK]
        done = client.chat.completions.create(model="fake", messages=messages, tools=tools)
        assert done.choices[0].finish_reason == "tool_calls"
        assert done.choices[0].message.content is None
        (call,) = done.choices[0].message.tool_calls or ()
        assert call.type == "function"
        assert call.function.name == "weather"
        assert json.loads(call.function.arguments) == {"city": "Paris"}
        messages.append(done.choices[0].message.model_dump())
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "rain"})
        done = client.chat.completions.create(model="fake", messages=messages, tools=tools)
        assert done.choices[0].message.content == "Rain."
        which, how, _, words = running.app.desk.services.scheduler.requests  # type: ignore[attr-defined]
    schema = {"type": "string", "enum": ["weather", "clock", "answer in words"]}
    assert which.settings.json_schema == schema
    assert "weather" in which.messages[0].text
    assert how.settings.json_schema["required"] == ["city"]
    assert how.settings.json_schema["additionalProperties"] is False
    assert "These functions" not in words.messages[0].text
    assert words.messages[-1].role == "user"
    assert "Result of weather: rain" in words.messages[-1].text


def test_a_function_is_called_in_a_stream() -> None:
    with saying('"weather"', '{"city": "北京"}') as running:
        tools: Any = [WEATHER, CLOCK]
        stream = running.openai().chat.completions.create(
            model="fake", messages=USER, tools=tools, stream=True
        )
        chunks = list(stream)
    calls = [call for c in chunks for call in c.choices[0].delta.tool_calls or ()]
    assert [call.function.name for call in calls if call.function] == ["weather"]
    assert "".join(call.function.arguments or "" for call in calls if call.function) == (
        '{"city": "北京"}'
    )
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_a_named_function_is_called_without_being_chosen() -> None:
    with saying('{"city": "Rome"}') as running:
        choice: Any = {"type": "function", "function": {"name": "weather"}}
        tools: Any = [WEATHER, CLOCK]
        done = running.openai().chat.completions.create(
            model="fake", messages=USER, tools=tools, tool_choice=choice
        )
        assert len(running.app.desk.services.scheduler.requests) == 1  # type: ignore[attr-defined]
    assert (done.choices[0].message.tool_calls or [])[0].type == "function"


def test_required_leaves_no_words_to_choose() -> None:
    with saying('"clock"', "{}") as running:
        tools: Any = [WEATHER, CLOCK]
        running.openai().chat.completions.create(
            model="fake", messages=USER, tools=tools, tool_choice="required"
        )
        which = running.app.desk.services.scheduler.requests[0]  # type: ignore[attr-defined]
    assert which.settings.json_schema["enum"] == ["weather", "clock"]


def test_no_tool_is_called_where_none_may_be() -> None:
    with saying("words") as running:
        tools: Any = [WEATHER]
        done = running.openai().chat.completions.create(
            model="fake", messages=USER, tools=tools, tool_choice="none"
        )
    assert done.choices[0].message.content == "words"


def test_arguments_that_were_cut_are_no_call() -> None:
    with saying('{"city": "A very long name of a city"}') as running:
        tools: Any = [WEATHER]
        done = running.openai().chat.completions.create(
            model="fake", messages=USER, tools=tools, tool_choice="required", max_tokens=9
        )
    assert done.choices[0].finish_reason == "length"
    assert not done.choices[0].message.tool_calls


def test_an_engine_that_keeps_to_no_schema_is_an_error() -> None:
    with saying("I would call weather") as running:
        tools: Any = [WEATHER, CLOCK]
        with pytest.raises(openai.InternalServerError) as failed:
            running.openai().chat.completions.create(model="fake", messages=USER, tools=tools)
    assert "schema" in str(failed.value)


# -- JSON


class City(BaseModel):
    """What an answer is parsed into."""

    name: str
    people: int


def test_a_schema_reaches_the_engine_and_the_answer_is_parsed() -> None:
    with saying('{"name": "Paris", "people": 2100000}') as running:
        done = running.openai().chat.completions.parse(
            model="fake", messages=USER, response_format=City
        )
        request = running.app.desk.services.scheduler.requests[0]  # type: ignore[attr-defined]
    assert done.choices[0].message.parsed == City(name="Paris", people=2100000)
    assert request.settings.json_schema["required"] == ["name", "people"]
    assert request.settings.repeat_penalty == 1.0
    assert "schema" in request.messages[0].text


def test_any_json() -> None:
    with saying("{}") as running:
        running.openai().chat.completions.create(
            model="fake", messages=USER, response_format={"type": "json_object"}
        )
        request = running.app.desk.services.scheduler.requests[0]  # type: ignore[attr-defined]
    assert request.settings.json_schema == {"type": "object"}


# -- completions and embeddings


def test_completions(echo: Running) -> None:
    client = echo.openai()
    done = client.completions.create(model="fake", prompt="Once upon", max_tokens=4)
    assert (done.choices[0].text, done.choices[0].finish_reason) == ("Once", "length")
    done = client.completions.create(
        model="fake", prompt=["ab", "cd"], n=2, echo=True, max_tokens=9
    )
    assert [choice.text for choice in done.choices] == ["abab", "abab", "cdcd", "cdcd"]
    said = [
        chunk.choices[0].text
        for chunk in client.completions.create(model="fake", prompt="abcdefgh", stream=True)
    ]
    assert "".join(said) == "abcdefgh"


def test_completions_have_logprobs_of_their_own_shape(echo: Running) -> None:
    done = echo.openai().completions.create(model="fake", prompt="aé", logprobs=1, max_tokens=9)
    logprobs = done.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.tokens == ["a", "bytes:\\xc3", "bytes:\\xa9"]
    assert logprobs.text_offset is not None
    assert logprobs.text_offset[0] == 0


def test_a_plain_text_is_continued_without_a_template() -> None:
    with saying("x") as running:
        running.openai().completions.create(model="fake", prompt="raw")
        request = running.app.desk.services.scheduler.requests[0]  # type: ignore[attr-defined]
    assert (request.text, request.messages, request.settings.max_tokens) == ("raw", (), 16)


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings(echo: Running, encoding: Any) -> None:
    found = echo.openai().embeddings.create(
        model="letters", input=["aaa", "b"], encoding_format=encoding
    )
    first: Any = found.data[0].embedding
    if isinstance(first, str):
        first = np.frombuffer(base64.b64decode(first), "<f4").tolist()
    assert [one.index for one in found.data] == [0, 1]
    assert (found.usage.prompt_tokens, found.usage.total_tokens) == (4, 4)
    assert len(first) == 3
    assert sum(number**2 for number in first) == pytest.approx(1.0, abs=1e-5)


def test_the_client_decodes_what_it_asks_for_unasked(echo: Running) -> None:
    vector = echo.openai().embeddings.create(model="letters", input="abc").data[0].embedding
    assert len(vector) == 3


def test_without_an_embedder_it_says_so() -> None:
    with saying("x") as running, pytest.raises(openai.APIStatusError) as failed:
        running.openai().embeddings.create(model="letters", input="abc")
    assert failed.value.status_code == 501
    assert "no embedding model" in failed.value.message


# -- responses


def test_a_response(echo: Running) -> None:
    done = echo.openai().responses.create(
        model="fake", input="hello 你好", instructions="Be brief."
    )
    assert done.output_text == "hello 你好"
    assert done.status == "completed"
    assert done.usage is not None
    assert done.usage.output_tokens == 12
    request = echo.app.desk.services.scheduler.requests[-1]  # type: ignore[attr-defined]
    assert [message.role for message in request.messages] == ["system", "user"]


def test_a_response_as_a_stream(echo: Running) -> None:
    with echo.openai().responses.stream(model="fake", input="hello 你好") as stream:
        events = list(stream)
        final = stream.get_final_response()
    kinds = [one.type for one in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert "".join(one.delta for one in events if one.type == "response.output_text.delta") == (
        "hello 你好"
    )
    assert final.output_text == "hello 你好"
    numbers = [one.sequence_number for one in events]
    assert numbers == sorted(numbers)


FLAT: Any = {"name": "weather", "type": "function", **WEATHER["function"]}  # type: ignore[dict-item]


def test_a_response_calls_a_function_and_reads_its_result() -> None:
    with saying('"weather"', '{"city": "Oslo"}', '"answer in words"', "Snow.") as running:
        client = running.openai()
        said: list[Any] = [{"role": "user", "content": "Weather in Oslo?"}]
        done = client.responses.create(model="fake", input=said, tools=[FLAT])
        (call,) = done.output
        assert call.type == "function_call"
        assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "Oslo"})
        said += done.output
        said.append({"type": "function_call_output", "call_id": call.call_id, "output": "snow"})
        done = client.responses.create(model="fake", input=said, tools=[FLAT])
        assert done.output_text == "Snow."


def test_a_response_calls_a_function_in_a_stream() -> None:
    with (
        saying('"weather"', '{"city": "Oslo"}') as running,
        running.openai().responses.stream(model="fake", input="Oslo?", tools=[FLAT]) as stream,
    ):
        kinds = [one.type for one in stream]
        final = stream.get_final_response()
    assert "response.function_call_arguments.done" in kinds
    assert final.output[0].type == "function_call"


def test_a_response_of_a_schema() -> None:
    with saying('{"name": "Rom", "people": 3}') as running:
        done = running.openai().responses.parse(model="fake", input="?", text_format=City)
    assert done.output_parsed == City(name="Rom", people=3)


def test_a_response_that_was_cut_is_incomplete(echo: Running) -> None:
    done = echo.openai().responses.create(model="fake", input="hello", max_output_tokens=2)
    assert done.status == "incomplete"
    assert done.incomplete_details is not None
    assert done.incomplete_details.reason == "max_output_tokens"
    assert done.output_text == "he"


def test_a_response_with_logprobs(echo: Running) -> None:
    done = echo.openai().responses.create(
        model="fake", input="ab", include=["message.output_text.logprobs"], top_logprobs=1
    )
    assert done.output[0].type == "message"
    part = done.output[0].content[0]
    assert part.type == "output_text"
    assert [one.token for one in part.logprobs or ()] == ["a", "b"]


@pytest.mark.parametrize(
    "more", [{"conversation": "conv_1"}, {"previous_response_id": "resp_1"}, {"background": True}]
)
def test_what_would_have_to_be_kept_is_refused(echo: Running, more: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as failed:
        echo.openai().responses.create(model="fake", input="x", **more)
    assert failed.value.param == next(iter(more))


def test_a_response_is_not_kept(echo: Running) -> None:
    with pytest.raises(openai.NotFoundError):
        echo.openai().responses.retrieve("resp_1")
