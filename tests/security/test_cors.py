"""CORS: an origin that the owner named may ask what programs ask, with a token."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from doorway import TOKEN, Caller, Doorway, doorway

from penjing.app.serving.settings import ServeSettings
from penjing.core.errors import UsageError
from penjing.serve.door.settings import DoorSettings

NOTES, ELSEWHERE = "app://obsidian.md", "https://evil.example"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ASKS = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type, x-stainless-lang",
}


@pytest.fixture(scope="module")
def way() -> Iterator[Doorway]:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    settings = DoorSettings(port=port, origins=(NOTES, "http://localhost:3000"))
    with doorway(settings=settings, listening=listening) as way:
        yield way


@pytest.fixture
def caller(way: Doorway) -> Caller:
    return way.caller()


def of_cors(reply) -> dict[str, str]:
    return {k: v for k, v in reply.headers.items() if k.startswith("access-control")}


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions"])
def test_a_named_origin_asks_beforehand_and_then_with_its_token(caller, path) -> None:
    asked = caller.ask("OPTIONS", path, headers={"Origin": NOTES, **ASKS})
    assert asked.status == 204
    assert of_cors(asked) == {
        "access-control-allow-origin": NOTES,
        "access-control-allow-methods": "GET, HEAD, POST",
        "access-control-allow-headers": "authorization, content-type, x-stainless-lang",
        "access-control-expose-headers": "retry-after, x-penjing-ignored",
        "access-control-max-age": "600",
    }
    assert asked.headers["vary"] == "Origin"
    sent = {"Origin": NOTES, "Sec-Fetch-Site": "cross-site", **BEARER}
    reply = caller.ask("POST", path, {}, sent)
    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == NOTES
    assert "access-control-allow-credentials" not in reply.headers


def test_without_a_token_it_is_nobody_even_with_a_cookie(way: Doorway) -> None:
    person = way.caller()
    person.enter("/api/login/once", {"code": way.code()})
    assert person.ask("GET", "/v1/models").status == 200
    reply = person.ask("GET", "/v1/models", headers={"Origin": NOTES})
    assert reply.status == 401
    assert "token" in reply.json["error"]["message"]
    assert person.ask("GET", "/", headers={"Origin": NOTES}).status == 403
    wrong = person.ask("GET", "/v1/models", headers={"Origin": NOTES, "Authorization": "Bearer x"})
    assert wrong.status == 401
    assert wrong.headers["access-control-allow-origin"] == NOTES  # so that its page reads why


@pytest.mark.parametrize(
    "path", ["/api/me", "/api/sessions", "/api/login", "/api/me/tokens", "/v1", "/api/tags/x"]
)
def test_what_the_page_does_is_not_for_others(caller: Caller, path: str) -> None:
    asked = caller.ask("OPTIONS", path, headers={"Origin": NOTES, **ASKS})
    assert asked.status == 405
    reply = caller.ask("GET", path, headers={"Origin": NOTES, **BEARER})
    assert reply.status == 403
    assert not of_cors(asked)
    assert not of_cors(reply)


@pytest.mark.parametrize(
    "origin",
    [
        ELSEWHERE, "null", "*", "app://obsidian.md.evil.example", "APP://obsidian.md",
        "app://obsidian.md/", "http://localhost:30000", "https://localhost:3000", "",
    ],
)  # fmt: skip
def test_an_origin_is_named_whole(caller: Caller, origin: str) -> None:
    asked = caller.ask("OPTIONS", "/v1/models", headers={"Origin": origin, **ASKS})
    assert asked.status == 405
    reply = caller.ask("GET", "/v1/models", headers={"Origin": origin, **BEARER})
    assert reply.status == 403
    assert not of_cors(asked)
    assert not of_cors(reply)


def test_who_is_not_named_is_told_how(caller: Caller) -> None:
    reply = caller.ask("GET", "/v1/models", headers={"Origin": ELSEWHERE, **BEARER})
    assert f"--origin {ELSEWHERE}" in reply.json["error"]["message"]


def test_a_private_network_is_permitted_when_asked_and_odd_names_are_not(caller: Caller) -> None:
    odd = {**ASKS, "Access-Control-Request-Headers": "authorization, x\tb, <y>, " + "z" * 65}
    asked = caller.ask(
        "OPTIONS", "/v1/models",
        headers={"Origin": NOTES, **odd, "Access-Control-Request-Private-Network": "true"},
    )  # fmt: skip
    assert asked.headers["access-control-allow-private-network"] == "true"
    assert asked.headers["access-control-allow-headers"] == "authorization"


def test_the_wrong_name_of_the_server_is_refused_first(caller: Caller) -> None:
    sent = {"Origin": NOTES, "Host": "elsewhere.example", **BEARER}
    assert caller.ask("GET", "/v1/models", headers=sent).status == 421


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "localhost", "http://", "http://a/b", "http://*.a", "HTTP://A", "http://a b"],
)
def test_what_is_no_origin_is_refused_at_the_start(origin: str) -> None:
    with pytest.raises(UsageError, match="is no origin"):
        ServeSettings(origins=(origin,))
    ServeSettings(origins=(NOTES, "chrome-extension://abcdefghijklmnop", "http://[::1]:3000"))
