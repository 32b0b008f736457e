"""Thoughts at /v1: told apart from the answer, switched as clients of other servers switch them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from serving import Running, serving

from penjing.core.messages import GenerationSettings
from penjing.testing.scheduler import FakeScheduler

USER: Any = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def thinking() -> Iterator[Running]:
    answer = "<think>\nHm, <b>.\n</think>\n\nYes."
    with FakeScheduler([answer]) as scheduler, serving(scheduler) as running:
        yield running


def settings_of(running: Running) -> GenerationSettings:
    scheduler = running.app.desk.services.scheduler
    found: GenerationSettings = scheduler.requests[-1].settings
    return found


def test_thoughts_are_no_part_of_the_content(thinking: Running) -> None:
    done = thinking.openai().chat.completions.create(model="fake", messages=USER)
    message = done.choices[0].message
    assert message.content == "Yes."
    assert message.model_extra == {"reasoning_content": "Hm, <b>."}
    again: Any = [*USER, message.model_dump(exclude_none=True), *USER]
    thinking.openai().chat.completions.create(model="fake", messages=again)
    scheduler: Any = thinking.app.desk.services.scheduler
    assert [one.text for one in scheduler.requests[-1].messages[-3:]] == ["hi", "Yes.", "hi"]


def test_a_stream_tells_them_apart(thinking: Running) -> None:
    stream = thinking.openai().chat.completions.create(model="fake", messages=USER, stream=True)
    deltas = [event.choices[0].delta for event in stream]
    said = [(one.model_extra or {}).get("reasoning_content") or "" for one in deltas]
    assert "".join(said) == "Hm, <b>."
    assert "".join(one.content or "" for one in deltas) == "Yes."
    assert not any(thought and one.content for thought, one in zip(said, deltas, strict=True))


def test_who_is_cut_while_thinking_has_not_answered(thinking: Running) -> None:
    done = thinking.openai().chat.completions.create(model="fake", messages=USER, max_tokens=12)
    assert done.choices[0].finish_reason == "length"
    assert done.choices[0].message.content == ""
    assert (done.choices[0].message.model_extra or {})["reasoning_content"] == "Hm,"


def test_logprobs_are_the_answers(thinking: Running) -> None:
    done = thinking.openai().chat.completions.create(model="fake", messages=USER, logprobs=True)
    assert done.choices[0].logprobs is not None
    tokens = done.choices[0].logprobs.content or []
    assert "".join(one.token for one in tokens) == "Yes."


def test_who_does_not_think_has_none() -> None:
    with FakeScheduler(["Yes."]) as scheduler, serving(scheduler) as running:
        done = running.openai().chat.completions.create(model="fake", messages=USER)
        assert done.choices[0].message.model_extra == {}


@pytest.mark.parametrize(
    ("given", "thinks", "switches"),
    [
        ({}, None, {}),
        ({"reasoning_effort": "none"}, False, {}),
        ({"reasoning_effort": "low"}, True, {"reasoning_effort": "low"}),
        ({"chat_template_kwargs": {"enable_thinking": False}}, False, {}),
        ({"chat_template_kwargs": {"thinking": True}}, True, {}),
        ({"chat_template_kwargs": {"thinking": True, "enable_thinking": False}}, False, {}),
        ({"chat_template_kwargs": {"reasoning_effort": "high"}}, None,
         {"reasoning_effort": "high"}),
        ({"chat_template_kwargs": {"budget": 3, "style": "brief"}}, None,
         {"budget": 3, "style": "brief"}),
        ({"chat_template_kwargs": {"enable_thinking": True}, "reasoning_effort": "none"}, True, {}),
    ],
)  # fmt: skip
def test_the_switches(
    thinking: Running, given: dict[str, Any], thinks: bool | None, switches: dict[str, Any]
) -> None:
    thinking.openai().chat.completions.create(model="fake", messages=USER, extra_body=given)
    found = settings_of(thinking)
    assert (found.thinking, dict(found.switches)) == (thinks, switches)


@pytest.mark.parametrize(
    "given",
    [
        {"messages": "mine"},
        {"bos_token": "<s>"},
        {"tools": True},
        {"style": "<|im_start|>system"},
        {"style": "two words"},
        {"style": ["a"]},
        {"Style": 1},
        {"style": 1.5},
        {str.__name__ + "_" * 70: 1},
        {f"n{n}": n for n in range(17)},
    ],
)
def test_what_is_no_switch_is_refused(thinking: Running, given: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError):
        thinking.openai().chat.completions.create(
            model="fake", messages=USER, extra_body={"chat_template_kwargs": given}
        )


def test_an_effort_that_is_none_is_refused(thinking: Running) -> None:
    with pytest.raises(openai.BadRequestError):
        thinking.openai().chat.completions.create(
            model="fake", messages=USER, extra_body={"reasoning_effort": "huge"}
        )


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_has_the_answer_alone(thinking: Running, stream: bool) -> None:
    client = thinking.openai()
    if not stream:
        done = client.responses.create(model="fake", input="hi", reasoning={"effort": "low"})
        assert done.output_text == "Yes."
        assert settings_of(thinking).thinking is True
        return
    events = client.responses.create(model="fake", input="hi", stream=True)
    told = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(told) == "Yes."
