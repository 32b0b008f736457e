"""Clients that leave, an engine that is full or dies, one person's share, and a stop with grace."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
from serving import serving

from penjing.core.dialogue import CUT
from penjing.core.errors import EngineError
from penjing.core.messages import Note
from penjing.serve.limits import Limits
from penjing.testing.scheduler import FakeScheduler

CHAT = "/v1/chat/completions"
LONG = {"model": "fake", "messages": [{"role": "user", "content": "x" * 3000}], "max_tokens": 3000}


@pytest.fixture
def slow() -> Iterator[FakeScheduler]:
    """It takes seconds for a long answer."""
    with FakeScheduler(delay=0.01) as scheduler:
        yield scheduler


def until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it never happened"
        time.sleep(0.01)


def began(answer: httpx.Response) -> Iterator[str]:
    """Wait for the first line of a stream; it is closed when its lines are let go."""
    lines = answer.iter_lines()
    next(lines)
    KEPT.append(lines)
    return lines


KEPT: list[Iterator[str]] = []


def idle(scheduler: FakeScheduler) -> bool:
    health = scheduler.health()
    return health.running == health.waiting == 0


# -- leaving


def test_who_leaves_a_stream_stops_it(slow: FakeScheduler) -> None:
    with serving(slow) as running, running.client() as client:
        with client.stream("POST", CHAT, json={**LONG, "stream": True}) as answer:
            began(answer)
            until(lambda: slow.health().running == 1)
        until(lambda: idle(slow), 2)
        assert running.app.desk.quota._running == {}


def test_who_leaves_without_a_stream_stops_it_too(slow: FakeScheduler) -> None:
    with serving(slow) as running, running.client() as client:
        with pytest.raises(httpx.ReadTimeout):
            client.post(CHAT, json=LONG, timeout=0.5)
        until(lambda: idle(slow), 2)
        assert running.app.desk.quota._running == {}


def test_who_leaves_while_waiting_gives_up_the_place() -> None:
    with (
        FakeScheduler(delay=0.01, places=1) as scheduler,
        serving(scheduler) as running,
        running.client() as client,
        running.client("ben") as ben,
    ):
        with client.stream("POST", CHAT, json={**LONG, "stream": True}) as first:
            began(first)
            with pytest.raises(httpx.ReadTimeout):
                ben.post(CHAT, json=LONG, timeout=0.3)
        until(lambda: idle(scheduler), 2)


# -- full, dead


def test_a_full_engine_says_when_to_come_again() -> None:
    with (
        FakeScheduler(delay=0.01, places=1, queue=0, wait=7.2) as scheduler,
        serving(scheduler) as running,
        running.client() as client,
    ):
        with client.stream("POST", CHAT, json={**LONG, "stream": True}) as first:
            began(first)
            answer = client.post(CHAT, json=LONG)
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "8"
            assert answer.json()["error"]["type"] == "server_error"
        until(lambda: idle(scheduler), 2)
        assert client.post(CHAT, json={**LONG, "max_tokens": 1}).status_code == 200


def test_a_crash_is_one_failed_request(slow: FakeScheduler) -> None:
    crash = EngineError("the engine ended unexpectedly and was started again: ask again")
    with serving(slow) as running:
        client = running.openai()
        slow.failure = crash
        with pytest.raises(openai.InternalServerError, match="ask again"):
            client.chat.completions.create(**LONG)
        slow.failure = None
        short: Any = {**LONG, "max_tokens": 2}
        assert client.chat.completions.create(**short).choices[0].message.content == "xx"


def test_a_crash_in_a_stream_is_raised_by_the_client(slow: FakeScheduler) -> None:
    with serving(slow) as running:
        stream: Any = running.openai().chat.completions.create(**LONG, stream=True)
        next(stream)
        slow.failure = EngineError("the engine ended unexpectedly: ask again")
        with pytest.raises(openai.APIError, match="ask again"):
            list(stream)


def test_a_crash_in_a_response_is_told(slow: FakeScheduler) -> None:
    with serving(slow) as running:
        slow.failure = EngineError("the engine ended unexpectedly: ask again")
        events = list(running.openai().responses.create(model="fake", input="x", stream=True))
    assert events[-1].type == "response.failed"


def test_health_tells_of_an_engine_that_is_down(slow: FakeScheduler) -> None:
    with serving(slow) as running, running.client() as client:
        assert client.get("/health").json() == {"status": "ok"}
        slow.close()
        assert client.get("/health").status_code == 503
        assert client.post(CHAT, json=LONG).status_code == 500


# -- shares


def test_one_person_has_so_many_at_once_and_nobody_else_pays(slow: FakeScheduler) -> None:
    limits = Limits(at_once=1, grace_seconds=1)
    with (
        serving(slow, limits=limits) as running,
        running.client() as anna,
        running.client("ben") as ben,
    ):
        with anna.stream("POST", CHAT, json={**LONG, "stream": True}) as first:
            began(first)
            answer = anna.post(CHAT, json=LONG)
            assert answer.status_code == 429
            assert answer.headers["retry-after"] == "1"
            assert answer.json()["error"]["code"] == "rate_limit_exceeded"
            assert ben.post(CHAT, json={**LONG, "max_tokens": 1}).status_code == 200
        until(lambda: idle(slow), 2)
        assert anna.post(CHAT, json={**LONG, "max_tokens": 1}).status_code == 200


def test_one_person_has_so_many_in_a_minute() -> None:
    with (
        FakeScheduler() as scheduler,
        serving(scheduler, limits=Limits(per_minute=2, grace_seconds=1)) as running,
        running.client() as client,
    ):
        short = {**LONG, "max_tokens": 1}
        statuses = [client.post(CHAT, json=short).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


# -- stopping


def test_a_stop_finishes_what_is_being_answered() -> None:
    with FakeScheduler(delay=0.01) as scheduler, serving(scheduler) as running:
        words = {**LONG, "max_tokens": 200, "stream": True}
        with running.client() as client, client.stream("POST", CHAT, json=words) as answer:
            lines = answer.iter_lines()
            next(lines)
            running.stop()
            rest = "".join(lines)
        assert rest.endswith("data: [DONE]")
        running.thread.join(5)
        assert not running.thread.is_alive()
        with pytest.raises(httpx.ConnectError), running.client() as late:
            late.get("/health")


@pytest.mark.alone
def test_a_stop_does_not_wait_for_ever_and_keeps_what_was_said() -> None:
    with (
        FakeScheduler(delay=0.01) as scheduler,
        serving(scheduler, limits=Limits(grace_seconds=1)) as running,
    ):
        with running.client() as client:
            session = client.post("/api/sessions", json={}).json()["id"]
            with client.stream(
                "POST", f"/api/sessions/{session}/turns", json={"text": "y" * 1400}
            ) as answer:
                lines = answer.iter_lines()
                next(lines)
                running.stop()
                began = time.monotonic()
                events = [json.loads(one[6:]) for one in lines if one.startswith("data: ")]
                assert events[-1] == {"type": "finished", "reason": "cancelled", "usage": None}
        running.thread.join(10)
        assert not running.thread.is_alive()
        assert time.monotonic() - began < 4
        said = running.store.history.turns(session)
    assert [turn.message.role for turn in said] == ["user", "assistant"]
    assert set(said[1].message.text) == {"y"}
    assert 0 < len(said[1].message.text) < 1400
    assert [one.name for one in said[1].message.parts if isinstance(one, Note)] == [CUT]


def test_a_stop_ends_a_stream_of_openais_with_an_error() -> None:
    with (
        FakeScheduler(delay=0.01) as scheduler,
        serving(scheduler, limits=Limits(grace_seconds=1)) as running,
    ):
        stream = running.openai().chat.completions.create(**LONG, stream=True)
        next(iter(stream))
        running.stop()
        with pytest.raises(openai.APIError, match="the server is ending"):
            list(stream)


# -- what is written down


def test_the_log_holds_routes_and_never_what_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    with (
        FakeScheduler() as scheduler,
        serving(scheduler) as running,
        running.client() as client,
        caplog.at_level(logging.DEBUG),
    ):
        client.get("/api/sessions/secret%0a200 forged/turns?q=secret")
        client.post("/v1/secret", json={"secret": "secret"})
        client.post(CHAT, json={"model": "secret", "messages": []})
        client.post(
            CHAT, json={"model": "fake", "messages": [{"role": "user", "content": "secret"}]}
        )
    ours = [
        one.getMessage() for one in caplog.records if one.name.startswith(("penjing", "uvicorn"))
    ]
    assert any(line.startswith("GET /api/sessions/{session}/turns 404") for line in ours)
    assert any(line.startswith("POST other 404") for line in ours)
    assert not any("secret" in line or "\n" in line for line in ours)


def test_a_bug_is_a_500_and_a_line_that_quotes_nobody(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeScheduler):
        def submit(self, request: Any, deliver: Any) -> Any:
            raise ZeroDivisionError("secret words")

    with Broken() as scheduler, serving(scheduler) as running, running.client() as client:
        answer = client.post(CHAT, json=LONG)
    assert answer.status_code == 500
    assert "inside the server" in answer.json()["error"]["message"]
    (line,) = [one.getMessage() for one in caplog.records if "internal error" in one.getMessage()]
    assert "ZeroDivisionError at" in line
    assert "secret" not in caplog.text


def test_metrics_count_routes_and_name_nobody() -> None:
    with (
        FakeScheduler() as scheduler,
        serving(scheduler) as running,
        running.client("anna-secret") as client,
    ):
        client.get("/v1/models")
        client.get("/v1/models/secret")
        client.get("/secret")
        client.post(CHAT, json={**LONG, "max_tokens": 4})
        text = client.get("/metrics").text
    assert 'penjing_requests_total{method="GET",route="/v1/models",status="200"} 1' in text
    assert 'route="other",status="404"' in text
    assert "penjing_engine_completion_tokens_total 4" in text
    assert 'penjing_request_seconds_bucket{route="/v1/models",le="+Inf"} 1' in text
    assert "secret" not in text
    for line in text.splitlines():
        assert line.startswith("#") or len(line.rsplit(" ", 1)) == 2
        if not line.startswith("#"):
            float(line.rsplit(" ", 1)[1])


# -- many at once


def test_no_answer_is_lost_or_mixed() -> None:
    with FakeScheduler(delay=0.001, places=8, queue=64) as scheduler, serving(scheduler) as running:
        heard: dict[int, str] = {}

        def ask(number: int) -> None:
            with running.client(f"person {number % 5}") as client:
                said = f"number {number} " * 10
                body = {"model": "fake", "messages": [{"role": "user", "content": said}]}
                if number % 2:
                    done = client.post(CHAT, json=body).json()
                    heard[number] = done["choices"][0]["message"]["content"]
                    return
                with client.stream("POST", CHAT, json={**body, "stream": True}) as answer:
                    pieces = [json.loads(x[6:]) for x in answer.iter_lines() if x[:7] == "data: {"]
                texts = [one["choices"][0]["delta"].get("content", "") for one in pieces]
                heard[number] = "".join(texts)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert heard == {number: f"number {number} " * 10 for number in range(40)}


def test_a_stranger_to_http_is_shown_out(slow: FakeScheduler) -> None:
    with serving(slow) as running:
        host, port = running.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as line:
            line.sendall(b"GET / HTTP/1.1\r\n" + b"A: " + b"x" * 100_000)
            line.settimeout(5)
            assert line.recv(100).startswith(b"HTTP/1.1 400")
