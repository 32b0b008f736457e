"""What other programs send to /v1 and local servers take: honoured, or named as ignored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import openai
import pytest
from letters import Letters
from serving import Running, serving

from penjing.core.messages import GenerationSettings
from penjing.serve.openai.schemas import checked
from penjing.testing.scheduler import FakeScheduler

USER: Any = [{"role": "user", "content": "hi"}]
CITY: Any = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}


@pytest.fixture(scope="module")
def echo() -> Iterator[Running]:
    with FakeScheduler() as scheduler, serving(scheduler, embedder=Letters()) as running:
        yield running


def function(name: str, parameters: Any = None) -> Any:
    about = {"name": name} if parameters is None else {"name": name, "parameters": parameters}
    return {"type": "function", "function": about}


def requests_of(running: Running) -> list[Any]:
    scheduler: Any = running.app.desk.services.scheduler
    found: list[Any] = scheduler.requests
    return found


def settings_of(running: Running) -> GenerationSettings:
    found: GenerationSettings = requests_of(running)[-1].settings
    return found


# -- parameters


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/responses"])
def test_what_local_clients_send_reaches_the_engine(echo: Running, path: str) -> None:
    said = {
        "/v1/chat/completions": {"messages": USER},
        "/v1/completions": {"prompt": "hi"},
        "/v1/responses": {"input": "hi"},
    }[path]
    more = {"top_k": 7, "min_p": 0.05, "repeat_penalty": 1.3, "logit_bias": {"104": -5}}
    with echo.client() as client:
        answer = client.post(path, json={"model": "fake", **said, **more})
        assert answer.status_code == 200, answer.text
        assert "x-penjing-ignored" not in answer.headers
        found = settings_of(echo)
        assert (found.top_k, found.min_p, found.repeat_penalty) == (7, 0.05, 1.3)
        assert found.logit_bias == ((104, -5.0),)
        client.post(path, json={"model": "fake", **said, "top_k": -1, "repetition_penalty": 1.2})
        assert (settings_of(echo).top_k, settings_of(echo).repeat_penalty) == (0, 1.2)


def test_what_has_no_effect_is_named_and_what_nobody_knows_is_refused(echo: Running) -> None:
    body = {"model": "fake", "messages": USER, "mirostat": 2, "cache_prompt": True, "store": True}
    with echo.client() as client:
        for stream in (False, True):
            answer = client.post("/v1/chat/completions", json={**body, "stream": stream})
            assert answer.status_code == 200
            assert answer.headers["x-penjing-ignored"] == "mirostat, cache_prompt, store"
        unknown = client.post("/v1/chat/completions", json={**body, "temprature": 1})
        assert unknown.json()["error"]["code"] == "unknown_parameter"
        none = client.post("/v1/chat/completions", json={**body, "mirostat": None, "store": False})
        assert none.headers["x-penjing-ignored"] == "cache_prompt"
        odd = client.post(
            "/v1/chat/completions", json={"model": "fake", "messages": USER, "logit_bias": {"a": 1}}
        )
        assert odd.status_code == 400


def test_a_penalty_that_was_asked_for_holds_under_a_form(echo: Running) -> None:
    form: Any = {"type": "json_object"}
    with FakeScheduler(["{}"]) as scheduler, serving(scheduler) as running:
        client = running.openai()
        client.chat.completions.create(
            model="fake", messages=USER, response_format=form, extra_body={"repeat_penalty": 1.2}
        )
        assert settings_of(running).repeat_penalty == 1.2
        client.chat.completions.create(model="fake", messages=USER, response_format=form)
        assert settings_of(running).repeat_penalty == 1.0


def test_switches_may_be_null(echo: Running) -> None:
    more = {"chat_template_kwargs": {"enable_thinking": None, "custom": None}}
    echo.openai().chat.completions.create(model="fake", messages=USER, extra_body=more)
    assert (settings_of(echo).thinking, settings_of(echo).switches) == (None, {})


def test_a_conversation_too_long_says_so_in_openais_word() -> None:
    with FakeScheduler(context=64) as scheduler, serving(scheduler) as running:
        client = running.openai()
        long: Any = [{"role": "user", "content": "x" * 100}]
        for ask in (
            lambda: client.chat.completions.create(model="fake", messages=long),
            lambda: client.completions.create(model="fake", prompt="x" * 100),
            lambda: client.responses.create(model="fake", input="x" * 100),
        ):
            with pytest.raises(openai.BadRequestError) as failed:
                ask()
            assert failed.value.code == "context_length_exceeded"


# -- tools


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        {},
        {"type": "object"},
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {}, "additionalProperties": False, "required": []},
    ],
)
def test_a_function_without_parameters_is_called_with_none(parameters: Any) -> None:
    with FakeScheduler(['"reset"']) as scheduler, serving(scheduler) as running:
        client = running.openai()
        alone = [function("reset", parameters)]
        both = [*alone, function("other", CITY)]
        for tools, choice, asked in ((alone, "required", 0), (both, "auto", 1)):
            before = len(requests_of(running))
            done = client.chat.completions.create(
                model="fake", messages=USER, tools=tools, tool_choice=choice
            )
            (call,) = done.choices[0].message.tool_calls or ()
            assert call.type == "function"
            assert (call.function.name, call.function.arguments) == ("reset", "{}")
            assert done.choices[0].finish_reason == "tool_calls"
            assert len(requests_of(running)) == before + asked
            assert done.usage is not None


def test_an_object_of_anything_is_still_asked_for() -> None:
    anything = {"type": "object", "additionalProperties": {"type": "string"}}
    with FakeScheduler(['{"a": "b"}']) as scheduler, serving(scheduler) as running:
        done = running.openai().chat.completions.create(
            model="fake", messages=USER, tools=[function("set", anything)], tool_choice="required"
        )
    call: Any = (done.choices[0].message.tool_calls or ())[0]
    assert json.loads(call.function.arguments) == {"a": "b"}


def answered(*calls: tuple[str, str]) -> Any:
    """A conversation in which these were called and answered."""
    said: list[Any] = [*USER]
    for number, (name, arguments) in enumerate(calls):
        call = {"name": name, "arguments": arguments}
        made = {"id": f"c{number}", "type": "function", "function": call}
        said.append({"role": "assistant", "content": None, "tool_calls": [made]})
        said.append({"role": "tool", "tool_call_id": f"c{number}", "content": "done"})
    return said


def test_the_same_answered_call_is_not_made_again() -> None:
    script = ['"weather"', '{"city":  "Paris"}', '"answer in words"', "Rain."]
    with FakeScheduler(script) as scheduler, serving(scheduler) as running:
        done = running.openai().chat.completions.create(
            model="fake",
            messages=answered(("weather", '{"city": "Paris"}')),
            tools=[function("weather", CITY), function("other", CITY)],
        )
        names = [one.settings.json_schema for one in requests_of(running)]
    assert done.choices[0].message.content == "Rain."
    assert names[2]["enum"] == ["other", "answer in words"]


def test_another_city_is_another_call_and_a_new_question_a_new_turn() -> None:
    tools = [function("weather", CITY), function("other", CITY)]
    said = answered(("weather", '{"city": "Paris"}'))
    script = ['"weather"', '{"city": "Rome"}', '"weather"', '{"city": "Paris"}']
    with FakeScheduler(script) as scheduler, serving(scheduler) as running:
        client = running.openai()
        first = client.chat.completions.create(model="fake", messages=said, tools=tools)
        again = client.chat.completions.create(model="fake", messages=[*said, *USER], tools=tools)
    for done, city in ((first, "Rome"), (again, "Paris")):
        call: Any = (done.choices[0].message.tool_calls or ())[0]
        assert json.loads(call.function.arguments) == {"city": city}


def test_an_answered_function_without_parameters_is_not_offered() -> None:
    with FakeScheduler(["Done."]) as scheduler, serving(scheduler) as running:
        client = running.openai()
        said = answered(("reset", ""))
        done = client.chat.completions.create(
            model="fake", messages=said, tools=[function("reset")]
        )
        assert done.choices[0].message.content == "Done."
        forced = client.chat.completions.create(
            model="fake", messages=said, tools=[function("reset")], tool_choice="required"
        )
        assert forced.choices[0].finish_reason == "tool_calls"


def test_after_many_answered_calls_it_answers_in_words() -> None:
    with FakeScheduler(["Enough."]) as scheduler, serving(scheduler) as running:
        done = running.openai().chat.completions.create(
            model="fake",
            messages=answered(*(("weather", f'{{"city": "{n}"}}') for n in range(8))),
            tools=[function("weather", CITY)],
        )
    assert done.choices[0].message.content == "Enough."


def test_responses_do_not_call_again_either() -> None:
    flat: Any = {"type": "function", "name": "reset"}
    said: Any = [
        {"role": "user", "content": "hi"},
        {"type": "function_call", "call_id": "c", "name": "reset", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "done"},
    ]
    with FakeScheduler(["Done."]) as scheduler, serving(scheduler) as running:
        done = running.openai().responses.create(model="fake", input=said, tools=[flat])
    assert done.output_text == "Done."


def test_arrays_have_an_end() -> None:
    endless = {"type": "array", "items": {"type": ["array", "null"], "minItems": 100}}
    found = checked({"type": "object", "properties": {"a": endless, "type": {}}}, "x")
    assert found["properties"]["a"]["maxItems"] == 64
    assert found["properties"]["a"]["items"]["maxItems"] == 100
    assert checked({"type": "array", "maxItems": 999}, "x")["maxItems"] == 999


# -- completions


def test_echo_tells_the_prompts_own_logprobs(echo: Running) -> None:
    client = echo.openai()
    prompts: list[Any] = ["abc", [97, 98, 99], [[97, 98, 99]]]
    for prompt in prompts:
        done = client.completions.create(
            model="fake", prompt=prompt, echo=True, logprobs=1, max_tokens=1
        )
        (choice,) = done.choices
        assert choice.text == "abca"
        told = choice.logprobs
        assert told is not None
        assert told.tokens == ["a", "b", "c", "a"]
        assert told.token_logprobs == [None, -1.0, -1.0, -0.6931]
        assert told.text_offset == [0, 1, 2, 3]
        assert told.top_logprobs is not None
        assert told.top_logprobs[:2] == [None, {"b": -1.0}]


def test_echo_alone_writes_nothing(echo: Running) -> None:
    client = echo.openai()
    done = client.completions.create(
        model="fake", prompt=["ab", "é"], echo=True, logprobs=0, max_tokens=0
    )
    assert [choice.text for choice in done.choices] == ["ab", "é"]
    assert [choice.finish_reason for choice in done.choices] == ["length", "length"]
    assert done.usage is not None
    assert done.usage.completion_tokens == 0
    stream = client.completions.create(
        model="fake", prompt="ab", echo=True, logprobs=0, max_tokens=1, stream=True
    )
    chunks = [chunk.choices[0] for chunk in stream]
    assert "".join(one.text for one in chunks) == "aba"
    assert [t for one in chunks if one.logprobs for t in one.logprobs.tokens or ()] == [*"aba"]
    with pytest.raises(openai.BadRequestError, match="writes nothing"):
        client.completions.create(model="fake", prompt="ab", max_tokens=0)


def test_tokens_are_continued_as_they_are(echo: Running) -> None:
    done = echo.openai().completions.create(model="fake", prompt=[104, 105])
    assert done.choices[0].text == "hi"
    assert requests_of(echo)[-1].tokens == (104, 105)
    with pytest.raises(openai.BadRequestError, match="tokens are numbered"):
        echo.openai().completions.create(model="fake", prompt=[104, 99999])


# -- embeddings


def test_a_text_beyond_the_window_is_refused_or_treated_as_asked(echo: Running) -> None:
    client = echo.openai()
    long = "a " * 300 + "b " * 300
    with pytest.raises(openai.BadRequestError) as failed:
        client.embeddings.create(model="letters", input=["b", long])
    assert failed.value.code == "context_length_exceeded"
    assert "input[1] has 1200 tokens and this model reads 512" in failed.value.message
    vectors = {}
    for how in ("cut", "pool"):
        for tail in ("", "c " * 400):
            done = client.embeddings.create(
                model="letters", input=long + tail, extra_body={"overflow": how}
            )
            vectors[how, bool(tail)] = np.asarray(done.data[0].embedding)
            assert np.linalg.norm(vectors[how, bool(tail)]) == pytest.approx(1, abs=1e-5)
    assert np.abs(vectors["pool", True] - vectors["pool", False]).max() > 0.05
    assert done.usage.prompt_tokens > 1900


def test_numbers_are_refused_with_what_to_do(echo: Running) -> None:
    for given in ([1, 2], [[1, 2]]):
        with pytest.raises(openai.BadRequestError, match="check_embedding_ctx_length=False"):
            echo.openai().embeddings.create(model="letters", input=given)


# -- manners


def test_head_and_wrong_methods(echo: Running) -> None:
    with echo.client() as client:
        there = client.head("/v1/models")
        assert (there.status_code, there.content) == (200, b"")
        assert client.head("/v1/models/fake").status_code == 200
        assert client.head("/v1/models/none").status_code == 404
        wrong = client.get("/v1/chat/completions")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
        assert wrong.json()["error"]["type"] == "invalid_request_error"


def test_models_say_what_they_can(echo: Running) -> None:
    with echo.client() as client:
        found = {one["id"]: one["capabilities"] for one in client.get("/v1/models").json()["data"]}
    assert found == {"fake": ["completion", "tools"], "letters": ["embedding"]}
