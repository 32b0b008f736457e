"""The door behind TLS, behind a Unix socket, and before requests that no client would write."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from doorway import TOKEN, Doorway, doorway

from penjing.serve.door.certificate import Certificate, own_certificate


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return own_certificate(tmp_path_factory.mktemp("tls"), ["127.0.0.1", "localhost"])


@pytest.fixture(scope="module")
def encrypted(certificate: Certificate) -> Iterator[Doorway]:
    with doorway(tls=(certificate.cert, certificate.key)) as running:
        yield running


@pytest.fixture(scope="module")
def way() -> Iterator[Doorway]:
    with doorway() as running:
        yield running


def test_under_tls_cookies_are_for_this_host_and_encrypted_ways_only(
    encrypted: Doorway, certificate: Certificate
) -> None:
    context = ssl.create_default_context(cafile=certificate.cert)  # who compared the fingerprint
    connection = http.client.HTTPSConnection("127.0.0.1", encrypted.port, context=context)
    try:
        body = json.dumps({"code": encrypted.code()})
        sent = {"Content-Type": "application/json"}
        origin = {"Origin": f"https://127.0.0.1:{encrypted.port}"}
        connection.request("POST", "/api/login/once", body, {**sent, **origin})
        reply = connection.getresponse()
        cookie = reply.getheader("set-cookie") or ""
        document = json.loads(reply.read())
        assert reply.status == 200
        assert cookie.startswith("__Host-penjing=")
        assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= {
            part.strip() for part in cookie.split(";")
        }
        value = cookie.partition(";")[0]
        connection.request("GET", "/api/me", headers={"Cookie": value})
        assert json.loads(connection.getresponse().read())["who"] == "owner"
        connection.request("GET", "/api/me", headers={"Cookie": value.removeprefix("__Host-")})
        reply = connection.getresponse()
        reply.read()
        assert reply.status == 401  # a cookie that another service here could have set
        plain = {"Cookie": value, "X-CSRF-Token": document["csrf"], **sent}
        plain["Origin"] = f"http://127.0.0.1:{encrypted.port}"
        connection.request("POST", "/api/x", "{}", plain)
        reply = connection.getresponse()
        reply.read()
        assert reply.status == 403
    finally:
        connection.close()


def test_a_certificate_nobody_compared_is_not_trusted(encrypted: Doorway) -> None:
    connection = http.client.HTTPSConnection(
        "127.0.0.1", encrypted.port, context=ssl.create_default_context()
    )
    with pytest.raises(ssl.SSLCertVerificationError):
        connection.request("GET", "/health")
    connection.close()


def test_a_unix_socket_has_no_port_and_the_same_door(tmp_path: Path) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "s"))
    listening.listen()

    def ask(head: str) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(tmp_path / "s"))
            connection.sendall(head.replace("\n", "\r\n").encode())
            got = b""
            while piece := connection.recv(4096):
                got += piece
            return got

    end = f"Authorization: Bearer {TOKEN}\nConnection: close\n\n"
    with doorway(listening=listening):
        assert b'"owner"' in ask(f"GET /api/me HTTP/1.1\nHost: localhost\n{end}")
        assert ask(f"GET /api/me HTTP/1.1\nHost: evil.example\n{end}").startswith(b"HTTP/1.1 421")
        unknown = "GET /api/me HTTP/1.1\nHost: localhost\nConnection: close\n\n"
        assert ask(unknown).startswith(b"HTTP/1.1 401")


RAW = {
    "an absolute address": "GET http://evil.example/api/me HTTP/1.1\nHost: {host}\n",
    "a proxy's address": "GET //evil.example/api/me HTTP/1.1\nHost: {host}\n",
    "no host": "GET /api/me HTTP/1.1\n",
    "two hosts": "GET /health HTTP/1.1\nHost: {host}\nHost: evil.example\n",
    "no host, as in 1996": "GET /health HTTP/1.0\n",
    "two tokens": "GET /api/me HTTP/1.1\nHost: {host}\nAuthorization: Bearer {token}\n"
    "Authorization: Bearer x\n",
    "two lengths": "POST /api/x HTTP/1.1\nHost: {host}\nContent-Length: 0\nContent-Length: 5\n",
    "a length and chunks": "POST /health HTTP/1.1\nHost: {host}\nContent-Length: 4\n"
    "Transfer-Encoding: chunked\n",
    "chunks of another kind": "POST /health HTTP/1.1\nHost: {host}\nTransfer-Encoding: xchunked\n",
    "a folded header": "GET /health HTTP/1.1\nHost: {host}\nX: a\n b\nHost : evil\n",
    "a space before a colon": "GET /api/me HTTP/1.1\nHost: {host}\n"
    "Authorization : Bearer {token}\n",
    "an upgrade": "GET /api/me HTTP/1.1\nHost: {host}\nUpgrade: websocket\nConnection: Upgrade\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13\n",
    "no HTTP": "HELO penjing\n",
}


@pytest.mark.parametrize("name", RAW)
def test_no_request_that_is_read_in_two_ways_is_answered(way: Doorway, name: str) -> None:
    text = RAW[name].format(host=f"127.0.0.1:{way.port}", token=TOKEN)
    with socket.create_connection(("127.0.0.1", way.port), timeout=10) as connection:
        connection.sendall(f"{text}\n".replace("\n", "\r\n").encode() + b"0\r\n\r\n")
        got = connection.recv(4096)
    assert got.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
    assert b"owner" not in got


def test_a_forwarded_address_is_not_believed(way: Doorway) -> None:
    """Or every guess would come from somewhere else."""
    guesser = way.caller("127.0.0.40")
    statuses = [
        guesser.ask("GET", "/api/me", headers={"X-Forwarded-For": f"192.0.2.{n % 250}",
                                               "Forwarded": f"for=192.0.2.{n % 250}"}).status
        for n in range(300)
    ]  # fmt: skip
    assert 429 in statuses
