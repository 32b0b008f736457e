"""A scheduler made of nothing, for tests: the same words each time, several answers side by side.

It keeps every promise of `Scheduler`: each request ends in exactly one last delivery, owners take
turns, a full queue raises `Busy`, cached prompts belong to their owner. Knows no files; must not be
mistaken for an engine. One `FakeModel` for each owner does the talking.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from penjing.core.errors import BadInput, Busy, EngineError
from penjing.core.messages import Chunk, Message, TokenLogprob, Usage
from penjing.core.serving import Health, Request
from penjing.testing.model import FakeModel

Deliver = Callable[[Chunk | Exception], None]


class FakeTicket:
    """Satisfies `Ticket`. The last delivery of a cancelled answer has reason "cancelled"."""

    def __init__(self, request: Request, deliver: Deliver, answer: Iterator[Chunk]) -> None:
        self.request = request
        """What was asked."""
        self.deliver = deliver
        """Whom to tell."""
        self.answer = answer
        """What is being written."""
        self.cancelled = False
        """True after `cancel`."""

    def cancel(self) -> None:
        """Stop before the next piece."""
        self.cancelled = True


class FakeScheduler:
    """Satisfies `Scheduler`.

    Each owner is given `answers` in turn, and again from the first; without any, the newest
    message (or the text to continue) is echoed. `delay` seconds pass before each round, in which
    every answer that has one of the `places` grows by `piece` bytes. `queue` requests may wait;
    with 0 of them the one after the last place is Busy. Set `failure` to make every answer that
    is running or begins end with that error, as a crash of the engine does.
    """

    def __init__(
        self,
        answers: Sequence[str] = (),
        *,
        name: str = "fake",
        context: int = 4096,
        delay: float = 0.0,
        places: int = 4,
        queue: int = 16,
        piece: int = 4,
        wait: float = 1.0,
    ) -> None:
        self._make: Callable[[], FakeModel] = lambda: FakeModel(
            answers, name=name, context=context, piece=piece
        )
        self._name, self._context, self._delay = name, context, delay
        self._places, self._queue, self._wait = places, queue, wait
        self._models: dict[str, FakeModel] = {}
        self._waiting: deque[FakeTicket] = deque()
        self._running: list[FakeTicket] = []
        self._counters = dict.fromkeys(("prompt_tokens", "cached_tokens", "completion_tokens"), 0.0)
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="fake scheduler", daemon=True)
        self._thread.start()
        self.failure: Exception | None = None
        """What every answer ends with while it is set."""
        self.requests: list[Request] = []
        """Every request that was taken."""

    @property
    def name(self) -> str:
        """What it was called."""
        return self._name

    @property
    def context_length(self) -> int:
        """Tokens that one prompt and its answer may fill together."""
        return self._context

    def submit(self, request: Request, deliver: Deliver) -> FakeTicket:
        """Take a request. Raises Busy when all places and the queue are full."""
        with self._changed:
            if self._closed:
                raise EngineError("the engine was closed: start it again")
            if len(self._running) + len(self._waiting) >= self._places + self._queue:
                raise Busy(self._wait)
            model = self._models.setdefault(request.owner, self._make())
            answer = _answer(model, request)
            ticket = FakeTicket(request, deliver, answer)
            self.requests.append(request)
            self._waiting.append(ticket)
            self._changed.notify_all()
        return ticket

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """How many prompt tokens these messages need."""
        return self._make().count_tokens(messages)

    def health(self) -> Health:
        """How it is now."""
        with self._changed:
            return Health(
                ready=not self._closed,
                running=len(self._running),
                waiting=len(self._waiting),
                places=self._places,
                restarts=0,
                counters=dict(self._counters),
            )

    def close(self, grace: float = 0.0) -> None:
        """Take nothing more, give what is being written `grace` seconds, end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not (self._running or self._waiting), grace)
            for ticket in (*self._running, *self._waiting):
                ticket.cancel()
        self._thread.join()

    def __enter__(self) -> FakeScheduler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        while self._begin():
            if self._delay:
                time.sleep(self._delay)
            over = [ticket for ticket in list(self._running) if self._grow(ticket)]
            with self._changed:
                self._running = [ticket for ticket in self._running if ticket not in over]
                self._changed.notify_all()

    def _begin(self) -> bool:
        """Fill free places, owners in turn; False when it is closed and all is said."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._running or self._closed)
            while self._waiting and len(self._running) < self._places:
                owners = [ticket.request.owner for ticket in self._running]
                chosen = min(self._waiting, key=lambda ticket: owners.count(ticket.request.owner))
                self._waiting.remove(chosen)
                self._running.append(chosen)
            return bool(self._running) or not self._closed

    def _grow(self, ticket: FakeTicket) -> bool:
        """One more piece of an answer; True when it is over."""
        if self.failure is not None:
            ticket.deliver(self.failure)
            return True
        if ticket.cancelled:
            ticket.deliver(Chunk("", "cancelled", Usage(0, 0, 0, 0.0, 0.0)))
            return True
        chunk = next(ticket.answer)
        if chunk.usage is not None:
            with self._changed:
                for counter in self._counters:
                    self._counters[counter] += getattr(chunk.usage, counter)
        ticket.deliver(_with_logprobs(chunk, ticket.request.settings.top_logprobs))
        return chunk.finish_reason is not None


def _answer(model: FakeModel, request: Request) -> Iterator[Chunk]:
    """What is written, after what is known of the prompt where that is asked for."""
    conversation, settings = _conversation(request), request.settings
    some = replace(settings, max_tokens=max(settings.max_tokens, 1))
    written = model.generate(conversation, some)
    if not settings.prompt_logprobs:
        return written
    tops = settings.top_logprobs or 0
    data = conversation[-1].text.encode("latin-1" if request.tokens else "utf-8")
    read = tuple(
        TokenLogprob(bytes([byte]), -1.0 if at else 0.0, ((bytes([byte]), -1.0),) * tops)
        for at, byte in enumerate(data)
    )
    told = Chunk("", prompt=read)
    if not settings.max_tokens:
        return iter((told, Chunk("", "length", Usage(len(read), 0, 0, 0.0, 0.0))))
    return itertools.chain((told,), written)


def _conversation(request: Request) -> Sequence[Message]:
    if request.tokens is not None:  # a token is a byte
        if wrong := [token for token in request.tokens if not 0 <= token < 256]:
            raise BadInput(f"the prompt has {wrong[0]}: tokens are numbered 0 to 255")
        return [Message.of("user", bytes(request.tokens).decode("latin-1"))]
    if request.text is None:
        return request.messages
    return [Message.of("user", request.text)]


def _with_logprobs(chunk: Chunk, count: int | None) -> Chunk:
    """Each byte as a token of probability 1/2; the likeliest others are the bytes after it."""
    if count is None:
        return chunk
    others = [[bytes([(byte + i) % 256]) for i in range(count)] for byte in chunk.text.encode()]
    logprobs = tuple(
        TokenLogprob(
            bytes([byte]), -0.6931, tuple((top, -0.6931 * (i + 1)) for i, top in enumerate(tops))
        )
        for byte, tops in zip(chunk.text.encode(), others, strict=True)
    )
    return replace(chunk, logprobs=logprobs)
