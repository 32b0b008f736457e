"""One case, tried: how it ended, how long it took, and the most memory anything held meanwhile."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import resource
import select
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from penjing.core.errors import PenjingError

MEMORY = 500 * 2**20
"""Bytes that no process may hold."""
_CEILING = 6 * 2**30
"""Address space that a case may add: who asks for more gets a MemoryError, not the machine."""
_WAIT = 20.0
"""Seconds after which a case is ended, however it goes on."""
_LONGEST_LINE = 2000

Case = Callable[[], str | None]


@dataclass(frozen=True)
class Ending:
    """How a case ended."""

    fell: str | None
    """What fell; None when it held."""
    seconds: float
    """Wall time."""
    memory: int
    """Bytes at the most."""


def forked(case: Case, patience: float) -> Ending:
    """Try it in a process of its own, with limits; a crash is a fall like any other."""
    reader, writer = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _in_the_child(case, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = _hear(pipe.fileno(), began + _WAIT)
    if said is None:
        _kill_all(child)
    _, status = os.waitpid(child, 0)
    took = time.monotonic() - began
    if said is None:
        return Ending(f"hung for {_WAIT:.0f} s and was killed", took, 0)
    if not said:
        return Ending(f"the process died ({_how(status)})", took, 0)
    told = json.loads(said)
    return _judged(told["fell"], took, int(told["memory"]), patience)


def here(case: Case, patience: float, watched: Iterable[int]) -> Ending:
    """Try it in this process; what is watched must live and stay small."""
    began = time.monotonic()
    with _alarm(_WAIT):
        fell = _tried(case)
    took = time.monotonic() - began
    memory = 0
    for pid in watched:
        if not _lives(pid):
            return Ending(f"what was attacked is gone ({fell or 'silently'})", took, memory)
        memory = max(memory, *(peak(one) for one in tree(pid)), 0)
    return _judged(fell, took, memory, patience)


def peak(pid: int) -> int:
    """The most a process ever held, in bytes; 0 when it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _now(field: str) -> int:
    """What this process has, in bytes: a child starts with its parent's pages."""
    for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0


def tree(pid: int) -> Iterator[int]:
    """A process and all that it started, as far as they still run."""
    yield pid
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                for child in (thread / "children").read_text().split():
                    yield from tree(int(child))


def _judged(fell: str | None, took: float, memory: int, patience: float) -> Ending:
    if fell is None and memory > MEMORY:
        fell = f"held {memory / 2**20:.0f} MiB"
    if fell is None and took > patience:
        fell = f"took {took:.1f} s"
    return Ending(fell, took, memory)


def _tried(case: Case) -> str | None:
    """None, or what fell. A refusal in one line holds."""
    try:
        return case()
    except PenjingError as error:
        return one_line(error)
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [one for one in frames if "penjing" in one.filename and "siege" not in one.filename]
        where = (ours or frames)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        return f"foreign {type(error).__name__} at {place}: {str(error)[:200]}"


def one_line(error: PenjingError) -> str | None:
    """What is wrong with a refusal; None when it is one line that can be read."""
    text = str(error)
    if "\n" in text or "\x1b" in text or len(text) > _LONGEST_LINE or not text.strip():
        return f"a refusal that is no line: {text[:200]!r}"
    return None


def _in_the_child(case: Case, writer: int) -> None:
    try:
        os.setsid()
        faulthandler.disable()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        ceiling = _now("VmSize") + _CEILING
        resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))
        inherited = _now("VmRSS")
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from now on
        told = {"fell": _tried(case), "memory": 0}
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        told["memory"] = max(peak(os.getpid()) - inherited, children)
        os.write(writer, json.dumps(told).encode()[:60000])
    finally:
        os._exit(0)


def _hear(pipe: int, until: float) -> bytes | None:
    """All that comes; None when it does not end in time."""
    said = b""
    while (left := until - time.monotonic()) > 0:
        ready, _, _ = select.select([pipe], [], [], left)
        if ready:
            piece = os.read(pipe, 65536)
            if not piece:
                return said
            said += piece
    return None


def _kill_all(child: int) -> None:
    for pid in reversed(list(tree(child))):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _lives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2][1] != "Z"
    return False


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit status {os.waitstatus_to_exitcode(status)}"


class HungError(BaseException):
    """A case in this process did not end: no handler of an attack may swallow it."""


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise HungError(f"hung for {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
