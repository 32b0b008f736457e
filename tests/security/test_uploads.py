"""Unbounded uploads and decompression bombs: counted as they come, and never unpacked."""

from __future__ import annotations

import gzip
import json
import socket
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from premises import Premises, premises

from penjing.serve.limits import BODY, Limits

DOCUMENT = 200_000


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """A server that takes little documents."""
    home: Path = tmp_path_factory.mktemp("small") / "home"
    with premises(home, Limits(document=DOCUMENT)) as running:
        yield running


def chunks(server: Premises, path: str, token: str, most: int) -> tuple[bytes, int]:
    """A body without an end, in chunks, until somebody says no: the reply, and bytes sent."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        f"Authorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    sent, piece = 0, b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head.encode())
        connection.settimeout(0.02)
        got = b""
        while sent < most and not got:
            try:
                connection.settimeout(10)
                connection.sendall(piece)
                sent += 0x10000
                connection.settimeout(0.005)
                got = connection.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                break
        return got, sent


@pytest.fixture
def token(small: Premises) -> str:
    ben = small.caller("Ben")
    for one in ben.ask("GET", "/api/me/tokens").json:
        ben.ask("DELETE", f"/api/me/tokens/{one['id']}")
    wanted = {"label": "x", "scopes": ["read", "chat", "documents"]}
    text: str = ben.ask("POST", "/api/me/tokens", wanted).json["token"]
    return text


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/v1/chat/completions", BODY), ("/api/documents?name=x", DOCUMENT), ("/api/search", BODY)],
)
def test_a_body_without_an_end_is_cut_off(
    small: Premises, token: str, path: str, limit: int
) -> None:
    got, sent = chunks(small, path, token, most=64 * 2**20)
    assert got == b"" or got.startswith(b"HTTP/1.1 413")
    assert sent < limit + 4 * 2**20
    assert small.caller("Ben").ask("GET", "/api/documents").json == []


def test_a_stranger_uploads_nothing(small: Premises) -> None:
    got, sent = chunks(small, "/api/documents?name=x", "no token", most=64 * 2**20)
    assert got.startswith(b"HTTP/1.1 401")
    assert sent < 2 * 2**20
    got, sent = chunks(small, "/api/login", "no token", most=64 * 2**20)
    assert got == b"" or got.startswith(b"HTTP/1.1 4")
    assert sent < 2 * 2**20


def test_a_promised_length_is_believed_only_when_it_is_too_much(small: Premises) -> None:
    ben = small.caller("Ben")
    for length in (DOCUMENT + 1, 10**12):
        reply = ben.ask("POST", "/api/documents?name=x", headers={"Content-Length": str(length)})
        assert reply.status == 413
    reply = ben.ask("POST", "/api/documents?name=x", b"x" * DOCUMENT)
    assert reply.json["size"] == DOCUMENT
    assert ben.ask("DELETE", f"/api/documents/{reply.json['id']}").status == 204


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_a_compressed_body_is_not_unpacked(small: Premises, coding: str) -> None:
    """100 MB of JSON in 100 kB: to the server it is 100 kB that are no JSON."""
    bomb = json.dumps({"model": "fake", "input": " " * 10**8}).encode()
    packed = gzip.compress(bomb, 1) if coding.startswith("gzip") else zlib.compress(bomb, 1)
    ben, began = small.caller("Ben"), time.monotonic()
    sent = {"Content-Type": "application/json", "Content-Encoding": coding}
    for path in ("/v1/chat/completions", "/api/sessions", "/api/login"):
        assert 400 <= ben.ask("POST", path, packed, sent).status < 500
    assert time.monotonic() - began < 5


def test_a_document_is_kept_as_it_was_sent(small: Premises) -> None:
    ben = small.caller("Ben")
    packed = gzip.compress(b"\0" * 10**8, 9)
    assert len(packed) < DOCUMENT
    sent = {"Content-Type": "application/gzip", "Content-Encoding": "gzip"}
    reply = ben.ask("POST", "/api/documents?name=bomb.gz", packed, sent)
    assert reply.json["size"] == len(packed)
    text = ben.ask("GET", f"/api/documents/{reply.json['id']}/text")
    assert len(text.body) < 5000
    ben.ask("DELETE", f"/api/documents/{reply.json['id']}")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/?" + "x" * 5000, 414), ("GET", "/" + "x" * 5000, 414), ("BREW", "/", 405),
     ("TRACE", "/", 405), ("CONNECT", "/", 405), ("PROPFIND", "/", 405)],
)  # fmt: skip
def test_a_request_line_is_bounded(small: Premises, method: str, path: str, status: int) -> None:
    assert small.caller().ask(method, path).status == status


def test_headers_are_bounded(small: Premises) -> None:
    many = {f"X-{n}": "v" for n in range(100)}
    assert small.caller().ask("GET", "/health", headers=many).status == 431
    assert small.caller().ask("GET", "/health", headers={"X": "v" * 28_000}).status == 431
    assert small.caller().ask("GET", "/health", headers={"X": "v" * 100_000}).status in (400, 431)
