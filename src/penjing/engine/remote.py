"""A scheduler whose engine runs in a process of its own, and is started again when it crashes.

What crashes are the answers in flight: who has heard nothing yet is asked again (`asked.py`), the
others are told; the next request is served again. Knows when to start, to stop and to give up; must
not know what runs inside.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from penjing.core.errors import Busy, EngineError, PenjingError
from penjing.core.messages import Message
from penjing.core.serving import Health, Request
from penjing.engine import ipc
from penjing.engine.asked import PendingRequest
from penjing.engine.child import Child, Deliver, Load

PATIENCE = 120.0
"""Seconds without a finished step, while answers are written, after which an engine hangs."""
_STRIKES = 5
_LONGEST_PAUSE = 30.0


def open_scheduler(
    path: Path,
    *,
    context: int = 4096,
    threads: int | None = None,
    places: int = 4,
    queue: int = 64,
    patience: float = PATIENCE,
    offline: bool = False,
) -> RemoteScheduler:
    """A model file, ready to answer many people side by side, in a process of its own.

    `context` tokens for each of `places` answers (their memory is taken at once); `queue` requests
    may wait; `threads` defaults to all usable cores; `offline` leaves its process no socket but the
    one to this. Raises FormatError for a bad file and EngineError when it will not run.
    """
    load = Load(str(path), context, threads, places, queue, offline)
    return RemoteScheduler(load, patience=patience)


class RemoteScheduler:
    """Satisfies `Scheduler`. After five crashes without one finished answer it gives up."""

    def __init__(self, load: Load, *, patience: float = PATIENCE) -> None:
        self._load, self._patience = load, patience
        self._child: Child | None = None
        self._problem: PenjingError | None = None
        self._why = self._name = ""
        self._context = 0
        self._restarts = 0
        self._before: Counter[str] = Counter()
        self._unheard: list[PendingRequest] | None = []  # None when no worker will come any more
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._first = threading.Event()
        # the kernel ends a child with the thread that started it: this one stays
        self._keeper = threading.Thread(target=self._keep, name="engine keeper", daemon=True)
        self._keeper.start()
        self._first.wait()
        self._require_no_problem()

    @property
    def name(self) -> str:
        """What to call its model."""
        return self._name

    @property
    def context_length(self) -> int:
        """Tokens that one prompt and its answer may fill together."""
        return self._context

    @property
    def pid(self) -> int | None:
        """The process the engine runs in now; None while there is none."""
        child = self._child
        return child.pid if child else None

    def submit(self, request: Request, deliver: Deliver) -> PendingRequest:
        """Take a request; see `Scheduler.submit`. Waits for the engine to read the prompt's text.

        A crash on the way is told to `deliver`, as one later is.
        """
        asked = PendingRequest(ipc.request_out(request), deliver, self._ask_again)
        asked.send(self._alive())
        return asked

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """How many prompt tokens these messages need, chat template included."""
        reply = self._alive().ask({"do": "count", "messages": ipc.messages_out(messages)})
        return int(reply["tokens"])

    def forget(self, owner: str) -> None:
        """Drop what is cached of an owner's prompts."""
        self._alive().ask({"do": "forget", "owner": owner})

    def health(self) -> Health:
        """How it is now."""
        with self._lock:
            child = self._child
            counters = self._before.copy()
        if child is not None:
            counters.update(child.counters)
        return Health(
            ready=child is not None and not child.ended and not self._stop.is_set(),
            running=child.running if child else 0,
            waiting=child.waiting if child else 0,
            places=self._load.places,
            restarts=self._restarts,
            counters=dict(counters),
        )

    def close(self, grace: float = 0.0) -> None:
        """Take nothing more, give what is being written `grace` seconds, end."""
        with self._lock:
            self._stop.set()
            child = self._child
        if child is not None:
            child.close(grace)
        self._keeper.join()

    def _alive(self) -> Child:
        child = self._child
        if self._stop.is_set():
            raise EngineError("the engine was closed: start it again")
        if child is not None:
            return child
        self._require_no_problem()
        raise Busy(1.0)

    def _require_no_problem(self) -> None:
        if self._problem is not None:
            raise self._problem

    def _ask_again(self, asked: PendingRequest) -> bool:
        with self._lock:
            if self._unheard is None or self._stop.is_set():
                return False
            self._unheard.append(asked)
            return True

    # -- the keeper's thread

    def _keep(self) -> None:
        try:
            self._keep_alive()
        finally:
            with self._lock:
                unheard, self._unheard = self._unheard or [], None
            for asked in unheard:
                asked.give_up(self._why or "the engine was closed: start it again")

    def _keep_alive(self) -> None:
        strikes = 0
        while not self._stop.is_set():
            finished = self._live_once()
            if not self._first.is_set():
                self._first.set()  # it never lived
                return
            if self._stop.is_set():
                return
            strikes = 1 if finished else strikes + 1
            if strikes >= _STRIKES:
                self._problem = EngineError(
                    f"the engine crashed {strikes} times without finishing an answer "
                    f"({self._why}): look at the model file, then start again"
                )
                return
            self._restarts += 1
            self._stop.wait(min(2.0 ** (strikes - 2), _LONGEST_PAUSE) if strikes > 1 else 0.0)

    def _live_once(self) -> bool:
        """From a child's start to its end; whether it finished any answer."""
        try:
            child = Child(self._load)
        except PenjingError as error:
            self._why = str(error)
            if not self._first.is_set():
                self._problem = error
            return False
        self._name, self._context = child.name, child.context_length
        with self._lock:
            self._child = child
            if self._stop.is_set():  # closed while it was starting, and nobody else will end it
                child.kill("it was closed")
            unheard, self._unheard = self._unheard or [], []
        self._first.set()
        if unheard:  # each waits for a reply, and this thread must watch
            threading.Thread(target=_ask, args=(child, unheard), daemon=True).start()
        while not child.over.wait(min(self._patience / 4, 1.0)):
            if child.in_flight and time.monotonic() - child.sign > self._patience:
                child.kill(f"no step was finished in {self._patience:.0f} s")
        self._why = child.why
        with self._lock:
            self._child = None
            self._before.update(child.counters)
        return child.counters.get("finished", 0) > 0


def _ask(child: Child, unheard: Sequence[PendingRequest]) -> None:
    for asked in unheard:
        asked.send_again(child)
