"""The same door behind TLS: plain text, old protocols, broken handshakes, and cookies that leak."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
from pathlib import Path
from random import Random

from attacked import Attacked, attacked
from ground import Ground
from household import login
from way import Way

_OLD = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)


def _prepare(ground: Ground) -> Attacked:
    return attacked(ground, "--self-signed")


def _case(server: Attacked, random: Random, folder: Path) -> str | None:
    what = random.randrange(5)
    if what == 0:
        return _plain(server) or _well(server)
    if what == 1:
        return _old(server, random) or _well(server)
    if what == 2:
        return _broken(server, random) or _well(server)
    if what == 3:
        return _login(server)
    return _well(server)


def _plain(server: Attacked) -> str | None:
    """HTTP where TLS is spoken gets no page."""
    with _line(server) as line:
        heard = b""
        with contextlib.suppress(OSError):
            line.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            heard = line.recv(4096)
    return f"plain HTTP was answered: {heard[:60]!r}" if b"200" in heard else None


def _old(server: Attacked, random: Random) -> str | None:
    context = _context()
    with contextlib.suppress(ValueError, ssl.SSLError):
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = random.choice(_OLD)
        with contextlib.suppress(OSError), _connected(server, context) as line:
            return f"{line.version()} was spoken"
    return None


def _broken(server: Attacked, random: Random) -> str | None:
    with contextlib.suppress(OSError), _line(server) as line:
        line.sendall(b"\x16\x03\x01" + random.randbytes(random.choice((1, 100, 5000))))
        line.settimeout(0.2)
        line.recv(4096)
    return None


def _login(server: Attacked) -> str | None:
    body = json.dumps(login("Gil")).encode()
    head = (
        f"POST /api/login HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: {len(body)}"
        "\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    )
    with _connected(server, _context()) as line:
        line.sendall(head.encode() + body)
        heard = b""
        while piece := line.recv(65536):
            heard += piece
    cookies = [one for one in heard.split(b"\r\n") if one.lower().startswith(b"set-cookie")]
    if b" 200 " not in heard[:20]:
        return None if b" 429 " in heard[:20] else f"no login: {heard[:80]!r}"
    wanted = (b"__Host-", b"Secure", b"HttpOnly", b"SameSite=Strict")
    kept = [one for one in cookies if b"Max-Age=0" not in one]
    wrong = [one for one in kept if not all(word in one for word in wanted)]
    return f"a cookie is not safe: {wrong[0][:80]!r}" if wrong or not kept else None


def _well(server: Attacked) -> str | None:
    try:
        with _connected(server, _context()) as line:
            host = f"127.0.0.1:{server.port}"
            line.sendall(
                f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
            )
            heard = line.recv(4096)
    except OSError as error:
        return f"it does not answer: {error}"
    return None if b" 200 " in heard[:20] else f"/health says {heard[:40]!r}"


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _line(server: Attacked) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=5)


def _connected(server: Attacked, context: ssl.SSLContext) -> ssl.SSLSocket:
    line = _line(server)
    try:
        return context.wrap_socket(line)
    except BaseException:
        line.close()
        raise


WAY = Way(
    "tls",
    "TLS mode: no plain HTTP, no old protocol, no unsafe cookie, broken handshakes harm nobody",
    _prepare,
    _case,
    forked=False,
    finish=Attacked.stop,
    share=0.5,
)
