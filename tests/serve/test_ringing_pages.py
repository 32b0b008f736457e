"""It rings with nobody logged in: a real server, door and vault; the clock is set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from belfry import Belfry, belfry
from doorway import Caller
from household import WORDS, login
from tooling import MONDAY_NOON, SetClock, wait_until

DAY = 86_400.0


@pytest.fixture(autouse=True)
def awake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is set is noticed at once."""
    monkeypatch.setattr("penjing.tools.schedule._LONGEST_SLEEP", 0.02)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Belfry]:
    with belfry(tmp_path) as one:
        yield one


def enter(place: Belfry, name: str = "Anna") -> Caller:
    caller = place.way.caller()
    assert caller.enter("/api/login", login(name)).status == 200
    assert caller.ask("GET", "/api/news").status == 200  # as every open page asks
    return caller


def say(caller: Caller, text: str) -> str:
    session = caller.ask("POST", "/api/sessions", {}).json["id"]
    reply = caller.ask("POST", f"/api/sessions/{session}/turns", {"text": text})
    assert reply.status == 200
    return reply.body.decode()


def rings(caller: Caller) -> list[dict[str, Any]]:
    reply = caller.ask("GET", "/api/ringing")
    assert reply.status == 200
    return list(reply.json["ringing"])


def news(caller: Caller) -> list[dict[str, Any]]:
    return rings(caller)


def told(caller: Caller) -> list[str]:
    every = caller.ask("GET", "/api/sessions").json
    turns = [caller.ask("GET", f"/api/sessions/{one['id']}/turns").json for one in every]
    return [turn["text"] for each in turns for turn in each if turn["role"] == "assistant"]


def test_it_rings_at_seven_with_nobody_logged_in(place: Belfry) -> None:
    anna, stranger = enter(place), place.way.caller()
    assert "I will" in say(anna, "wake me at 7 am")
    assert anna.ask("POST", "/api/logout", {}).status == 204
    place.clock.now += 18 * 3600
    assert rings(stranger) == []
    place.clock.now += 3601
    wait_until(lambda: len(rings(stranger)) == 1)
    (ring,) = rings(stranger)
    assert (ring["kind"], ring["at"], ring["words"], ring["missed"]) == (
        "alarm", MONDAY_NOON + 19 * 3600, "", False,
    )  # fmt: skip
    assert rings(anna) == [ring]  # her browser shows the login form
    for act, body in (("stop", None), ("snooze", {})):
        refused = stranger.ask("POST", f"/api/ringing/{ring['id']}/{act}", body)
        assert refused.status == 401
    assert anna.ask("POST", f"/api/ringing/{ring['id']}/stop").status == 204
    assert rings(stranger) == []
    assert anna.ask("POST", f"/api/ringing/{ring['id']}/stop").status == 404
    place.clock.now += 600
    back = enter(place)
    wait_until(lambda: any("and was stopped" in one for one in told(back)))
    assert [one for one in told(back) if "dentist" in one] == [
        "It is 07:00: your alarm: dentist. It rang on 2026-11-24 at 07:00 and was stopped."
    ]
    assert news(back) == []


def test_what_was_missed_is_told_on_return_once(place: Belfry) -> None:
    anna = enter(place)
    say(anna, "wake me at 7 am")
    anna.ask("POST", "/api/logout", {})
    place.clock.now += 2 * DAY
    back = enter(place)
    wait_until(lambda: len(news(back)) == 1)
    (ring,) = news(back)
    assert (ring["words"], ring["missed"]) == ("dentist", True)
    assert news(enter(place, "Ben")) == []
    assert [one for one in told(back) if "when you were not here" in one] != []
    assert back.ask("POST", f"/api/ringing/{ring['id']}/stop").status == 204
    assert news(back) == []
    back.ask("POST", "/api/logout", {})
    again = enter(place)
    assert news(again) == []
    assert len([one for one in told(again) if "dentist" in one]) == 1


def test_two_devices_and_somebody_else(place: Belfry) -> None:
    phone, tablet, ben = enter(place), enter(place), enter(place, "Ben")
    say(phone, "wake me at 1 pm")
    place.clock.now += 3601
    for one in (phone, tablet):
        wait_until(lambda one=one: [ring["words"] for ring in news(one)] == ["dentist"])  # type: ignore[misc]
    assert [ring["words"] for ring in news(ben)] == [""]
    (ring,) = news(tablet)
    assert ben.ask("POST", f"/api/ringing/{ring['id']}/snooze", {"minutes": 5}).status == 204
    assert news(phone) == news(tablet) == []
    place.clock.now += 301
    wait_until(lambda: [ring["words"] for ring in news(phone)] == ["dentist"])
    assert "Quiet" in say(tablet, "stop ringing")
    wait_until(lambda: news(phone) == [])
    assert len([one for one in told(phone) if "your alarm" in one]) == 2


def test_a_restart_loses_nothing_and_who_was_let_in_may_stop_it_then(tmp_path: Path) -> None:
    clock = SetClock()
    with belfry(tmp_path, clock) as place:
        anna = enter(place)
        say(anna, "wake me at 7 am")
    clock.now += 19 * 3600 + 600  # it was off at seven
    with belfry(tmp_path, clock) as place:
        anna.port = place.way.port
        wait_until(lambda: len(rings(anna)) == 1)
        (ring,) = rings(anna)
    with belfry(tmp_path, clock) as place:
        anna.port = place.way.port
        assert rings(anna) == [ring]
        anna.csrf = None  # a page that shows the login form
        assert anna.ask("GET", "/api/me").status == 401
        assert anna.ask("POST", f"/api/ringing/{ring['id']}/stop").status == 204


def test_the_bell_cookie_opens_nothing_else_and_ends_with_the_passphrase(place: Belfry) -> None:
    anna = enter(place)
    assert {"penjing-bell", "penjing"} <= anna.cookies.keys()
    bell = Caller(anna.port, {"penjing-bell": anna.cookies["penjing-bell"]})
    for method, path in (
        ("GET", "/api/me"), ("GET", "/api/news"), ("GET", "/api/sessions"),
        ("POST", "/api/ringing/1/other"), ("POST", "/api/sessions"),
        ("DELETE", "/api/ringing/1/stop"),
    ):  # fmt: skip
        assert bell.ask(method, path, {} if method == "POST" else None).status == 401, path
    assert bell.ask("POST", "/api/ringing/abc/stop").status == 404  # let in: nothing rings
    elsewhere = {"Origin": "https://evil.example"}
    assert bell.ask("POST", "/api/ringing/abc/stop", headers=elsewhere).status == 403
    forged = {"penjing-bell": anna.cookies["penjing-bell"][:-1] + "0"}
    person = anna.ask("GET", "/api/me").json["person"]
    for cookie in (forged, {"penjing-bell": f"{person}."}, {"penjing-bell": "0" * 32 + ".x"}):
        assert Caller(anna.port, cookie).ask("POST", "/api/ringing/abc/stop").status == 401
    change = {"old": WORDS["Anna"], "new": "other words of anna"}
    assert anna.ask("POST", "/api/me/passphrase", change).status == 204
    assert bell.ask("POST", "/api/ringing/abc/stop").status == 401


def test_a_session_needs_its_csrf_token_all_the_same(place: Belfry) -> None:
    anna = enter(place)
    anna.csrf = None
    assert anna.ask("POST", "/api/ringing/abc/stop").status == 403
