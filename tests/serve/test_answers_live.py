"""An answer is the server's: it goes on unheard, is heard again, stopped, gone on with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from serving import Running, serving
from tooling import wait_until

from penjing.core.messages import Message, Note, Text
from penjing.testing.scheduler import FakeScheduler

LONG = " ".join(f"word{number}" for number in range(70))


@pytest.fixture
def slow() -> Iterator[Running]:
    with FakeScheduler([LONG], delay=0.01) as scheduler, serving(scheduler) as running:
        yield running


@contextmanager
def talking(
    answers: Sequence[str], **fake: Any
) -> Iterator[tuple[FakeScheduler, Running, httpx.Client]]:
    """A server, and somebody who talks to it."""
    with (
        FakeScheduler(answers, **fake) as scheduler,
        serving(scheduler) as running,
        running.client() as client,
    ):
        yield scheduler, running, client


def events(text: str) -> list[Mapping[str, Any]]:
    lines = text.split("\n\n")
    return [json.loads(one.removeprefix("data: ")) for one in lines if one.startswith("data: ")]


def begin(client: httpx.Client) -> str:
    return str(client.post("/api/sessions", json={}).json()["id"])


def say(client: httpx.Client, session: str, text: str, **more: Any) -> list[Mapping[str, Any]]:
    reply = client.post(f"/api/sessions/{session}/turns", json={"text": text, **more})
    assert reply.status_code == 200, reply.text
    return events(reply.text)


def said(heard: list[Mapping[str, Any]]) -> str:
    return "".join(one["text"] for one in heard if one["type"] == "said")


def kept(client: httpx.Client, session: str) -> list[tuple[str, str]]:
    turns = client.get(f"/api/sessions/{session}/turns").json()
    return [(one["role"], one["text"]) for one in turns]


def cuts(client: httpx.Client, session: str) -> list[Any]:
    last = client.get(f"/api/sessions/{session}/turns").json()[-1]
    return [one["data"]["why"] for one in last["notes"] if one["name"] == "cut"]


def leave_early(client: httpx.Client, session: str, text: str = "tell me") -> None:
    body = {"text": text}
    with client.stream("POST", f"/api/sessions/{session}/turns", json=body) as answer:
        next(answer.iter_lines())


def test_it_goes_on_when_nobody_hears_it_and_is_there_on_return(slow: Running) -> None:
    with slow.client() as client:
        session = begin(client)
        leave_early(client, session)
        wait_until(lambda: len(kept(client, session)) == 2, 60)
        assert kept(client, session) == [("user", "tell me"), ("assistant", LONG)]
        assert cuts(client, session) == []
        assert slow.app.desk.quota._running == {}


def test_who_comes_back_hears_it_from_the_beginning_to_the_end(slow: Running) -> None:
    with slow.client() as client, slow.client() as other:
        session = begin(client)
        leave_early(client, session)
        with other.stream("GET", f"/api/sessions/{session}/answer") as second:
            first = client.get(f"/api/sessions/{session}/answer")
            again = second.read().decode()
        assert said(events(first.text)) == said(events(again)) == LONG
        assert events(again)[-1]["type"] == "finished"
        wait_until(lambda: slow.app.desk.replies.of("owner", session) is None, 60)
        assert client.get(f"/api/sessions/{session}/answer").status_code == 204
        assert client.get("/api/sessions/nothing/answer").status_code == 204


def test_nobody_hears_or_stops_what_another_is_answered(slow: Running) -> None:
    with slow.client("anna") as anna, slow.client("ben") as ben:
        session = begin(anna)
        leave_early(anna, session)
        assert ben.get(f"/api/sessions/{session}/answer").status_code == 204
        assert ben.delete(f"/api/sessions/{session}/answer").status_code == 204
        assert said(events(anna.get(f"/api/sessions/{session}/answer").text)) == LONG


def test_a_stopped_answer_is_gone_on_with(slow: Running) -> None:
    with slow.client() as client:
        session = begin(client)
        leave_early(client, session)
        assert client.delete(f"/api/sessions/{session}/answer").status_code == 204
        first = kept(client, session)[1][1]
        assert LONG.startswith(first)
        assert first != LONG
        assert cuts(client, session) == ["stopped"]
        heard = events(client.post(f"/api/sessions/{session}/more", json={}).text)
        assert heard[-1]["reason"] == "stop"
        request = slow.app.desk.services.scheduler.requests[-1]  # type: ignore[attr-defined]
        assert (request.begun, request.messages[-1].text) == (first, "tell me")
        assert kept(client, session) == [("user", "tell me"), ("assistant", first + said(heard))]
        assert cuts(client, session) == []
        whole = events(client.post(f"/api/sessions/{session}/more", json={}).text)
        assert "whole" in whole[0]["error"]


def test_an_answer_at_its_limit_says_so_later_too() -> None:
    with talking(["x" * 600]) as (_scheduler, _running, client):
        session = begin(client)
        assert say(client, session, "tell me")[-1]["reason"] == "length"
        assert cuts(client, session) == ["length"]


def test_another_answer_takes_the_place_of_the_last_and_is_not_the_likeliest() -> None:
    with talking(["one", "two"]) as (scheduler, _running, client):
        session = begin(client)
        say(client, session, "tell me")
        heard = events(client.post(f"/api/sessions/{session}/again", json={}).text)
        assert said(heard) == "two"
        assert kept(client, session) == [("user", "tell me"), ("assistant", "two")]
        settings = [one.settings.temperature for one in scheduler.requests]
        assert settings[0] == 0.0 < settings[1]
        assert [one.text for one in scheduler.requests[1].messages[1:]] == ["tell me"]


def test_nothing_said_is_answered_again_and_a_refused_one_loses_nothing() -> None:
    with talking(["one"], places=1, queue=0) as (scheduler, _running, client):
        session = begin(client)
        nothing = events(client.post(f"/api/sessions/{session}/again", json={}).text)
        assert "nothing was said" in nothing[0]["error"]
        say(client, session, "tell me")
        scheduler._places = 0
        full = events(client.post(f"/api/sessions/{session}/again", json={}).text)
        assert full[0]["type"] == "error"
        assert kept(client, session) == [("user", "tell me"), ("assistant", "one")]


def test_an_edited_turn_takes_the_place_of_all_that_followed() -> None:
    with talking(["one", "two", "three"]) as (_scheduler, _running, client):
        session = begin(client)
        say(client, session, "first")
        say(client, session, "second")
        say(client, session, "other", instead=1)
        assert kept(client, session) == [("user", "other"), ("assistant", "three")]
        for wrong in (2, 7):  # an answer, and nothing
            assert "no turn of yours" in say(client, session, "x", instead=wrong)[0]["error"]
        assert len(kept(client, session)) == 2


def test_deeds_are_never_taken_back_by_saying_something_else() -> None:
    with talking(["one"]) as (_scheduler, running, client):
        session = begin(client)
        say(client, session, "lamp on")
        history = running.store.history
        done = Message("assistant", (Text("Done."), Note("acted", {"action": {}})))
        history.append_turn(session, done, instead=2)
        for path, body in (("again", {}), ("turns", {"text": "lamp off", "instead": 1})):
            reply = client.post(f"/api/sessions/{session}/{path}", json=body)
            assert "something was done" in events(reply.text)[0]["error"]
        assert kept(client, session)[1] == ("assistant", "Done.")


def test_a_branch_goes_its_own_way_and_keeps_its_manner() -> None:
    with talking(["one", "two", "three"]) as (scheduler, running, client):
        session = begin(client)
        say(client, session, "about elms")
        say(client, session, "second")
        manner = {"system": "Be brief.", "temperature": 0.5, "top_k": 3, "min_p": 0.1}
        put = client.put(f"/api/sessions/{session}/manner", json=manner)
        assert put.json() == manner == client.get(f"/api/sessions/{session}/manner").json()
        branch = client.post(f"/api/sessions/{session}/branch", json={"turn": 2}).json()
        assert branch["title"] == "about elms (2)"
        say(client, branch["id"], "elsewhere")
        assert [text for _, text in kept(client, branch["id"])] == [
            "about elms", "one", "elsewhere", "three",
        ]  # fmt: skip
        assert [text for _, text in kept(client, session)][2:] == ["second", "two"]
        request = scheduler.requests[-1]
        assert request.messages[0] == Message.of("system", "Be brief.")
        chosen = (request.settings.temperature, request.settings.top_k, request.settings.min_p)
        assert chosen == (0.5, 3, 0.1)
        assert client.delete(f"/api/sessions/{session}").status_code == 204
        assert [*running.store.settings.all()] == [f"session.{branch['id']}"]
        assert client.post(f"/api/sessions/{session}/branch", json={"turn": 1}).status_code == 404
        assert client.put(f"/api/sessions/{session}/manner", json={}).status_code == 404


def test_a_conversation_is_kept_as_a_file() -> None:
    with talking(["**soon**"]) as (_scheduler, _running, client):
        session = begin(client)
        say(client, session, "什么时候浇水？")
        reply = client.get(f"/api/sessions/{session}/transcript", params={"language": "zh"})
        assert reply.headers["content-type"] == "text/markdown; charset=utf-8"
        assert "filename*=UTF-8''%E4%BB%80" in reply.headers["content-disposition"]
        lines = reply.text.splitlines()
        assert lines[0] == "# 什么时候浇水"
        assert re.fullmatch(r"\*\*您\*\* · \d{4}-\d\d-\d\d \d\d:\d\d", lines[2])
        assert (lines[4], lines[-1]) == ("什么时候浇水？", "**soon**")
        assert client.get("/api/sessions/none/transcript").status_code == 404
