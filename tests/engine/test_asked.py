"""Who has heard nothing when a worker crashes is asked again, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from listening import Listener

from penjing.core.errors import BadInput, Busy, EngineError, PenjingError
from penjing.core.messages import Chunk
from penjing.engine.asked import PendingRequest
from penjing.engine.child import Crashed, Deliver

WHY = "the engine crashed (SIGABRT): ask again"


class Worker:
    """As much of a `Child` as a request sees."""

    def __init__(self, refuses: PenjingError | None = None) -> None:
        self.taken: list[Mapping[str, Any]] = []
        self.deliver: Deliver | None = None
        self.cancelled: list[int] = []
        self.refuses = refuses

    def submit(self, request: Mapping[str, Any], deliver: Deliver) -> int:
        if self.refuses:
            raise self.refuses
        self.taken.append(request)
        self.deliver = deliver
        return len(self.taken)

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)

    def crash(self) -> None:
        assert self.deliver is not None
        self.deliver(Crashed(WHY))


def asked(listener: Listener, *, hope: bool = True) -> tuple[Any, Any, list[PendingRequest]]:
    """A request at a worker, and those that are to be asked again."""
    waiting: list[PendingRequest] = []

    def again(one: PendingRequest) -> bool:
        waiting.append(one)
        return hope

    worker: Any = Worker()
    one = PendingRequest({"a": 1}, listener, again)
    one.send(worker)
    return one, worker, waiting


def test_nothing_was_said_so_another_worker_is_asked_the_same() -> None:
    listener = Listener()
    one, worker, waiting = asked(listener)
    worker.crash()
    assert waiting == [one]
    assert listener.got == []
    other: Any = Worker()
    one.send_again(other)
    assert other.taken == worker.taken
    other.deliver(Chunk("hi", "stop"))
    assert listener.got == [Chunk("hi", "stop")]


def test_something_was_said_so_it_is_told() -> None:
    listener = Listener()
    one, worker, waiting = asked(listener)
    one(Chunk("hel"))
    worker.crash()
    assert not waiting
    assert type(listener.got[-1]) is EngineError
    assert str(listener.got[-1]) == WHY


def test_who_is_in_two_crashes_is_the_suspect() -> None:
    listener = Listener()
    one, worker, waiting = asked(listener)
    worker.crash()
    other: Any = Worker()
    one.send_again(other)
    other.crash()
    assert waiting == [one]
    assert str(listener.last()) == "the engine crashed (SIGABRT) twice on this request: change it"


def test_when_no_worker_will_come_it_is_told() -> None:
    listener = Listener()
    _, worker, _ = asked(listener, hope=False)
    worker.crash()
    assert str(listener.last()) == WHY


@pytest.mark.parametrize("error", [Busy(1.0), BadInput("no")])
def test_another_worker_may_refuse(error: PenjingError) -> None:
    listener = Listener()
    one, worker, _ = asked(listener)
    worker.crash()
    refusing: Any = Worker(error)
    one.send_again(refusing)
    assert listener.last() is error


def test_cancelling_reaches_the_worker_it_is_at() -> None:
    listener = Listener()
    one, worker, _ = asked(listener)
    worker.crash()
    other: Any = Worker()
    one.send_again(other)
    one.cancel()
    assert (worker.cancelled, other.cancelled) == ([], [1])


def test_who_has_gone_is_not_asked_again() -> None:
    listener = Listener()
    one, worker, waiting = asked(listener)
    one.cancel()
    worker.crash()
    assert not waiting
    assert isinstance(listener.last(), EngineError)


def test_who_goes_while_there_is_no_worker_is_told_and_not_asked() -> None:
    listener = Listener()
    one, worker, _ = asked(listener)
    worker.crash()
    one.cancel()
    other: Any = Worker()
    one.send_again(other)
    assert other.taken == []
    assert isinstance(listener.last(), EngineError)
