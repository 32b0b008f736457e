"""Log injection: no line that a client wrote, no secret, and nothing that was said."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from household import WORDS, login
from premises import Premises, spoken

FORGED = "INFO: 10.0.0.1 - anna logged in"


class Kept(logging.Handler):
    """Every record, formatted as a file would have it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += [self.format(record)]


@pytest.fixture
def log() -> Iterator[Kept]:
    kept, root = Kept(), logging.getLogger()
    before = root.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    yield kept
    root.removeHandler(kept)
    root.setLevel(before)


def raw(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        got = b""
        while piece := connection.recv(4096):
            got += piece
        return got


def test_nobody_can_write_a_line(server: Premises, log: Kept) -> None:
    ben = server.caller("Ben")
    ends = ("\n", "\r\n", "\r", "\u2028", "\x85", "\x1b[2K", "%0a", "%0d%0a")
    for end in ends:
        text = f"x{end}{FORGED}"
        ben.ask("GET", f"/api/{quote(text)}")
        ben.ask("GET", f"/v1/models?x={quote(text)}")
        ben.ask("POST", "/api/login", {"name": text, "passphrase": "wrong words"})
        ben.ask("POST", f"/api/documents?name={quote(text)}", b"x")
        ben.ask("POST", "/v1/chat/completions", {"model": text, "messages": []})
        ben.ask("POST", "/api/sessions", {"title": text, text: 1})
    for header in ("User-Agent", "X-Forwarded-For", "Referer", "Authorization"):
        ben.ask("GET", "/api/me", headers={header: f"x {FORGED}"})
    host = f"127.0.0.1:{server.port}".encode()
    raw(server.port, b"GET /\x0a" + FORGED.encode() + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
    raw(server.port, FORGED.encode() + b" / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
    assert len(log.lines) > 10
    ours = [line for line in log.lines if line.startswith("penjing")]
    assert ours
    for line in ours:
        assert "anna logged in" not in line
        assert line.isprintable()


def test_no_secret_and_nothing_said_is_in_the_log(server: Premises, log: Kept) -> None:
    caller = server.way.caller("127.0.0.7")  # the other test's guesses slowed 127.0.0.1
    code = server.way.code()
    caller.enter("/api/login/once", {"code": code})
    ticket = caller.cookies["penjing-ticket"]
    caller.enter("/api/login", login("Ben", "a wrong passphrase"))
    caller.enter("/api/login", login("Ben"))
    cookie, csrf = caller.cookies["penjing"], caller.csrf or ""
    token = caller.ask("POST", "/api/me/tokens", {"label": "label-of-a-token"}).json["token"]
    shown = {"Authorization": f"Bearer {token}"}
    server.way.caller().ask("GET", "/v1/models", headers=shown)
    spoken(caller, "the walnut cabinet opens with 4711")
    caller.ask("POST", "/api/search", {"words": "walnut"})
    caller.ask("GET", "/api/sessions?walnut=1")
    caller.ask("POST", "/v1/chat/completions", {"messages": "walnut"})
    everything = "\n".join(log.lines)
    secrets = (code, ticket, cookie, csrf, token, WORDS["Ben"], "a wrong passphrase",
               "walnut", "label-of-a-token")  # fmt: skip
    assert [one for one in secrets if one in everything] == []
