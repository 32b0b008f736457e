"""Bytes that are nearly HTTP: two lengths, no end, hidden second requests, drops and floods."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from random import Random

import mutate
from attacked import Attacked, attacked
from way import Way

_PATIENCE = 4.0
_HIDDEN = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def _case(server: Attacked, random: Random, folder: Path) -> str | None:
    heard = b""
    address = f"127.0.1.{random.randrange(2, 250)}"
    with (
        socket.create_connection(
            ("127.0.0.1", server.port), timeout=_PATIENCE, source_address=(address, 0)
        ) as line,
        contextlib.suppress(OSError),
    ):
        for piece in _pieces(random, _message(random, server.port)):
            line.sendall(piece)
        line.settimeout(random.choice((0.05, 0.3)))
        while piece := line.recv(65536):
            heard += piece
    if b" 500 " in heard[:20] or b"Traceback" in heard:
        return f"it answered {heard[:100]!r}"
    if b"penjing_" in heard:
        return "a hidden request was answered with the metrics"
    return server.well()


def _pieces(random: Random, data: bytes) -> list[bytes]:
    if random.random() < 0.5:
        return [data]
    size = random.choice((1, 3, 50, 5000))
    return [data[at : at + size] for at in range(0, min(len(data), size * 200), size)]


def _message(random: Random, port: int) -> bytes:
    host = b"Host: 127.0.0.1:%d\r\n" % port
    body = random.choice((b"", b"{}", b'{"name":"Anna","passphrase":"x"}', random.randbytes(3000)))
    line = random.choice(
        (
            b"GET / HTTP/1.1",
            b"POST /api/login HTTP/1.1",
            b"GET /health HTTP/1.0",
            b"GET http://x/ HTTP/1.1",
            b"GET /%s HTTP/1.1" % (b"a" * random.choice((10, 5000, 40_000))),
            b"PRI * HTTP/2.0",
            b"G\x00T / HTTP/1.1",
            b"GET  /  HTTP/1.1",
            b"GET / HTTP/9.9",
            b"\x16\x03\x01\x02\x00\x01",
            b"GET /\xff HTTP/1.1",
            b"",
            b"CONNECT a:1 HTTP/1.1",
            b"OPTIONS * HTTP/1.1",
            b"GET /../../../etc/passwd HTTP/1.1",
        )
    )
    framing = random.choice(
        (
            b"Content-Length: %d\r\n" % len(body),
            b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: xchunked\r\n",
            b"Content-Length: -1\r\n",
            b"Content-Length: 1\r\nContent-Length: 2\r\n",
            b"Content-Length: 99999999999999999999\r\n",
            b"Transfer-Encoding: chunked, chunked\r\n",
            b"Content-Length: 0x10\r\n",
            b"Content-Length: +1\r\n",
            b"Transfer-Encoding : chunked\r\n",
            b"Expect: 100-continue\r\nContent-Length: 9999999\r\n",
            b"",
        )
    )
    more = random.choice(
        (
            b"",
            b"X: " + b"a" * random.choice((100, 30_000, 200_000)) + b"\r\n",
            b"X: 1\r\n" * 300,
            b" folded: x\r\n",
            b"X: 1\nY: 2\r\n",
            b"X\x00: 1\r\n",
            b": empty\r\n",
            b"Host: evil.example\r\n",
            b"Connection: keep-alive\r\n",
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n",
        )
    )
    chunk = random.choice(
        (
            b"5\r\nhello\r\n0\r\n\r\n",
            b"FFFFFFFFFFFFFFFF\r\n",
            b"-1\r\n",
            b"0\r\n\r\n",
            b"5;x=" + b"y" * 9000,
        )
    )
    payload = chunk if b"chunked" in framing and random.random() < 0.7 else body
    data = line + b"\r\n" + host + framing + more + b"\r\n" + payload
    if random.random() < 0.4:
        data += _HIDDEN * random.choice((1, 3, 100))
    return mutate.spoiled_bytes(random, data) if random.random() < 0.3 else data


WAY = Way(
    "wire",
    "bytes that are nearly HTTP: refused or cut off, and the next person is served at once",
    attacked,
    _case,
    forked=False,
    finish=Attacked.stop,
)
