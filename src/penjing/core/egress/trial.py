"""Closing the shutter in processes of their own, and looking from outside at what gets out.

The same ways are tried with nothing closed first: what is not reached then proves nothing later.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

from penjing.core.egress.attempts import NEIGHBOUR, Attempt, Targets
from penjing.core.errors import PenjingError

Kind = Literal["open", "nothing", "list"]
_SECONDS = 90.0


@dataclass(frozen=True)
class Trial:
    """One process, and what it reached."""

    kind: Kind
    """Open, closed to everything, or closed to all but a list of one."""
    attempts: tuple[Attempt, ...]
    """All ways, as the process saw them."""
    arrived: int
    """Connections and packets at listeners that are on no list, as we saw them."""
    receipt: dict[str, Any] | None
    """What the shutter said; None for open."""
    lines: tuple[str, ...]
    """The same for people."""

    @property
    def leaks(self) -> list[Attempt]:
        """What got out and should not have, other than what the receipt says itself."""
        listed = self.kind == "list"
        known = {"native-neighbour"} if listed else set()  # the kernel names ports, no addresses
        return [
            one
            for one in self.attempts
            if one.reached and not (one.wanted and listed) and one.name not in known
        ]

    @property
    def missed(self) -> list[Attempt]:
        """What is on the list and was not reached."""
        if self.kind == "nothing":
            return []
        return [one for one in self.attempts if one.wanted and not one.reached]


def try_all() -> list[Trial]:
    """Open, closed to all, closed to all but one."""
    kinds: tuple[Kind, ...] = ("open", "nothing", "list")
    return [_trial(kind) for kind in kinds]


def _trial(kind: Kind) -> Trial:
    with _listeners() as (targets, arrived):
        document = _run(kind, targets)
        found = tuple(Attempt(**one) for one in document["attempts"])
        return Trial(kind, found, len(arrived), document["receipt"], tuple(document["lines"]))


_MAIN = "import sys; from penjing.core.egress.attempts import main; main(sys.argv[1:])"


def _run(kind: Kind, targets: Targets) -> dict[str, Any]:
    command = [sys.executable, "-I", "-c", _MAIN, kind, json.dumps(asdict(targets))]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=True)
        document: dict[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise PenjingError(f"the ways out could not be tried: {error}") from error
    return document


@contextmanager
def _listeners() -> Iterator[tuple[Targets, Sequence[str]]]:
    """Our own ends on the loopback, and the names of those to which something came."""
    arrived: list[str] = []
    with ExitStack() as stack:
        allowed = stack.enter_context(_listening("127.0.0.1", []))
        beside = stack.enter_context(_listening(NEIGHBOUR, [], allowed)) if _has(NEIGHBOUR) else 0
        tcp = stack.enter_context(_listening("127.0.0.1", arrived))
        tcp6 = stack.enter_context(_listening("::1", arrived)) if _has("::1") else None
        udp = stack.enter_context(_taking(arrived))
        stream = stack.enter_context(_listening("127.0.0.1", arrived, bytes_only=True))
        yield Targets(allowed, bool(beside), tcp, tcp6, udp, stream), arrived


@contextmanager
def _listening(
    host: str, arrived: list[str], port: int = 0, *, bytes_only: bool = False
) -> Iterator[int]:
    """A connection arrives when it is made; with `bytes_only`, when something comes through it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as server:
        server.settimeout(0.1)
        over = threading.Event()

        def accept() -> None:
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except OSError:
                    continue
                if not bytes_only or _hears(connection, over):
                    arrived.append(host)
                connection.close()

        yield from _meanwhile(accept, over, server.getsockname()[1])


def _hears(connection: socket.socket, over: threading.Event) -> bool:
    """Whether anything comes before the other side is gone."""
    connection.settimeout(0.1)
    while not over.is_set():
        try:
            return bool(connection.recv(1))
        except TimeoutError:
            continue
        except OSError:
            break
    return False


@contextmanager
def _taking(arrived: list[str]) -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.1)
        over = threading.Event()

        def take() -> None:
            while not over.is_set():
                try:
                    server.recv(512)
                except OSError:
                    continue
                arrived.append("udp")

        yield from _meanwhile(take, over, server.getsockname()[1])


def _meanwhile(work: Any, over: threading.Event, port: int) -> Iterator[int]:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        over.set()
        thread.join()


def _has(host: str) -> bool:
    """Whether this machine has that address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, 0), family=family):
            return True
    except OSError:
        return False
