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

from penjing.core.egress.shutter import close_shutter
from penjing.core.errors import PenjingError
from penjing.core.process import shield
from penjing.engine import prompt, sandbox, wire
from penjing.engine.rendering import read_frame, write_frame

_LAST_RESORT = 10  # seconds, of the kernel's own clock
_LONG = 1_000_000  # characters of a conversation that have room without asking for more
_PER_CHAR = 64  # bytes: as it is said, marked, and in several copies of each


def answer(frame: Mapping[str, Any]) -> dict[str, Any]:
    """What a question is told."""
    try:
        messages = wire.messages_in(frame["messages"])
        job = prompt.Job.of(frame["template"], messages, frame["values"])
        if frame["do"] == "whole":
            return {"text": prompt.whole(job)}
        return {"pieces": [[one.text, one.trusted] for one in prompt.pieces(job)]}
    except PenjingError as error:
        return {"error": wire.error_out(error)}
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
    base = _in_use()
    write_frame(writing, {"ready": True})
    while (frame := read_frame(reading)) is not None:
        signal.setitimer(signal.ITIMER_REAL, _LAST_RESORT)  # unhandled, it ends the process
        said = sum(len(text) for _, text in frame["messages"])
        limit(base, frame["memory"] + _PER_CHAR * max(0, said - _LONG))
        reply = answer(frame)
        limit(base, None)
        write_frame(writing, reply)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if reply.get("last"):
            return


def limit(base: tuple[int, int], more: int | None) -> None:
    """Let this process take so much more than it had, or as much as it may."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # not every system has both
        import resource

        for kind, used in zip((resource.RLIMIT_AS, resource.RLIMIT_DATA), base, strict=True):
            most = resource.getrlimit(kind)[1]
            wanted = most if more is None or not used else used + more
            if most != resource.RLIM_INFINITY:
                wanted = most if wanted == resource.RLIM_INFINITY else min(wanted, most)
            resource.setrlimit(kind, (wanted, most))


def _in_use() -> tuple[int, int]:
    """Bytes of address space and of data; zeros where that is not known."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            pages = [int(number) for number in file.read().split()]
        return pages[0] * os.sysconf("SC_PAGE_SIZE"), pages[5] * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0, 0


def main() -> None:
    """`python -m penjing.engine.renderer`: started by `rendering.py`."""
    shield()
    for number in (signal.SIGINT, signal.SIGTERM):  # a terminal sends these to every process
        signal.signal(number, signal.SIG_IGN)
    reading, writing = sys.stdin.buffer, sys.stdout.buffer
    sandbox.run("{{ strftime_now('%Y') }}", {})  # what is imported and read is, before the end
    close_shutter((), local=False)
    with contextlib.suppress(BrokenPipeError):
        serve(reading, writing)
    os._exit(0)


if __name__ == "__main__":
    main()
