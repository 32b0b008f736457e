"""Slowloris and its relatives: who takes for ever is given up, and others are served meanwhile."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from doorway import Doorway, doorway

from penjing.serve.door import bodies
from penjing.serve.door.timeouts import Crowd, Limits

HEADERS, EACH = 0.6, 8
CROWD = Crowd(each=EACH, altogether=20)


@pytest.fixture(scope="module")
def way() -> Iterator[Doorway]:
    limits = Limits(headers=HEADERS, stalled=1.0)
    with doorway(limits=limits, crowd=CROWD, app=generous) as running:
        yield running


async def generous(scope: object, receive: object, send: object) -> None:
    """/stream sends more than any buffer holds; everything else as usual."""
    from doorway import small_app

    if not isinstance(scope, dict) or scope.get("path") != "/health":
        return await small_app(scope, receive, send)
    if scope["query_string"] != b"much":
        return await small_app(scope, receive, send)
    await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
    for _ in range(400):
        message = {"type": "http.response.body", "body": b"x" * 2**18, "more_body": True}
        await send(message)  # type: ignore[operator]
    return await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]


def opened(way: Doorway, address: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(
        ("127.0.0.1", way.port), timeout=10, source_address=(address, 0)
    )


def ended(connection: socket.socket, seconds: float) -> bool:
    """Whether the other end closes within a time, without having answered."""
    connection.settimeout(seconds)
    try:
        return connection.recv(4096) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def answered(connection: socket.socket) -> bool:
    """Read one whole reply, or what follows it would be taken for more of it."""
    got = b""
    while not got.endswith(b"}") and b"0\r\n\r\n" not in got:
        piece = connection.recv(4096)
        if not piece:
            return False
        got += piece
    return got.startswith(b"HTTP/1.1 200")


@pytest.mark.alone
def test_a_connection_that_says_nothing_is_given_up(way: Doorway) -> None:
    with opened(way) as connection:
        began = time.monotonic()
        assert ended(connection, 5)
        assert HEADERS - 0.1 < time.monotonic() - began < HEADERS + 2


@pytest.mark.alone
def test_headers_drop_by_drop_are_given_up(way: Doorway) -> None:
    """Each byte comes in time; the whole does not. A clock that began anew would wait for ever."""
    with opened(way) as connection:
        began = time.monotonic()
        try:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
            while time.monotonic() - began < 6:
                connection.sendall(b"X-a: b\r\n")
                time.sleep(0.1)
        except OSError:
            pass
        assert time.monotonic() - began < HEADERS + 2


def test_a_second_request_drop_by_drop_is_given_up_too(way: Doorway) -> None:
    with opened(way) as connection:
        whole = f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{way.port}\r\n\r\n".encode()
        connection.sendall(whole)
        assert answered(connection)
        time.sleep(HEADERS * 2)  # resting between requests is no fault
        connection.sendall(whole)
        assert answered(connection)
        connection.sendall(whole[:20])
        assert ended(connection, 5)


@pytest.mark.alone
def test_a_body_drop_by_drop_is_given_up(way: Doorway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "GRACE", 0.8)
    monkeypatch.setattr(bodies.Patient.__init__, "__defaults__", (bodies.PAUSE, 0.8))
    head = (
        f"POST /api/login HTTP/1.1\r\nHost: 127.0.0.1:{way.port}\r\n"
        "Content-Type: application/json\r\nContent-Length: 10000\r\n\r\n"
    )
    with opened(way) as connection:
        connection.sendall(head.encode())
        began = time.monotonic()
        connection.settimeout(0.1)
        got = b""
        while not got and time.monotonic() - began < 8:
            try:
                connection.sendall(b" ")
                got = connection.recv(4096)
            except TimeoutError:
                continue
        assert got.startswith(b"HTTP/1.1 408")
        assert time.monotonic() - began < 4


def test_a_body_that_stops_is_given_up(way: Doorway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies.Patient.__init__, "__defaults__", (0.5, bodies.GRACE))
    code = way.code()
    owner = way.caller()
    owner.enter("/api/login/once", {"code": code})
    cookie = f"penjing={owner.cookies['penjing']}"
    head = (
        f"POST /api/anything HTTP/1.1\r\nHost: 127.0.0.1:{way.port}\r\nCookie: {cookie}\r\n"
        f"X-CSRF-Token: {owner.csrf}\r\nContent-Length: 10000\r\n\r\nhalf of it"
    )
    with opened(way) as connection:
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 408")  # whatever the app made of it


def test_who_does_not_read_is_given_up(way: Doorway) -> None:
    with opened(way) as connection:
        connection.sendall(
            f"GET /health?much HTTP/1.1\r\nHost: 127.0.0.1:{way.port}\r\n\r\n".encode()
        )
        for _ in range(6):  # to say something now and then does not help
            time.sleep(0.4)
            with suppress(OSError):
                connection.sendall(b"G")
        total, whole = 0, 400 * 2**18
        connection.settimeout(5)
        try:
            while piece := connection.recv(2**20):
                total += len(piece)
        except OSError:
            pass
        assert total < whole


def test_no_http_behind_an_answer_that_is_being_written_ends_the_connection(
    way: Doorway, caplog: pytest.LogCaptureFixture
) -> None:
    head = (
        f"GET /health?much HTTP/1.1\r\nHost: 127.0.0.1:{way.port}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    with opened(way) as connection:
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connection.sendall(b"no such chunk\r\n")
        patience = time.monotonic() + 30
        while CROWD._by_address and time.monotonic() < patience:  # unread, or all of it would come
            time.sleep(0.01)
        connection.settimeout(5)
        total = 0
        with suppress(OSError):
            while piece := connection.recv(2**20):
                total += len(piece)
        assert total < 400 * 2**18
    assert way.caller().ask("GET", "/health", timeout=5).status == 200
    assert not [record for record in caplog.records if record.exc_info]


def test_one_address_takes_so_many_places_and_others_get_theirs() -> None:
    with doorway(crowd=Crowd(each=EACH)) as way, ExitStack() as stack:
        held = [stack.enter_context(opened(way, "127.0.0.3")) for _ in range(EACH + 4)]
        time.sleep(0.1)
        assert sum(ended(one, 0.05) for one in held) == 4
        assert way.caller().ask("GET", "/health", timeout=5).status == 200


def test_places_are_given_back(way: Doorway) -> None:
    for _ in range(4):
        with ExitStack() as stack:
            for _ in range(EACH):
                stack.enter_context(opened(way, "127.0.0.4"))
        time.sleep(0.1)
    assert way.caller("127.0.0.4").ask("GET", "/health").status == 200


def test_a_stranger_is_slowed_and_who_is_logged_in_is_not(way: Doorway) -> None:
    stranger, owner = way.caller("127.0.0.5"), way.caller("127.0.0.5")
    owner.enter("/api/login/once", {"code": way.code()})
    statuses = [stranger.ask("GET", "/api/me").status for _ in range(300)]
    assert statuses[0] == 401
    assert 429 in statuses
    assert owner.ask("GET", "/api/me").status == 200
    assert way.caller().ask("GET", "/health").status == 200
