"""HTTP to one server and nowhere else: odd addresses, redirects, rebinding, floods, drips, TLS."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import recorded

from penjing.core.errors import BadInput
from penjing.tools.failed import ToolError
from penjing.tools.web import Limits, Web, addresses_of, parse_origin


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("http://127.0.0.1:8123", "127.0.0.1", 8123, ""),
        ("https://api.open-meteo.com/", "api.open-meteo.com", 443, ""),
        ("http://Home.Local/base/", "home.local", 80, "/base"),
        ("http://[::1]:80/x", "::1", 80, "/x"),
        ("http://[0:0::1]", "::1", 80, ""),
    ],
)
def test_plain_addresses(url: str, host: str, port: int, path: str) -> None:
    origin = parse_origin(url)
    assert (origin.host, origin.port, origin.path) == (host, port, path)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host", "file:///etc/passwd", "//host", "host", "http://", "http:///path",
        "http://user@host", "http://good.example@evil.example", "http://user:pass@host",
        "http://good.example\\@evil.example", "http://host\\path", "http://ho st",
        "http://host:0", "http://host:65536", "http://host:", "http://host:8x",
        "http://2130706433", "http://0x7f000001", "http://127.1", "http://0177.0.0.1",
        "http://0", "http://1.2.3.4.5", "http://evil.0x7f",
        "http://[fe80::1%25eth0]", "http://[fe80::1%eth0]", "http://[::1", "http://::1",
        "http://-host", "http://host-", "http://a..b", "http://.", "http://%6c%6f",
        "http://ⓛocalhost", "http://host/?q=1", "http://host/#f", "http://host/../x",
        "http://host\r\nX: y", "http://host/a b", "javascript:alert(1)", "http://" + "a" * 300,
    ],
)  # fmt: skip
def test_odd_addresses_are_refused(url: str) -> None:
    with pytest.raises(BadInput):
        parse_origin(url)


@given(
    st.text("htp:/@.\\[]%#?0123456789abcx-_ 。：", max_size=40).map("http://".__add__)
    | st.from_regex(r"https?://[a-z0-9.@:%\[\]\\/?#-]{1,30}", fullmatch=True)
)
def test_what_is_accepted_another_parser_reads_the_same(url: str) -> None:
    try:
        origin = parse_origin(url)
    except BadInput:
        return
    other = urlsplit(url)
    assert other.username is None
    assert ipaddress_or_name(other.hostname or "") == origin.host
    assert (other.port or {"http": 80, "https": 443}[other.scheme]) == origin.port
    assert parse_origin(str(origin)) == origin


def ipaddress_or_name(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.rstrip(".")


def resolver(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Let the system's resolver say these, one after another; the names it was asked for."""
    asked: list[str] = []
    waiting = list(answers)

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        number = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(
    "number",
    ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "::1", "fe80::1%2", "0.0.0.0",
     "::ffff:127.0.0.1", "::ffff:10.1.1.1", "100.64.0.1", "224.0.0.1", "fd00::1"],
)  # fmt: skip
def test_a_public_name_does_not_lead_inside(monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    resolver(monkeypatch, number)
    with pytest.raises(ToolError, match="leads into the local network") as error:
        addresses_of("api.example.com", 80, 1)
    assert error.value.reason == "refused"


@pytest.mark.parametrize("host", ["localhost", "homeassistant", "ha.local", "box.lan", "127.0.0.1"])
def test_a_local_name_may(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    resolver(monkeypatch, "127.0.0.1")
    assert addresses_of(host, 80, 1) == ["127.0.0.1"]


def test_the_checked_address_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that answers differently the second time is asked once a connection."""
    asked = resolver(monkeypatch, "93.184.215.14", "127.0.0.1")
    called: list[Any] = []

    def create_connection(address: Any, timeout: float) -> socket.socket:
        called.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", create_connection)
    with pytest.raises(ToolError, match="cannot be reached"):
        Web("http://api.example.com").get("/")
    assert called == [("93.184.215.14", 80)]
    assert asked == ["api.example.com"]


@pytest.mark.alone
def test_the_resolver_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(5) and [])
    started = time.monotonic()
    with pytest.raises(ToolError) as error:
        Web("http://slow.example", limits=Limits(seconds=0.2)).get("/")
    release.set()
    assert error.value.reason == "timeout"
    assert time.monotonic() - started < 2


def test_a_document_comes_and_the_environment_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with recorded({"GET /base/灯": {"on": True}, "POST /base/x": {}}) as server:
        server.answers["GET /base/%E7%81%AF"] = {"on": True}
        site = Web(server.url + "/base", headers={"Authorization": "Bearer t"})
        assert site.get("/灯", q="客厅 & 1") == {"on": True}
        assert site.post("/x", {"名": 1}) == {}
    assert server.asked[0].query == {"q": "客厅 & 1"}
    assert server.asked[0].headers["Authorization"] == "Bearer t"
    assert server.asked[1].body == {"名": 1}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((401, {}, b""), "refused"),
        ((404, {}, b"x"), "refused"),
        ((429, {}, b""), "refused"),
        ((500, {}, b""), "wrong_answer"),
        ((200, {}, b"not json"), "wrong_answer"),
        ((200, {}, b"NaN"), "wrong_answer"),
        ((200, {}, b"\xff\xfe"), "wrong_answer"),
        ((200, {}, b"[" * 5000), "wrong_answer"),
        ((200, {}, b'{"a":' * 100 + b"1" + b"}" * 100), "wrong_answer"),
        ((200, {"Content-Encoding": "gzip"}, b"x"), "wrong_answer"),
        ((200, {"Content-Length": "1000"}, b"{}"), "wrong_answer"),
        ((200, {}, b" " * 3_000_000), "wrong_answer"),
        ((302, {"Location": "http://127.0.0.2/"}, b""), "refused"),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), "refused"),
        ((302, {"Location": "//evil.example/x"}, b""), "refused"),
        ((302, {"Location": "https://127.0.0.1/"}, b""), "refused"),
        ((302, {"Location": "file:///etc/passwd"}, b""), "refused"),
        ((302, {"Location": "http://127.0.0.1\\@evil.example/"}, b""), "refused"),
        ((302, {"Location": "/again"}, b""), "wrong_answer"),
    ],
)
def test_wrong_answers_are_failures(answer: Any, reason: str) -> None:
    with recorded({"GET /again": answer}) as server, pytest.raises(ToolError) as error:
        Web(server.url, limits=Limits(seconds=2)).get("/again")
    assert error.value.reason == reason
    assert str(error.value).isprintable()


def test_a_redirect_on_the_same_origin_is_followed_but_a_post_is_not() -> None:
    moved = (307, {"Location": "new?b=2"}, b"")
    with recorded({"GET /old": moved, "POST /old": moved, "GET /new": 5}) as server:
        assert Web(server.url).get("/old") == 5
        assert server.asked[-1].query == {"b": "2"}
        with pytest.raises(ToolError, match="elsewhere"):
            Web(server.url).post("/old", {})
        assert [asked.path for asked in server.asked] == ["/old", "/new", "/old"]


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ToolError, match="is it on") as error:
        Web(f"http://127.0.0.1:{port}").get("/")
    assert error.value.reason == "unreachable"


@contextmanager
def raw_server(speak: Callable[[socket.socket], None]) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            try:
                peer, _ = listening.accept()
                with peer:
                    speak(peer)
            except OSError:
                pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def drip(peer: socket.socket, first: bytes) -> None:
    peer.sendall(first)
    for _ in range(100):
        peer.sendall(b"x")
        time.sleep(0.05)


@pytest.mark.alone
@pytest.mark.parametrize(
    "first", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"]
)
def test_a_byte_now_and_then_does_not_hold_us(first: bytes) -> None:
    started = time.monotonic()
    with (
        raw_server(lambda peer: drip(peer, first)) as url,
        pytest.raises(ToolError) as error,
    ):
        Web(url, limits=Limits(seconds=0.4)).get("/")
    assert error.value.reason == "timeout"
    assert time.monotonic() - started < 4


def test_what_is_not_http_is_a_failure() -> None:
    with raw_server(lambda peer: peer.sendall(b"SSH-2.0-x\r\n")) as url, pytest.raises(ToolError):
        Web(url, limits=Limits(seconds=2)).get("/")


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))]), False
        )
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    plain = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return pem, secret


@pytest.mark.parametrize("name", ["127.0.0.1", "10.9.9.9"])
def test_tls_is_trusted_for_its_own_name_alone(tmp_path: Path, name: str) -> None:
    pem, key = certificate(tmp_path, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

    def speak(peer: socket.socket) -> None:
        try:
            with context.wrap_socket(peer, server_side=True) as secure:
                secure.recv(1000)
                secure.sendall(answer)
        except ssl.SSLError:
            pass

    with raw_server(speak) as url:
        site = Web(url.replace("http:", "https:"), ca=pem)
        if name == "127.0.0.1":
            assert site.get("/") == {}
        else:
            with pytest.raises(ToolError, match="mismatch") as error:
                site.get("/")
            assert error.value.reason == "refused"
    with raw_server(speak) as url, pytest.raises(ToolError):
        Web(url.replace("http:", "https:")).get("/")  # the system does not trust it


def test_certificates_to_trust_must_be_some(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("nothing")
    with pytest.raises(BadInput, match="PEM"):
        Web("https://example.com", ca=tmp_path / "no.pem")
