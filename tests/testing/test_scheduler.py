"""The fake keeps the promises of Scheduler, so that a server tested with it is tested."""

from __future__ import annotations

import queue
import time

import pytest

from penjing.core.errors import BadInput, Busy, EngineError
from penjing.core.messages import Chunk, GenerationSettings, Message
from penjing.core.protocols import Scheduler
from penjing.core.serving import Request
from penjing.testing.scheduler import FakeScheduler


def request(text: str, owner: str = "ada", **settings: object) -> Request:
    return Request(owner, (Message.of("user", text),), GenerationSettings(**settings))  # type: ignore[arg-type]


class Listener:
    """Collects what is delivered for one request."""

    def __init__(self) -> None:
        self.box: queue.Queue[Chunk | Exception] = queue.Queue()

    def whole(self) -> list[Chunk | Exception]:
        got = [self.box.get(timeout=5)]
        while isinstance(got[-1], Chunk) and got[-1].finish_reason is None:
            got.append(self.box.get(timeout=5))
        time.sleep(0.01)
        assert self.box.empty(), "something came after the last delivery"
        return got


def ask(scheduler: Scheduler, wanted: Request) -> list[Chunk]:
    listener = Listener()
    scheduler.submit(wanted, listener.box.put)
    got = listener.whole()
    assert all(isinstance(chunk, Chunk) for chunk in got)
    return got  # type: ignore[return-value]


def test_it_echoes_and_says_what_it_used() -> None:
    with FakeScheduler() as scheduler:
        chunks = ask(scheduler, request("你好, garden"))
        assert "".join(chunk.text for chunk in chunks) == "你好, garden"
        assert chunks[-1].finish_reason == "stop"
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.completion_tokens == len("你好, garden".encode())
        assert scheduler.health().counters["completion_tokens"] == len("你好, garden".encode())


def test_a_text_is_continued() -> None:
    with FakeScheduler(["and so on"]) as scheduler:
        chunks = ask(scheduler, Request("ada", (), GenerationSettings(), text="Once"))
        assert "".join(chunk.text for chunk in chunks) == "and so on"


def test_cached_prompts_belong_to_their_owner() -> None:
    with FakeScheduler() as scheduler:
        for owner, cached in (("ada", False), ("bob", False), ("ada", True)):
            usage = ask(scheduler, request("the same words", owner))[-1].usage
            assert usage is not None
            assert (usage.cached_tokens > 0) is cached


def test_a_full_queue_is_busy_and_recovers() -> None:
    with FakeScheduler(delay=0.02, places=1, queue=1, wait=7) as scheduler:
        listeners = [Listener(), Listener()]
        for listener in listeners:
            scheduler.submit(request("x" * 40), listener.box.put)
        with pytest.raises(Busy) as refused:
            scheduler.submit(request("one too many"), print)
        assert refused.value.seconds == 7
        assert [listener.whole()[-1] for listener in listeners]
        assert ask(scheduler, request("room again"))


def test_owners_take_turns() -> None:
    ended: list[str] = []
    with FakeScheduler(delay=0.001, places=2, queue=50) as scheduler:

        def note(owner: str):
            return lambda chunk: ended.append(owner) if chunk.finish_reason else None

        for _ in range(20):
            scheduler.submit(request("x" * 20, "greedy"), note("greedy"))
        scheduler.submit(request("x" * 20, "modest"), note("modest"))
        scheduler.close(grace=5)
    assert ended.count("greedy") == 20
    assert ended.index("modest") < 5


def test_cancelling_ends_with_one_last_chunk() -> None:
    with FakeScheduler(delay=0.01) as scheduler:
        listener = Listener()
        ticket = scheduler.submit(request("x" * 1000), listener.box.put)
        listener.box.get(timeout=5)
        ticket.cancel()
        last = listener.whole()[-1]
        assert isinstance(last, Chunk)
        assert last.finish_reason == "cancelled"
        ticket.cancel()


def test_a_failure_reaches_who_is_running_and_passes() -> None:
    with FakeScheduler(delay=0.01) as scheduler:
        listener = Listener()
        scheduler.submit(request("x" * 1000), listener.box.put)
        scheduler.failure = EngineError("the engine crashed")
        assert listener.whole()[-1] is scheduler.failure
        scheduler.failure = None
        assert ask(scheduler, request("again"))


def test_what_cannot_fit_is_refused_at_once() -> None:
    with FakeScheduler(context=64) as scheduler, pytest.raises(BadInput, match="context holds 64"):
        scheduler.submit(request("x" * 100), print)


def test_logprobs_come_when_asked_for() -> None:
    with FakeScheduler() as scheduler:
        assert ask(scheduler, request("ab"))[0].logprobs == ()
        logprobs = ask(scheduler, request("ab", top_logprobs=2))[0].logprobs
        assert [one.token for one in logprobs] == [b"a", b"b"]
        assert [top for top, _ in logprobs[0].top] == [b"a", b"b"]


def test_closing_ends_what_runs() -> None:
    scheduler = FakeScheduler(delay=0.01)
    listener = Listener()
    scheduler.submit(request("x" * 1000), listener.box.put)
    scheduler.close()
    last = listener.whole()[-1]
    assert isinstance(last, Chunk)
    assert last.finish_reason == "cancelled"
    scheduler.close()
    with pytest.raises(EngineError, match="closed"):
        scheduler.submit(request("late"), print)
