"""The engine dies, by every signal, while answers are written, while it reads, while it starts.

Who was hearing an answer is told; who had heard nothing is answered all the same; the next
question is answered within seconds; the server is the same process all the time.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import trial
from attacked import Attacked, attacked
from ground import Ground
from way import Way

_ENGINE, _RENDERER = b"penjing.engine.worker", b"penjing.engine.renderer"
_SIGNALS = (signal.SIGABRT, signal.SIGSEGV, signal.SIGKILL, signal.SIGBUS, signal.SIGILL)
_NEXT = 5.0
"""Seconds from a crash to the next whole answer."""
_TELLS = {200, 429, 500, 502, 503}


@dataclass
class _Asking:
    """One question in a thread of its own."""

    server: Attacked
    name: str
    words: int
    told: list[Any] = field(default_factory=list)

    def __call__(self) -> None:
        body = {
            "model": "tiny", "max_tokens": self.words, "temperature": 0,
            "messages": [{"role": "user", "content": f"a small tree, says {self.name}"}],
        }  # fmt: skip
        try:
            reply = self.server.caller(self.name).ask("POST", "/v1/chat/completions", body)
            self.told.append(reply)
        except (OSError, http.client.HTTPException) as error:
            self.told.append(error)


@dataclass
class _State:
    server: Attacked
    struck: int = 0
    """Processes that were killed."""


def _case(state: _State, random: Random, folder: Path) -> str | None:
    server = state.server
    asking = [
        _Asking(server, random.choice(("Anna", "Ben", "Gil")), random.choice((1, 40, 200)))
        for _ in range(random.choice((1, 4, 8)))
    ]
    threads = [threading.Thread(target=one) for one in asking]
    for thread in threads:
        thread.start()
    time.sleep(random.choice((0.0, 0.02, 0.1, 0.3)))
    struck = _strike(state, random)
    began = time.monotonic()
    wrong = _next(server, began)
    for thread in threads:
        thread.join(15)
    if wrong:
        return f"{struck}: {wrong}"
    for one in asking:
        if not one.told or isinstance(one.told[0], Exception):
            return f"{struck}: {one.name} was left alone ({one.told})"
        if one.told[0].status not in _TELLS or b"Traceback" in one.told[0].body:
            return f"{struck}: {one.name} was told {one.told[0].status}"
    return server.well()


def _strike(state: _State, random: Random) -> str:
    """Kill what computes, or what renders, or both."""
    kind = random.choice((_ENGINE, _ENGINE, _RENDERER))
    number = random.choice(_SIGNALS)
    for pid in _of_kind(state.server.process.pid, kind):
        with contextlib.suppress(OSError):
            os.kill(pid, number)
            state.struck += 1
    return f"{kind.decode().rpartition('.')[2]} by {number.name}"


def _of_kind(root: int, kind: bytes) -> Iterator[int]:
    for pid in trial.tree(root):
        with contextlib.suppress(OSError):
            if kind in Path(f"/proc/{pid}/cmdline").read_bytes():
                yield pid


def _next(server: Attacked, began: float) -> str | None:
    """Ask until there is a whole answer: what came instead, if it takes too long."""
    said = ""
    while time.monotonic() - began < _NEXT:
        one = _Asking(server, "Anna", 1)
        one()
        reply = one.told[0]
        if isinstance(reply, Exception):
            return f"the server does not answer: {reply}"
        if reply.status == 200:
            return None
        said = f"{reply.status} {reply.body[:100]!r}"
        time.sleep(0.05)
    return f"no answer for {_NEXT:.0f} s, last {said}"


def _prepare(ground: Ground) -> _State:
    server = attacked(ground, "--places", "4", "--queue", "64")
    for name in ("Anna", "Ben", "Gil"):
        server.caller(name)
    return _State(server)


def _finish(state: _State) -> Sequence[str]:
    nothing = () if state.struck else ("nothing was ever killed: this proves nothing",)
    return [*nothing, *state.server.stop()]


WAY = Way(
    "crashes",
    "the engine or what renders is killed while people are answered: others are, soon, and told",
    _prepare,
    _case,
    forked=False,
    finish=_finish,
    share=0.5,
    seconds=15.0,
)
