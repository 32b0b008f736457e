"""The helper that looks names up, outside the shutter: for the named hosts, and for no others.

A process of its own, started before the shutter closes. It reads a name a line and answers with a
line of JSON; it ends when its input does. Nothing but a name from its list makes it ask anybody, so
that nobody can hide a message in one.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from typing import IO

from penjing.core.errors import NetworkError

_SECONDS = 15.0
_MOST = 16
_LONGEST = 4096


class Resolver:
    """The helper, seen from inside."""

    def __init__(self, names: Iterable[str]) -> None:
        command = [sys.executable, "-I", "-c", _MAIN, *sorted(names)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us; it ends with its input
            )
        except OSError as error:
            raise NetworkError(f"no helper can be started to look names up: {error}") from error
        self._lock = threading.Lock()

    def __call__(self, name: str) -> Sequence[str]:
        """IP addresses of a name; empty where it has none or nobody answers."""
        with self._lock:
            to, back = self._process.stdin, self._process.stdout
            if to is None or back is None:
                return ()
            try:
                to.write(f"{name}\n".encode("ascii"))
                to.flush()
                line = back.readline(_LONGEST)
                return tuple(json.loads(line)) if line else ()
            except (OSError, ValueError):
                return ()

    def close(self) -> None:
        """End it; twice is harmless."""
        with self._lock:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None and not pipe.closed:
                    pipe.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_MAIN = (
    "import sys; from penjing.core.egress.resolver import answer;"
    " answer(sys.argv[1:], sys.stdin.buffer, sys.stdout.buffer)"
)


def answer(names: Sequence[str], lines: IO[bytes], replies: IO[bytes]) -> None:
    """The helper itself."""
    socket.setdefaulttimeout(_SECONDS)
    for line in lines:
        name = line[:_LONGEST].decode("ascii", "replace").strip()
        found = _look_up(name) if name in names else []
        replies.write(json.dumps(found[:_MOST]).encode("ascii") + b"\n")
        replies.flush()


def _look_up(name: str) -> list[str]:
    try:
        rows = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(row[4][0]) for row in rows))
