"""Tools whose schemas say more than a grammar holds: it is seen afterwards, the tool is named."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from serving import Running, serving

from penjing.core.errors import BadInput
from penjing.testing.scheduler import FakeScheduler

USER: Any = [{"role": "user", "content": "hi"}]


def tool(name: str, **properties: Any) -> Any:
    parameters = {"type": "object", "properties": properties}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


SET = tool("tag", tags={"type": "array", "items": {"type": "string"}, "uniqueItems": True})
FETCH = tool(
    "fetch",
    url={"type": "string", "format": "uri"},
    secret={"type": "string", "not": {"const": "x"}},
)


def asked(running: Running, **more: Any) -> Any:
    return running.openai().chat.completions.create(model="fake", messages=USER, **more)


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ({"tags": ["a", "b"]}, None),
        ({"tags": ["a", "a"]}, "the model called tag .*tags: two items are the same"),
    ],
)
def test_a_call_that_its_schema_does_not_allow_names_the_tool(
    answer: Any, wrong: str | None
) -> None:
    with FakeScheduler(['"tag"', json.dumps(answer)]) as scheduler, serving(scheduler) as running:
        if wrong is None:
            done = asked(running, tools=[SET, FETCH], tool_choice="required")
            assert json.loads(done.choices[0].message.tool_calls[0].function.arguments) == answer
            return
        with pytest.raises(openai.InternalServerError, match=wrong):
            asked(running, tools=[SET, FETCH], tool_choice="required")


def test_one_tool_alone_is_looked_at_too() -> None:
    answer = json.dumps({"secret": "x"})
    with (
        FakeScheduler([answer]) as scheduler,
        serving(scheduler) as running,
        pytest.raises(openai.InternalServerError, match=r"called fetch .*secret: it is what it"),
    ):
        asked(running, tools=[FETCH], tool_choice="required")


def test_a_schema_that_cannot_be_used_names_its_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeScheduler() as scheduler, serving(scheduler) as running:

        def refuse(request: Any, deliver: Any) -> Any:
            raise BadInput("the JSON schema cannot be used (regex parse error): correct it")

        monkeypatch.setattr(scheduler, "submit", refuse)
        with pytest.raises(openai.BadRequestError, match="the tool fetch: the JSON schema cannot"):
            asked(running, tools=[FETCH], tool_choice="required")


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_of_a_schema_is_looked_at(stream: bool) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "array", "uniqueItems": True}}}
    form: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    for answer, right in (({"n": [1, 2]}, True), ({"n": [1, 1]}, False)):
        with FakeScheduler([json.dumps(answer)]) as scheduler, serving(scheduler) as running:

            def ask() -> None:
                done = asked(running, response_format=form, stream=stream)
                if stream:
                    list(done)

            if right:
                ask()
                continue
            with pytest.raises(openai.APIError, match="n: two items are the same"):
                ask()
