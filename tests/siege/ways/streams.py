"""Streams that nobody reads, that are left halfway, and more of them than there are places."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from pathlib import Path
from random import Random

from attacked import Attacked, attacked
from doorway import Caller
from ground import Ground
from way import Way

_WORDS = "Write a very long story about a small tree. "
_MANY = 40


def _case(server: Attacked, random: Random, folder: Path) -> str | None:
    name = random.choice(("Anna", "Ben", "Gil"))
    caller = server.caller(name)
    lines: list[socket.socket] = []
    try:
        for _ in range(random.choice((1, 8, _MANY))):
            line = _begun(server, caller, random)
            lines.append(line)
            if random.random() < 0.4:
                line.close()
        other = next(one for one in ("Ben", "Gil", "Anna") if one != name)
        return _served(server, other)
    finally:
        for line in lines:
            line.close()


def _begun(server: Attacked, caller: Caller, random: Random) -> socket.socket:
    """A stream that was asked for; little or nothing of it is read."""
    body = {
        "model": "tiny", "stream": True, "max_tokens": random.choice((1, 200, 100_000)),
        "messages": [{"role": "user", "content": _WORDS * random.choice((1, 4))}],
        "n": random.choice((1, 1, 8)),
    }  # fmt: skip
    cookies = "; ".join(f"{key}={value}" for key, value in caller.cookies.items())
    data = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nCookie: {cookies}"
        f"\r\nX-CSRF-Token: {caller.csrf}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    )
    line = socket.create_connection(("127.0.0.1", server.port), timeout=5)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    line.sendall(head.encode() + data)
    if random.random() < 0.3:
        line.settimeout(0.1)
        with contextlib.suppress(OSError):
            line.recv(100)
    return line


def _served(server: Attacked, name: str) -> str | None:
    """Somebody else asks a short thing meanwhile, and whether the server lives."""
    told: list[int] = []

    def ask() -> None:
        body = {"model": "tiny", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}
        with contextlib.suppress(OSError):
            told.append(server.caller(name).ask("POST", "/v1/chat/completions", body).status)

    asking = threading.Thread(target=ask)
    began = time.monotonic()
    asking.start()
    wrong = server.well()
    asking.join(15)
    if wrong or asking.is_alive() or not told:
        return wrong or f"{name} was not answered after {time.monotonic() - began:.1f} s"
    return None if told[0] in (200, 429, 503) else f"{name} was told {told[0]}"


def _prepare(ground: Ground) -> Attacked:
    return attacked(ground, "--queue", "64", "--places", "4")


WAY = Way(
    "streams",
    "streams nobody reads or that are left: other people are answered, memory stays, it can stop",
    _prepare,
    _case,
    forked=False,
    finish=Attacked.stop,
)
