"""The process in which chat templates run, seen from outside: a template is code from a stranger.

One process for all of this one's templates, started when the first is near and kept between
prompts. It may use 192 MB and a few seconds for each; then it is killed and the next prompt has a
new one. Nothing a template does here holds anybody's Ctrl-C, or the memory of an engine. Knows
frames and processes; must not know what a template is.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any

from penjing.core.errors import BadInput, EngineError, PenjingError
from penjing.core.messages import Message
from penjing.engine import ipc
from penjing.engine.said import Segment

COMMAND = (sys.executable, "-P", "-m", "penjing.engine.renderer")
PATIENCE = 4.25
"""Seconds for one prompt, whatever the template does. Its own clock ends it after three."""
MEMORY = 192 * 2**20
"""Bytes that a template may take, beyond what Python takes."""
LONGEST = 4_000_000
"""Characters of one conversation; the longest context of today's models holds as many."""
_FRAME = 64 * 2**20
_START = 30.0
_LENGTH = struct.Struct(">I")
_KEPT_ENVIRONMENT = ("PATH", "LANG", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV")


def write_frame(pipe: IO[bytes], frame: Mapping[str, Any]) -> None:
    """Say something, whatever characters are in it."""
    data = json.dumps(frame, ensure_ascii=False).encode("utf-8", "surrogatepass")
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def read_frame(pipe: IO[bytes]) -> dict[str, Any] | None:
    """What the other side says; None when it is gone or talks nonsense."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size or _LENGTH.unpack(head)[0] > _FRAME:
        return None
    data = pipe.read(_LENGTH.unpack(head)[0])
    with contextlib.suppress(ValueError, RecursionError):
        frame = json.loads(data.decode("utf-8", "surrogatepass"))
        if isinstance(frame, dict):
            return frame
    return None


class Renderer:
    """Runs templates elsewhere, one at a time. Safe to use from several threads, and after a fork.

    `patience` and `memory` are for each prompt.
    """

    def __init__(self, patience: float = PATIENCE, memory: int = MEMORY) -> None:
        self._patience, self._memory = patience, memory
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._greeted = False

    @property
    def pid(self) -> int | None:
        """Its process; None while there is none."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process, without waiting for it: the first prompt will be sooner."""
        with self._lock, contextlib.suppress(EngineError):
            self._spawn()

    def whole(self, template: str, messages: Sequence[Message], values: Mapping[str, Any]) -> str:
        """A prompt as one text."""
        return str(self._ask("whole", template, messages, values)["text"])

    def pieces(
        self, template: str, messages: Sequence[Message], values: Mapping[str, Any]
    ) -> list[Segment]:
        """A prompt in pieces."""
        reply = self._ask("pieces", template, messages, values)
        return [Segment(str(text), bool(trusted)) for text, trusted in reply["pieces"]]

    def close(self) -> None:
        """End the process. The next prompt starts another."""
        with self._lock:
            self._end()

    def forget(self) -> None:
        """After a fork: the process is the parent's."""
        self._lock = threading.Lock()
        if self._process is not None:
            self._process.returncode = 0  # not ours to wait for
        self._process = None

    def _ask(
        self, do: str, template: str, messages: Sequence[Message], values: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        size = sum(len(message.text) for message in messages)
        if size > LONGEST:
            raise BadInput(f"the conversation has {size} characters, over {LONGEST}: shorten it")
        frame = {"do": do, "template": template, "values": dict(values), "memory": self._memory}
        frame["messages"] = ipc.messages_out(messages)
        with self._lock:
            try:
                process = self._ready()
                reply = self._exchange(process, frame, self._patience)
            except BaseException:  # Ctrl-C between question and answer, most of all
                self._end()
                raise
            if reply.get("last"):
                self._end()
        if "error" in reply:
            raise ipc.error_in(reply["error"])
        return reply

    def _ready(self) -> subprocess.Popen[bytes]:
        """A process that has said hello."""
        if self._process is not None and self._process.poll() is not None:
            self._end()
        process = self._spawn()
        if not self._greeted:
            self._exchange(process, None, _START)
            self._greeted = True
        return process

    def _spawn(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
            try:
                self._process = subprocess.Popen(
                    COMMAND,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=kept,
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise EngineError(
                    f"the process for chat templates does not start ({error}): "
                    "close other programs, then ask again"
                ) from error
            self._greeted = False
        return self._process

    def _exchange(
        self, process: subprocess.Popen[bytes], frame: Mapping[str, Any] | None, patience: float
    ) -> Mapping[str, Any]:
        """Its next words, after those of ours. Raises EngineError when there are none."""
        late = threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        watchdog = threading.Timer(patience, give_up)
        watchdog.daemon = True
        watchdog.start()
        try:
            assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
            if frame is not None:
                write_frame(process.stdin, frame)
            reply = read_frame(process.stdout)
        except OSError:
            reply = None
        finally:
            watchdog.cancel()
        if reply is None:
            raise self._silent(late.is_set(), started=frame is not None)
        return reply

    def _silent(self, late: bool, *, started: bool) -> PenjingError:
        if not started:
            return EngineError("the process for chat templates does not start: ask again")
        why = "it runs too long" if late else "it ended the process it ran in"
        return EngineError(f"the model's chat template does not work: {why}")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


RENDERER = Renderer()
"""This process's."""
atexit.register(RENDERER.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=RENDERER.forget)
