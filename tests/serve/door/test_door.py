"""The door on a real server: who gets in, how long they stay, and what is said to the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from doorway import TOKEN, Caller, Doorway, doorway

from penjing.serve.door.door import NEWS
from penjing.serve.door.settings import DoorSettings


@pytest.fixture(scope="module")
def way() -> Iterator[Doorway]:
    with doorway() as running:
        yield running


@pytest.fixture
def owner(way: Doorway) -> Caller:
    caller = way.caller()
    assert caller.enter("/api/login/once", {"code": way.code()}).status == 200
    return caller


def test_a_stranger_sees_the_page_and_the_health_and_nothing_else(way: Doorway) -> None:
    caller = way.caller()
    for path in ("/", "/health", "/assets/index-1234.js"):
        assert caller.ask("GET", path).status == 200
        assert caller.ask("GET", path).json["who"] is None
    for path in ("/api/me", "/v1/models", "/metrics", "/openapi.json", "/docs", "/anything"):
        assert caller.ask("GET", path).status == 401
    for path in ("/", "/assets/x", "/health", "/api/logout", "/v1/chat/completions"):
        assert caller.ask("POST", path, {}).status == 401


def test_the_token_lets_its_owner_in(way: Doorway) -> None:
    reply = way.caller().ask("GET", "/v1/models", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (reply.status, reply.json["who"]) == (200, "owner")
    posted = way.caller().ask("POST", "/v1/completions", {}, {"Authorization": f"Bearer {TOKEN}"})
    assert posted.status == 200  # no CSRF token: no browser sends that header by itself


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer ", "Basic x", f"Bearer {TOKEN}x", TOKEN])
def test_anything_else_as_a_token_does_not(way: Doorway, owner: Caller, shown: str) -> None:
    """Nor is a wrong token overlooked because a right cookie came along."""
    assert owner.ask("GET", "/api/me", headers={"Authorization": shown}).status == 401


def test_errors_have_the_shape_of_their_api(way: Doorway) -> None:
    plain, openai = way.caller().ask("GET", "/api/me"), way.caller().ask("GET", "/v1/models")
    assert isinstance(plain.json["error"], str)
    assert openai.json["error"].keys() == {"message", "type", "param", "code"}
    assert openai.json["error"]["type"] == "authentication_error"


def test_a_code_logs_in_once(way: Doorway) -> None:
    code, first, second = way.code(), way.caller(), way.caller()
    assert first.enter("/api/login/once", {"code": code}).json["person"] == "owner"
    assert first.ask("GET", "/api/me").json["who"] == "owner"
    assert second.enter("/api/login/once", {"code": code}).status == 401
    assert second.ask("GET", "/api/me").status == 401


def test_the_cookie_cannot_be_read_or_sent_from_elsewhere(way: Doorway) -> None:
    reply = way.caller().ask("POST", "/api/login/once", {"code": way.code()})
    parts = {part.strip() for part in reply.headers["set-cookie"].split(";")}
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= parts
    assert not any(part.startswith("Domain") for part in parts)


def test_what_acts_needs_the_sessions_own_csrf_token(way: Doorway, owner: Caller) -> None:
    other = way.caller()
    other.enter("/api/login/once", {"code": way.code()})
    assert owner.ask("POST", "/api/sessions", {}).status == 200
    for wrong in (None, "", "x", other.csrf):
        assert owner.ask("POST", "/api/sessions", {}, {"X-CSRF-Token": wrong}).status == 403


def test_logging_out_ends_it_for_whoever_kept_the_cookie(way: Doorway, owner: Caller) -> None:
    kept = dict(owner.cookies)
    assert owner.ask("POST", "/api/logout").status == 204
    assert owner.cookies == {}
    thief = way.caller()
    thief.cookies = kept
    assert thief.ask("GET", "/api/me").status == 401


def test_a_get_does_not_log_out(owner: Caller) -> None:
    assert owner.ask("GET", "/api/logout").status == 200
    assert owner.ask("GET", "/api/me").status == 200


def test_every_reply_has_our_headers_and_none_of_cors(way: Doorway, owner: Caller) -> None:
    replies = [
        owner.ask("GET", "/"),
        owner.ask("GET", "/api/me"),
        owner.ask("POST", "/api/x", {}, {"X-CSRF-Token": None}),
        way.caller().ask("GET", "/api/me"),
        way.caller().ask("GET", "/api/me", headers={"Host": "elsewhere.example"}),
        way.caller().ask("OPTIONS", "/api/me", headers={"Origin": "https://elsewhere.example"}),
    ]
    for reply in replies:
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert "unsafe" not in reply.headers["content-security-policy"]
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"
        assert reply.headers["cache-control"] == "no-store"
        assert "server" not in reply.headers
        assert not [name for name in reply.headers if name.startswith("access-control")]
    assert "immutable" in way.caller().ask("GET", "/assets/a-1.js").headers["cache-control"]


def test_an_idle_session_ends_and_one_at_work_does_not() -> None:
    with doorway(settings=DoorSettings(idle=1.5)) as way:
        caller = way.caller()
        caller.enter("/api/login/once", {"code": way.code()})
        assert caller.ask("GET", "/stream?2.2").status == 200  # longer than idle, and still there
        assert caller.ask("GET", "/api/me").status == 200
        time.sleep(2.0)
        assert caller.ask("GET", "/api/me").status == 401


def test_a_page_that_lies_open_keeps_nobody_logged_in() -> None:
    with doorway(settings=DoorSettings(idle=1.0)) as way:
        caller = way.caller()
        caller.enter("/api/login/once", {"code": way.code()})
        began = time.monotonic()
        while (status := caller.ask("GET", NEWS).status) == 200:
            assert time.monotonic() - began < 5
            time.sleep(0.1)
        assert status == 401
        assert time.monotonic() - began > 0.9


def test_a_session_ends_however_busy_it_is() -> None:
    with doorway(settings=DoorSettings(life=0.7)) as way:
        caller = way.caller()
        caller.enter("/api/login/once", {"code": way.code()})
        until = time.monotonic() + 5
        while (status := caller.ask("GET", "/api/me").status) == 200:
            assert time.monotonic() < until
        assert status == 401


def test_a_code_is_for_minutes() -> None:
    now = [1000.0]
    with doorway(clock=lambda: now[0]) as way:
        code = way.code()
        now[0] += 601
        assert way.caller().enter("/api/login/once", {"code": code}).status == 401


def test_only_so_many_sessions_of_a_person(way: Doorway) -> None:
    with doorway(settings=DoorSettings(sessions=2)) as few:
        callers = [few.caller() for _ in range(3)]
        for caller in callers:
            caller.enter("/api/login/once", {"code": few.code()})
            time.sleep(0.01)
        assert [caller.ask("GET", "/api/me").status for caller in callers] == [401, 200, 200]


def test_many_at_once_do_not_disturb_each_other(owner: Caller) -> None:
    statuses: list[int] = []

    def ask() -> None:
        caller = Caller(owner.port, dict(owner.cookies), owner.csrf)
        statuses.extend(caller.ask("POST", "/api/x", {"n": n}).status for n in range(10))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 80
