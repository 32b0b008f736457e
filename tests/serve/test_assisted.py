"""The assistant behind programs' APIs: it acts, asks, cites; a later yes answers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import serving as servers
from assisted import RecordingTool, recording
from garden import QUOTED, Gardener, index
from serving import Running, serving

from penjing.assistant.build import build
from penjing.assistant.spec.parse import loads
from penjing.serve.conversations import SECONDS, Conversation, Conversations
from penjing.serve.who import Who
from penjing.testing.scheduler import FakeScheduler

SPEC = """\
assistant: Butler
languages: [en]
tools: {lights: , covers: }
slots:
  light: {type: entity, tool: lights, parameter: light, ask: {en: "Which light?"}}
intents:
  light_on:
    sentences: {en: ["switch on the {light}", "light on"]}
    do:
      - collect: light
      - call: lights
        with: {light: $light, on: true}
        describes: {en: "switch on the {light}"}
      - answer: {en: "The {light} is on."}
  garage:
    sentences: {en: ["open the garage door"]}
    do:
      - call: covers
        with: {cover: garage door, action: open}
        describes: {en: "open the garage door"}
      - answer: {en: "It opens."}
"""
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


class House:
    """A server with a butler, and what its tools were called with."""

    def __init__(self, running: Running, tools: dict[str, RecordingTool], scheduler: Any) -> None:
        self.running, self.tools, self.scheduler = running, tools, scheduler
        self.client = running.openai()

    @property
    def calls(self) -> list[Any]:
        return [call[0] for tool in self.tools.values() for call in tool.calls]

    def say(self, said: list[Any], text: str, **more: Any) -> str:
        """The next sentence of a conversation that the client keeps."""
        said.append({"role": "user", "content": text})
        done = self.client.chat.completions.create(
            model=more.pop("model", "assistant"), messages=said, **more
        )
        answer = done.choices[0].message.content
        said.append({"role": "assistant", "content": answer})
        return answer or ""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    tools = recording("lights", "covers")
    with FakeScheduler() as scheduler:
        butler = build(loads(SPEC), list(tools.values()), cache=tmp_path)
        with serving(scheduler, assistant=butler) as running:
            yield House(running, tools, scheduler)


def test_it_is_listed_beside_the_model(house: House) -> None:
    assert [one.id for one in house.client.models.list()] == ["fake", "assistant"]
    assert house.client.models.retrieve("Butler").id == "assistant"
    with house.running.client() as client:
        names = [one["name"] for one in client.get("/api/tags").json()["models"]]
    assert names == ["fake", "assistant"]


@pytest.mark.parametrize("model", ["assistant", "Butler"])
def test_it_acts_and_says_so(house: House, model: str) -> None:
    assert house.say([], "switch on the desk lamp", model=model) == "The desk lamp is on."
    assert house.calls == [{"light": "desk lamp", "on": True}]
    assert house.say([], "switch on the desk lamp", model="fake") == "switch on the desk lamp"
    assert len(house.calls) == 1  # the bare model does nothing


def test_a_missing_value_is_asked_for_and_given_later(house: House) -> None:
    said: list[Any] = [{"role": "system", "content": "You are in a kitchen."}]
    assert house.say(said, "light on").startswith("Which light?")
    said[0]["content"] = "You are in a kitchen. It is 10:01."  # clients tell the time
    assert house.say(said, "the kitchen light") == "The kitchen light is on."
    assert house.calls == [{"light": "kitchen light", "on": True}]


def test_a_careful_deed_waits_for_a_yes_of_the_same_conversation(house: House) -> None:
    said: list[Any] = []
    question = house.say(said, "open the garage door")
    assert question.endswith("?")
    assert house.calls == []
    house.say([], "yes")  # of another conversation
    house.say([{"role": "user", "content": "open the garage door"},
               {"role": "assistant", "content": f"{question} Really?"}], "yes")  # fmt: skip
    house.say([{"role": "assistant", "content": question}], "yes")
    assert house.calls == []
    before = [*said]
    assert house.say(said, "yes") == "It opens."
    assert house.calls == [{"cover": "garage door", "action": "open"}]
    again = [*before]
    assert house.say(again, "yes") != "It opens."  # sent again: done once
    house.say(said, "yes")
    assert len(house.calls) == 1


def test_a_no_and_a_way_back_before_it(house: House) -> None:
    said: list[Any] = []
    house.say(said, "open the garage door")
    before = [*said]
    house.say(said, "no")
    assert house.calls == []
    house.say(before, "yes")  # the answer to the question, said differently: nothing was done since
    assert len(house.calls) == 1


def test_another_persons_yes_is_theirs(house: House) -> None:
    said: list[Any] = []
    house.say(said, "open the garage door")
    ben = House(house.running, house.tools, house.scheduler)
    ben.client = house.running.openai("ben")
    ben.say([*said], "yes")
    assert house.calls == []
    house.say(said, "yes")
    assert len(house.calls) == 1


def test_two_conversations_of_the_same_words_wait_apart(house: House) -> None:
    one: list[Any] = []
    other: list[Any] = []
    house.say(one, "open the garage door")
    house.say(other, "open the garage door")
    house.say(one, "yes")
    house.say(other, "yes")
    assert len(house.calls) == 2


def test_a_token_without_tools_talks_and_does_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def talker(*given: Any, **more: Any) -> Who:
        return Who(*given, **{**more, "scopes": frozenset({"chat"})})

    monkeypatch.setattr(servers, "Who", talker)
    said: list[Any] = []
    assert house.say(said, "switch on the desk lamp") != "The desk lamp is on."
    house.say(said, "open the garage door")
    monkeypatch.undo()
    house.say(said, "yes")
    assert house.calls == []


def test_what_stands_in_a_prompt_of_a_client_is_no_wish(house: House) -> None:
    titles = (
        "### Task:\nGenerate a concise, 3-5 word title.\n### Chat History:\n<chat_history>\n"
        "USER: switch on the desk lamp\nASSISTANT: The desk lamp is on.\n</chat_history>"
    )
    house.say([], titles)
    assert house.calls == []


def test_as_a_stream(house: House) -> None:
    said: Any = [{"role": "user", "content": "switch on the desk lamp"}]
    chunks = list(
        house.client.chat.completions.create(
            model="assistant", messages=said, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "The desk lamp is on."
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage is not None


def test_as_a_response_and_as_ollama(house: House) -> None:
    done = house.client.responses.create(model="assistant", input="switch on the desk lamp")
    assert done.output_text == "The desk lamp is on."
    question = house.client.responses.create(model="assistant", input="open the garage door")
    again: list[Any] = [{"role": "user", "content": "open the garage door"}]
    again += [*question.output, {"role": "user", "content": "yes"}]
    assert house.client.responses.create(model="assistant", input=again).output_text == "It opens."
    with house.running.client() as client:
        said: list[Any] = []
        for text in ("open the garage door", "yes"):
            said.append({"role": "user", "content": text})
            body = {"model": "assistant:latest", "messages": said, "stream": False}
            said.append(client.post("/api/chat", json=body).json()["message"])
        assert said[-1]["content"] == "It opens."
        whole = client.post(
            "/api/generate", json={"model": "assistant", "prompt": "switch on the desk lamp"}
        )
        lines = [json.loads(one) for one in whole.text.splitlines()]
        assert "".join(one["response"] for one in lines) == "The desk lamp is on."
    assert len(house.calls) == 4


def test_a_clients_own_functions_work_beside_it(tmp_path: Path) -> None:
    script = ['"weather"', '{"city": "Paris"}', '"answer in words"', "Rain in Paris."]
    tools = recording("lights", "covers")
    with FakeScheduler(script) as scheduler:
        butler = build(loads(SPEC), list(tools.values()), cache=tmp_path)
        with serving(scheduler, assistant=butler) as running:
            house = House(running, tools, scheduler)
            said: list[Any] = []
            assert house.say(said, "switch on the desk lamp", tools=[WEATHER]) == (
                "The desk lamp is on."
            )
            assert scheduler.requests == []  # its own business: nobody else was asked
            said.append({"role": "user", "content": "What is the weather in Paris?"})
            done = house.client.chat.completions.create(
                model="assistant", messages=said, tools=[WEATHER]
            )
            (call,) = done.choices[0].message.tool_calls or ()
            assert call.type == "function"
            assert json.loads(call.function.arguments) == {"city": "Paris"}
            said.append(done.choices[0].message.model_dump(exclude_none=True))
            said.append({"role": "tool", "tool_call_id": call.id, "content": "rain"})
            done = house.client.chat.completions.create(
                model="assistant", messages=said, tools=[WEATHER]
            )
            assert done.choices[0].message.content == "Rain in Paris."
            said.append({"role": "assistant", "content": "Rain in Paris."})
            assert house.say(said, "open the garage door").endswith("?")
            assert house.say(said, "yes", tools=[WEATHER]) == "It opens."


def test_what_the_assistant_does_not_do_is_refused_or_named(house: House) -> None:
    body: Any = {"model": "assistant", "messages": [{"role": "user", "content": "light on"}]}
    with house.running.client() as client:
        answer = client.post("/v1/chat/completions", json={**body, "max_tokens": 9, "seed": 1})
        assert answer.headers["x-penjing-ignored"] == "max_tokens, seed"
        for more in ({"n": 2}, {"response_format": {"type": "json_object"}}):
            assert client.post("/v1/chat/completions", json={**body, **more}).status_code == 400
        body["messages"].append({"role": "assistant", "content": "x"})
        assert client.post("/v1/chat/completions", json=body).status_code == 400


def test_citations_have_openais_shapes() -> None:
    words = f"# Watering\n\n## When\n\n{QUOTED['en']}."
    with (
        FakeScheduler() as scheduler,
        serving(scheduler, assistant=Gardener(scheduler), index=index) as running,
    ):
        document = running.store.documents.add("elm.md", "text/markdown", words.encode())
        client = running.openai("owner")
        said: Any = [{"role": "user", "content": "How often should I water it?"}]
        message = (
            client.chat.completions.create(model="assistant", messages=said).choices[0].message
        )
        (cited,) = message.annotations or ()
        place = cited.url_citation
        assert (message.content or "")[place.start_index : place.end_index] == "[1]"
        assert place.title.startswith("elm.md")
        assert place.url.startswith(f"/api/documents/{document.id}/text?start=")
        deltas = [
            chunk.choices[0].delta
            for chunk in client.chat.completions.create(
                model="assistant", messages=said, stream=True
            )
        ]
        told = [(one.model_extra or {}).get("annotations") for one in deltas]
        assert next(one for one in told if one)[0]["url_citation"]["title"] == place.title
        done = client.responses.create(model="assistant", input="How do I water it?")
        assert done.output[0].type == "message"
        part = done.output[0].content[0]
        assert part.type == "output_text"
        assert part.annotations[0].type == "file_citation"
        assert part.annotations[0].file_id == document.id
        with client.responses.stream(model="assistant", input="Water?") as stream:
            kinds = [one.type for one in stream]
        assert "response.output_text.done" in kinds


def test_nothing_of_it_is_kept_in_the_persons_store(house: House) -> None:
    house.say([], "switch on the desk lamp")
    assert house.running.store.history.sessions() == []
    assert house.running.store.settings.all() == {}


def test_conversations_are_forgotten_in_time_and_with_their_person() -> None:
    now = [0.0]
    kept = Conversations(lambda: now[0])
    said: Any = [("user", "a"), ("assistant", "b  c ")]
    one = Conversation("ada")
    one.tell("user", "a")
    kept.keep("ada", said, one)
    assert kept.of("ada", [("user", "a"), ("assistant", "b c")]).conversation is one
    assert kept.of("ben", said).conversation is not one
    now[0] = SECONDS + 1
    assert kept.of("ada", said).conversation is not one
    assert len(kept) == 0
    kept.keep("ada", said, one)
    kept.forget("ada")
    assert kept.of("ada", said).conversation is not one
    for number in range(300):
        kept.keep("ada", [("user", str(number))], one)
    assert len(kept) == 128


def test_who_leaves_stops_it() -> None:
    body = {"model": "assistant", "messages": [{"role": "user", "content": "a long tale " * 50}]}
    with (
        FakeScheduler(delay=0.2) as scheduler,
        serving(scheduler, assistant=Gardener(scheduler)) as running,
        running.client() as client,
    ):
        with pytest.raises(httpx.ReadTimeout):
            client.post("/v1/chat/completions", json=body, timeout=0.5)
        replies = running.app.desk.replies
        ends = time.monotonic() + 20
        while replies._turns and time.monotonic() < ends:
            time.sleep(0.05)
        assert not replies._turns
