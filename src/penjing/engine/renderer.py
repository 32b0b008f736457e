"""The process in which chat templates run: it reads a question, writes a prompt, and so on.

It has little memory, no network, writes no file, and the kernel ends it when a prompt takes too
long and nobody else does (`rendering.py` is who should). Knows frames and limits; must not know
who asks.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from penjing.core import limits
from penjing.core.egress.shutter import close_shutter
from penjing.core.errors import PenjingError
from penjing.core.process import shield
from penjing.engine import ipc, prompt, sandbox
from penjing.engine.rendering import read_frame, write_frame

_LAST_RESORT = 10  # seconds, of the kernel's own clock
_LONG = 1_000_000  # characters of a conversation that have room without asking for more
_PER_CHAR = 64  # bytes: as it is said, marked, and in several copies of each


def answer(frame: Mapping[str, Any]) -> dict[str, Any]:
    """What a question is told."""
    try:
        messages = ipc.messages_in(frame["messages"])
        job = prompt.Job.of(frame["template"], messages, frame["values"])
        if frame["do"] == "whole":
            return {"text": prompt.whole(job)}
        return {"pieces": [[one.text, one.trusted] for one in prompt.pieces(job)]}
    except PenjingError as error:
        return {"error": ipc.error_out(error)}
    except MemoryError:
        return {
            "error": [
                "EngineError",
                "the model's chat template does not work: it fills the memory",
            ],
            "last": True,
        }


def serve(reading: Any, writing: Any) -> None:
    """Answer questions until nobody asks any more."""
    base = limits.in_use().address
    write_frame(writing, {"ready": True})
    while (frame := read_frame(reading)) is not None:
        signal.setitimer(signal.ITIMER_REAL, _LAST_RESORT)  # unhandled, it ends the process
        said = sum(len(text) for _, text in frame["messages"])
        more = frame["memory"] + _PER_CHAR * max(0, said - _LONG)
        limits.limit_address_space(base + more if base else None)
        reply = answer(frame)
        limits.limit_address_space(None)
        write_frame(writing, reply)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if reply.get("last"):
            return


def main() -> None:
    """`python -m penjing.engine.renderer`: started by `rendering.py`."""
    shield()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # a terminal sends these to every process
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    reading, writing = sys.stdin.buffer, sys.stdout.buffer
    sandbox.run("{{ strftime_now('%Y') }}", {})  # what is imported and read is, before the end
    close_shutter((), local=False)
    with contextlib.suppress(BrokenPipeError):
        serve(reading, writing)
    os._exit(0)


if __name__ == "__main__":
    main()
