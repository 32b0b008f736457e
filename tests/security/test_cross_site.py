"""Cross-site requests and DNS rebinding: the browser of a person, on a hostile page."""

from __future__ import annotations

from contextlib import suppress

import pytest
from premises import Premises, spoken

HOSTILE = "https://evil.example"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": HOSTILE},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://127.0.0.1:{port}.evil.example"},
        {"Origin": "http://evil.example@127.0.0.1:{port}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:9999"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_request_of_another_site_is_refused_even_with_cookie_and_token(
    server: Premises, headers: dict[str, str], method: str
) -> None:
    ben = server.caller("Ben")
    sent = {name: value.format(port=server.port) for name, value in headers.items()}
    body = None if method == "GET" else {}
    reply = ben.ask(method, "/api/sessions", body, sent)
    assert reply.status == 403
    assert not [name for name in reply.headers if name.startswith("access-control")]
    assert ben.ask("GET", "/api/sessions").json == []


def test_a_request_of_our_own_page_passes(server: Premises) -> None:
    ben = server.caller("Ben")
    ours = {"Origin": f"http://127.0.0.1:{server.port}", "Sec-Fetch-Site": "same-origin"}
    made = ben.ask("POST", "/api/sessions", {}, ours)
    assert made.status == 200
    assert ben.ask("DELETE", f"/api/sessions/{made.json['id']}", headers=ours).status == 204


def test_a_form_of_another_site_cannot_log_anybody_in(server: Premises) -> None:
    """Login CSRF: the victim would speak in the attacker's account."""
    body = b"name=Ben&passphrase=ben+knows+other+words"
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
        reply = server.caller().ask("POST", "/api/login", body, {"Content-Type": kind})
        assert reply.status == 415
    sent = {"Content-Type": "application/json", "Origin": HOSTILE}
    assert server.caller().ask("POST", "/api/login", b"{}", sent).status == 403


def test_a_cookie_alone_does_nothing(server: Premises) -> None:
    """The cookie is SameSite=Strict; this is the browser that does not know what that means."""
    ben = server.caller("Ben")
    ben.csrf = None
    session = "0" * 32
    for method, path in (
        ("POST", "/api/sessions"),
        ("POST", f"/api/sessions/{session}/turns"),
        ("PUT", "/api/settings"),
        ("POST", "/api/me/export"),
        ("POST", "/api/me/wipe"),
        ("POST", "/api/me/tokens"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/api/logout"),
    ):
        assert ben.ask(method, path, {}).status == 403
    assert ben.ask("GET", "/api/me").status == 200


def test_preflights_are_not_answered(server: Premises) -> None:
    sent = {
        "Origin": HOSTILE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-csrf-token, authorization",
        "Access-Control-Request-Private-Network": "true",
    }
    for path in ("/", "/api/me", "/v1/chat/completions"):
        reply = server.caller("Ben").ask("OPTIONS", path, headers=sent)
        assert reply.status == 405
        assert not [name for name in reply.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1.evil.example:{port}",
        "localhost.evil.example:{port}",
        "127.0.0.1:1",
        "127.0.0.1",
        "localhost.:{port}",
        "127.0.0.2:{port}",
        "0.0.0.0:{port}",
        "2130706433:{port}",
        "0x7f.1:{port}",
        "[::2]:{port}",
        "127.0.0.1:{port}@evil.example",
        "127.0.0.1:{port}, evil.example",
        "",
        None,
    ],
)
def test_dns_rebinding_a_name_that_is_not_ours_is_not_answered(
    server: Premises, host: str | None
) -> None:
    ben = server.caller("Ben")
    sent = {"Host": host and host.format(port=server.port)}
    for path in ("/", "/api/sessions", "/health"):
        reply = ben.ask("GET", path, headers=sent)
        assert reply.status in (400, 421)
        assert b"session" not in reply.body
    with suppress(ConnectionResetError):  # refused before the body came
        assert ben.ask("POST", "/api/sessions", {}, sent).status in (400, 421)
    assert ben.ask("GET", "/api/sessions").json == []


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}"])
def test_our_own_names_are_answered(server: Premises, host: str) -> None:
    sent = {"Host": host.format(port=server.port)}
    assert server.caller().ask("GET", "/health", headers=sent).status == 200


def test_a_link_to_the_page_may_be_followed_and_nothing_else(server: Premises) -> None:
    sent = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    ben = server.caller("Ben")
    assert ben.ask("GET", "/", headers=sent).status != 403
    assert ben.ask("GET", "/api/sessions", headers=sent).status == 403
    framed = {**sent, "Sec-Fetch-Dest": "iframe"}
    assert ben.ask("GET", "/", headers=framed).status == 403


def test_what_was_said_cannot_be_embedded_by_another_site(server: Premises) -> None:
    ben = server.caller("Ben")
    session = spoken(ben, "a secret")
    reply = ben.ask("GET", f"/api/sessions/{session}/turns")
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"
    assert reply.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
    script = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "no-cors",
        "Sec-Fetch-Dest": "script",
    }
    assert ben.ask("GET", f"/api/sessions/{session}/turns", headers=script).status == 403
    ben.ask("DELETE", f"/api/sessions/{session}")
