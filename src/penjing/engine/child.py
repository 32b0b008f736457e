"""One worker process, seen from outside: what was asked of it, what it said, and how it ended.

Knows frames and processes; must not know when to start another one (`engine/remote.py` does).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from penjing.core.errors import Busy, EngineError, PenjingError
from penjing.core.memory_file import memory_descriptor
from penjing.core.messages import Chunk
from penjing.engine import ipc

Deliver = Callable[[Chunk | Exception], None]

_GAVE_UP = "penjing: the engine gave up ("
_REPLY = 20.0
"""Seconds for a reply, since it was asked for or since the last one, for questions are answered one
by one: a chat template is stopped after five, and reading and a grammar take as long at most."""
_KEPT_ENVIRONMENT = (
    *("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV"),
    *("GLIBC_TUNABLES", "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "OMP_PROC_BIND", "PENJING_DEBUG"),
)


class Crashed(EngineError):
    """The worker ended while it wrote an answer. Told to who asked for it here, and no further."""


@dataclass(frozen=True)
class Load:
    """What a worker loads."""

    path: str
    """The model file."""
    context: int
    """Tokens of one prompt and its answer."""
    threads: int | None
    """Threads that compute; None for all usable cores."""
    places: int
    """Answers written side by side."""
    queue: int
    """Requests that may wait."""
    offline: bool = False
    """It closes the shutter for itself, before anything is loaded: it needs no socket at all."""


class Child:
    """A worker that was started. `over` is set once it has ended and all its answers were told."""

    def __init__(self, load: Load) -> None:
        """Start it and wait until its model is loaded. Raises what loading raised.

        The thread that calls this must live as long as the child may: the kernel ends it with it.
        """
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._answers: dict[int, Deliver] = {}
        self._replies: dict[int, queue.Queue[Mapping[str, Any]]] = {}
        self._complaint = ""
        self._killed_for = ""
        self._closing = False
        self.ended = False
        """It takes nothing any more; its answers are being told."""
        self.over = threading.Event()
        self.why = ""
        """How it ended, once it has."""
        self.running = self.waiting = 0
        self.counters: Mapping[str, float] = {}
        self.sign = time.monotonic()
        """When it last showed that it lives."""
        self._replied = self.sign
        self._connection, theirs = socket.socketpair()
        with theirs:
            self._process = _start(theirs, memory_descriptor(Path(load.path)))
        self._overhearing = threading.Thread(
            target=self._overhear, name="engine stderr", daemon=True
        )
        self._overhearing.start()
        self._send({**asdict(load), "path": str(Path(load.path).absolute())})
        self._greet()
        threading.Thread(target=self._listen, name="engine answers", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def in_flight(self) -> int:
        """Answers that have not ended."""
        return len(self._answers)

    def submit(self, request: Mapping[str, Any], deliver: Deliver) -> int:
        """Hand a request over; its number. Raises what the scheduler raises."""
        number = next(self._numbers)
        with self._lock:
            if not self._answers:
                self.sign = time.monotonic()
            self._answers[number] = deliver
        try:
            self._ask(number, {"do": "submit", "request": request})
        except PenjingError:
            with self._lock:
                was_told = self._answers.pop(number, None) is None
            if was_told:  # it crashed on the way and `deliver` knows
                return number
            raise
        return number

    def cancel(self, number: int) -> None:
        """End an answer; harmless when it is over."""
        self._send({"do": "cancel", "id": number})

    def ask(self, frame: Mapping[str, Any]) -> Mapping[str, Any]:
        """The reply to a question."""
        return self._ask(next(self._numbers), frame)

    def kill(self, reason: str) -> None:
        """End it at once, for a reason that its answers will be told."""
        self._killed_for = self._killed_for or reason
        with contextlib.suppress(OSError):
            self._process.kill()

    def close(self, grace: float) -> None:
        """Let it finish within `grace` seconds and end it."""
        self._closing = True
        self._send({"do": "close", "grace": grace})
        if not self.over.wait(grace + 5):
            self.kill("it was closed")
            self.over.wait(5)

    def _ask(self, number: int, frame: Mapping[str, Any]) -> Mapping[str, Any]:
        box: queue.Queue[Mapping[str, Any]] = queue.Queue()
        with self._lock:
            if self.ended:
                raise Busy(1.0)
            self._replies[number] = box
        self._send({**frame, "id": number})
        asked = time.monotonic()
        try:
            while (left := max(asked, self._replied) + _REPLY - time.monotonic()) > 0:
                with contextlib.suppress(queue.Empty):
                    reply = box.get(timeout=left)
                    break
            else:
                self.kill("it hung")
                raise EngineError("the engine hung: ask again")
        finally:
            with self._lock:
                self._replies.pop(number, None)
        if reply["is"] == "refused":
            raise ipc.error_in(reply["error"])
        return reply

    def _send(self, frame: Mapping[str, Any]) -> None:
        data = ipc.pack(frame)
        # one that is gone is noticed by who listens
        with contextlib.suppress(OSError), self._sending:
            self._connection.sendall(data)

    def _greet(self) -> None:
        try:
            first = ipc.receive(self._connection)
        except ipc.WireError:
            first = {"is": "failed", "error": ["EngineError", self._ending()]}
        if first["is"] != "ready":
            self.kill("it could not load")
            self._process.wait()
            self._connection.close()
            raise ipc.error_in(first["error"])
        self.name: str = first["name"]
        self.context_length: int = first["context"]
        self.places: int = first["places"]

    def _listen(self) -> None:
        try:
            while True:
                self._hear(ipc.receive(self._connection))
        except (ipc.WireError, KeyError, TypeError, ValueError):
            self._end()

    def _hear(self, frame: Mapping[str, Any]) -> None:
        if frame.get("health"):
            self.running, self.waiting, self.counters = frame["health"]
        if frame["is"] != "step":
            self._replied = time.monotonic()
            with self._lock:
                box = self._replies.get(frame["id"])
            if box:
                box.put(frame)
            return
        self.sign = time.monotonic()
        for number, chunk, error in frame["said"]:
            said = ipc.chunk_in(chunk) if chunk else ipc.error_in(error)
            over = not isinstance(said, Chunk) or said.finish_reason is not None
            with self._lock:
                deliver = (self._answers.pop if over else self._answers.get)(number, None)
            if deliver:
                self._tell(number, deliver, said)

    def _end(self) -> None:
        if not self._closing:
            self.kill("")
        why = self.why = self._ending()
        self._connection.close()
        with self._lock:
            self.ended = True
            answers, self._answers = self._answers, {}
            replies = list(self._replies.values())
        for box in replies:
            box.put({"is": "refused", "error": ["EngineError", why]})
        for number, deliver in answers.items():
            self._tell(number, deliver, Crashed(why))
        self.over.set()

    def _tell(self, number: int, deliver: Deliver, said: Chunk | Exception) -> None:
        try:
            deliver(said)
        except Exception:  # who fails to listen ends their own answer and nobody else's
            with self._lock:
                self._answers.pop(number, None)
            self.cancel(number)

    def _ending(self) -> str:
        """How it ended, once it has."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._overhearing.join(1)
        code = self._process.poll()
        if self._killed_for:
            return f"the engine was stopped ({self._killed_for}): ask again"
        if code is not None and code < 0:
            what = signal.Signals(-code).name
        else:
            what = self._complaint or f"exit status {code}"
        return f"the engine crashed ({what}): ask again"

    def _overhear(self) -> None:
        """Keep only its own last words; anything else on stderr may hold what people said."""
        pipe = self._process.stderr
        if pipe is None:
            return
        with pipe:
            while line := pipe.readline(4096):
                text = line.decode("utf-8", "replace").strip()
                if text.startswith(_GAVE_UP):
                    self._complaint = text.removeprefix(_GAVE_UP).rpartition("): ")[0][:200]


def _start(theirs: socket.socket, model: int | None) -> subprocess.Popen[bytes]:
    """`model` is the descriptor of one that lies in memory alone: the child opens it by that."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **kept}
    command = [sys.executable, "-P", "-m", "penjing.engine.worker"]
    return subprocess.Popen(
        [*command, str(theirs.fileno()), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=(theirs.fileno(),) if model is None else (theirs.fileno(), model),
        close_fds=True,
        env=environment,
    )
