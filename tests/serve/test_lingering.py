"""Whoever sends too much is told so, however late the rest of it comes."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator

import pytest
from serving import OWNER, Running, serving

from penjing.serve.limits import Limits
from penjing.serve.lingering import LONGEST
from penjing.testing.scheduler import FakeScheduler

DOCUMENT = 64 * 1024


@pytest.fixture
def running() -> Iterator[Running]:
    limits = Limits(document=DOCUMENT, grace_seconds=1)
    with FakeScheduler() as scheduler, serving(scheduler, limits=limits) as running:
        yield running


def upload(running: Running, length: str) -> socket.socket:
    """A connection on which the head of an upload was sent."""
    host, _, port = running.url.removeprefix("http://").partition(":")
    line = socket.create_connection((host, int(port)), timeout=10)
    head = (
        "POST /api/documents?name=x HTTP/1.1",
        f"Host: {host}:{port}",
        f"Authorization: Bearer {OWNER}",
        length,
    )
    line.sendall("\r\n".join((*head, "", "")).encode("ascii"))
    return line


def everything(line: socket.socket) -> bytes:
    told = b""
    while data := line.recv(65536):
        told += data
    return told


@pytest.mark.parametrize("pieces", [2, 20])
def test_what_was_promised_may_still_come(running: Running, pieces: int) -> None:
    size = DOCUMENT // 10
    with upload(running, f"Content-Length: {pieces * size + DOCUMENT}") as line:
        line.sendall(b"x" * DOCUMENT)
        for _ in range(pieces):
            time.sleep(0.02)
            line.sendall(b"x" * size)
        told = everything(line)
    assert told.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nconnection: close\r\n" in told.lower()
    assert told.endswith(b'send less"}')


def test_chunks_may_still_come(running: Running) -> None:
    chunk = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    with upload(running, "Transfer-Encoding: chunked") as line:
        for _ in range(2 * DOCUMENT // 0x1000):
            time.sleep(0.005)
            line.sendall(chunk)
        line.sendall(b"0\r\n\r\n")
        told = everything(line)
    assert told.startswith(b"HTTP/1.1 413 ")


@pytest.mark.alone
def test_who_never_sends_the_rest_is_not_waited_for(running: Running) -> None:
    with upload(running, f"Content-Length: {2**40}") as line:
        began = time.monotonic()
        assert line.recv(65536).startswith(b"HTTP/1.1 413 ")
        assert time.monotonic() - began < LONGEST / 2
        everything(line)
        assert LONGEST * 0.9 < time.monotonic() - began < LONGEST + 3


def test_who_goes_away_halfway_is_no_error_of_ours(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "penjing.serve")
    with upload(running, f"Content-Length: {DOCUMENT}") as line:
        line.sendall(b"x" * (DOCUMENT // 2))
        time.sleep(0.2)
    ends = time.monotonic() + 5
    while not any("/api/documents" in one for one in caplog.messages) and time.monotonic() < ends:
        time.sleep(0.02)
    assert any("/api/documents" in one for one in caplog.messages)
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]
