"""Who asks a scheduler and collects what is delivered."""

from __future__ import annotations

import threading
from typing import Any

from penjing.core.messages import Chunk, GenerationSettings, Message
from penjing.core.protocols import Scheduler, Ticket
from penjing.core.serving import Request


class Listener:
    """Collects what is delivered for one request, and notices what comes after the end."""

    def __init__(self) -> None:
        self.got: list[Chunk | Exception] = []
        self.first, self.over = threading.Event(), threading.Event()
        self.after = 0
        self.ticket: Ticket | None = None

    def __call__(self, said: Chunk | Exception) -> None:
        self.after += self.over.is_set()
        self.got.append(said)
        self.first.set()
        if isinstance(said, Exception) or said.finish_reason is not None:
            self.over.set()

    def last(self, timeout: float = 30) -> Chunk | Exception:
        assert self.over.wait(timeout), "no end was delivered"
        return self.got[-1]

    def text(self) -> str:
        return "".join(said.text for said in self.got if isinstance(said, Chunk))


def request(text: str, owner: str = "ada", **settings: Any) -> Request:
    """One question."""
    greedy = {"repeat_penalty": 1.0, **settings}
    return Request(owner, (Message.of("user", text),), GenerationSettings(**greedy))


def begin(scheduler: Scheduler, wanted: Request) -> Listener:
    """Ask and do not wait."""
    listener = Listener()
    listener.ticket = scheduler.submit(wanted, listener)
    return listener


def ask(scheduler: Scheduler, wanted: Request, timeout: float = 60) -> tuple[str, Chunk]:
    """Ask and wait for the whole answer."""
    listener = begin(scheduler, wanted)
    last = listener.last(timeout)
    assert isinstance(last, Chunk), last
    assert not listener.after
    return listener.text(), last
