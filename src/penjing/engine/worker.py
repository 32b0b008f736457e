"""The process in which the native engine runs: a crash here is a failed answer, not a dead server.

It is told what to load and what to write over one socket, and ends when that socket does. It opens
no file but the model, no port, and writes no text anywhere. Knows frames; must not know who
listens.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from penjing.core import limits
from penjing.core.egress.shutter import close_shutter
from penjing.core.errors import PenjingError
from penjing.core.messages import Chunk, Message
from penjing.core.process import end_with, shield
from penjing.engine import ipc
from penjing.engine.batching import Answer, BatchScheduler

HEADROOM = 2**30
"""Bytes beside the model and its rows, which are there when requests come: prompts, grammars."""
_PER_THREAD = 2**25


class Worker:
    """Takes requests from a socket and writes what becomes of them there."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._answers: dict[int, Answer | None] = {}
        self._outbox: list[list[Any]] = []
        self._scheduler: BatchScheduler | None = None

    def run(self) -> None:
        """Load what the first frame names, then serve until the other side is gone."""
        try:
            wanted = ipc.receive(self._connection)
            if wanted["offline"]:  # before native code is loaded and threads are started
                close_shutter((), local=False)
            self._scheduler = self._open(wanted)
        except PenjingError as error:
            self._send({"is": "failed", "error": ipc.error_out(error)})
            return
        self._send(
            {
                "is": "ready",
                "name": self._scheduler.name,
                "context": self._scheduler.context_length,
                "places": self._scheduler.health().places,
            }
        )
        self._warm(self._scheduler)
        if used := limits.in_use().data:
            limits.limit_data(used + HEADROOM + _PER_THREAD * (os.cpu_count() or 1))
        try:
            while self._do(self._scheduler, ipc.receive(self._connection)):
                pass
        except ipc.WireError:
            os._exit(0)  # nobody is left to write for

    def _open(self, wanted: dict[str, Any]) -> BatchScheduler:
        from penjing.engine.llamacpp import LlamaCpp
        from penjing.engine.rendering import RENDERER

        RENDERER.start()  # while the model loads
        model = LlamaCpp.open(
            Path(wanted["path"]), context=wanted["context"], threads=wanted["threads"]
        )
        rows = model.new_rows(wanted["places"], model.context_length)
        return BatchScheduler(model, rows, queue=wanted["queue"], after_step=self._flush)

    def _warm(self, scheduler: BatchScheduler) -> None:
        """Import and compile what the first request would wait for."""
        try:
            scheduler.count_tokens([Message.of("user", "")])
        except PenjingError:
            return  # no chat model; who asks will be told

    def _do(self, scheduler: BatchScheduler, frame: dict[str, Any]) -> bool:
        """One frame; False when it was the last."""
        what, number = frame["do"], frame.get("id", 0)
        if what == "close":
            scheduler.close(frame["grace"])
            self._flush()
            return False
        if what == "cancel":
            if answer := self._answers.get(number):
                answer.cancel()
            return True
        try:
            if what == "submit":
                request = ipc.request_in(frame["request"])
                self._answers[number] = None
                answer = scheduler.submit(request, self._deliverer(number))
                if number in self._answers:  # else it is over already
                    self._answers[number] = answer
                reply: dict[str, Any] = {"is": "taken", "id": number}
            elif what == "count":
                count = scheduler.count_tokens(ipc.messages_in(frame["messages"]))
                reply = {"is": "counted", "id": number, "tokens": count}
            else:
                scheduler.forget(frame["owner"])
                reply = {"is": "taken", "id": number}
        except Exception as error:  # whatever a request provokes is told to whom it belongs
            self._answers.pop(number, None)
            reply = {"is": "refused", "id": number, "error": ipc.error_out(error)}
        self._send({**reply, "health": ipc.health_out(scheduler.health())})
        return True

    def _deliverer(self, number: int) -> Callable[[Chunk | Exception], None]:
        def deliver(said: Chunk | Exception) -> None:
            if isinstance(said, Chunk):
                self._outbox.append([number, ipc.chunk_out(said), None])
                over = said.finish_reason is not None
            else:
                self._outbox.append([number, None, ipc.error_out(said)])
                over = True
            if over:
                self._answers.pop(number, None)

        return deliver

    def _flush(self) -> None:
        """All that one step said, in one frame; also the sign that a step was finished."""
        said, self._outbox = self._outbox, []
        health = ipc.health_out(self._scheduler.health()) if self._scheduler else None
        self._send({"is": "step", "said": said, "health": health})

    def _send(self, frame: dict[str, Any]) -> None:
        data = ipc.pack(frame)
        try:
            with self._sending:
                self._connection.sendall(data)
        except OSError:
            os._exit(0)  # nobody is left to write for


def main() -> None:
    """`python -m penjing.engine.worker SOCKET PARENT`: started by `engine/remote.py`."""
    end_with(int(sys.argv[2]))
    shield()
    # a terminal and systemd send these to every process of a group: when to end is the parent's say
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    # a thread that fails leaves answers that never end: better to be started anew
    threading.excepthook = lambda _: os._exit(70)
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        Worker(connection).run()


if __name__ == "__main__":
    main()
