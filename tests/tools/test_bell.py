"""What rings beside the page: a real broker, a player and a Home Assistant that remember."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from brokers import mosquitto, subscriber
from recorded import recorded
from tooling import SetClock, done, failed, wait_until

from penjing.core.errors import BadInput
from penjing.core.protocols import Tool
from penjing.tools.given import Given
from penjing.tools.registry import addresses, check_section

Make = Callable[..., Tool]


@pytest.fixture(autouse=True)
def awake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is set is noticed at once."""
    monkeypatch.setattr("penjing.tools.schedule._LONGEST_SLEEP", 0.02)


def ring(given: Given, clock: SetClock) -> str:
    name = given.schedule.add("ann", "alarm", "a secret word", clock.now + 60).id
    clock.now += 61
    wait_until(lambda: [one.id for one in given.schedule.sounding] == [name])
    return name


def test_a_topic_is_told_when_it_begins_and_when_it_is_over(
    make: Make, given: Given, clock: SetClock, tmp_path: Path
) -> None:
    with mosquitto(tmp_path) as broker, subscriber(broker.port) as seen:
        mqtt = {"host": "127.0.0.1", "port": broker.port}
        make("bell", mqtt=mqtt, topic="home/bell")
        name = ring(given, clock)
        at = clock.now - 1
        said = {"state": "ringing", "ringing": [{"id": name, "kind": "alarm", "at": at}]}
        seen.saw(f"home/bell {json.dumps(said)}")
        assert given.schedule.stop(name)
        seen.saw('home/bell {"state": "quiet", "ringing": []}')
        assert "secret" not in "".join(seen.lines)


def test_who_was_off_is_told_again(
    make: Make, given: Given, clock: SetClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penjing.tools.bell._AGAIN", 0.1)
    with mosquitto(tmp_path) as gone:
        port = gone.port
    make("bell", mqtt={"host": "127.0.0.1", "port": port, "seconds": 0.5})
    ring(given, clock)
    with mosquitto(tmp_path, port=port), subscriber(port) as seen:
        wait_until(lambda: any('"ringing"' in line for line in seen.lines))


class Player(socketserver.StreamRequestHandler):
    """A music player that plays nothing and remembers what it was told."""

    told: list[str]

    def handle(self) -> None:
        self.wfile.write(b"OK MPD 0.23.5\n")
        while line := self.rfile.readline():
            self.told.append(line.decode().strip())
            if line.strip() in (b"command_list_end", b"status"):
                self.wfile.write(b"OK\n")


@pytest.fixture
def player() -> Iterator[tuple[int, list[str]]]:
    handler = type("One", (Player,), {"told": []})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], handler.told  # type: ignore[attr-defined]
        server.shutdown()


def test_a_player_plays_until_it_is_stopped(
    make: Make, given: Given, clock: SetClock, player: tuple[int, list[str]]
) -> None:
    port, told = player
    make("bell", mpd={"host": "127.0.0.1", "port": port}, play='wake "up"', volume=40)
    name = ring(given, clock)
    wait_until(lambda: 'load "wake \\"up\\""' in told and "play" in told)
    assert {'setvol "40"', 'repeat "1"', "clear"} <= set(told)
    given.schedule.stop(name)
    wait_until(lambda: "stop" in told)


def test_a_home_assistant_notifies_once_and_tells_no_words(
    make: Make, given: Given, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penjing.tools.bell._AGAIN", 0.02)
    (given.folder / "ha.token").write_text("t0ken")
    (given.folder / "ha.token").chmod(0o600)
    with recorded({"POST /api/services/notify/mobile_app_phone": []}) as home:
        place = {"url": home.url, "token_file": "ha.token"}
        words = {"alarm": "闹钟"}
        make("bell", home_assistant=place, notify="mobile_app_phone", words=words)
        name = ring(given, clock)
        wait_until(lambda: len(home.asked) == 1)
        given.schedule.snooze(name, 5)
        clock.now += 301
        wait_until(lambda: len(home.asked) == 2)
        bodies = [one.body for one in home.asked]
        assert all(one["title"] == "闹钟" and one["message"].startswith("闹钟 ") for one in bodies)
        assert "secret" not in json.dumps(bodies)


def test_what_rings_is_stopped_and_snoozed_though_no_bell_is_reached(
    make: Make, given: Given, clock: SetClock, tmp_path: Path
) -> None:
    with mosquitto(tmp_path) as gone:
        port = gone.port
    bell = make("bell", mqtt={"host": "127.0.0.1", "port": port, "seconds": 0.5})
    assert failed(bell.call({"action": "snooze"}, "ben")) == "unknown_name"
    ring(given, clock)
    assert done(bell.call({"action": "snooze", "minutes": 5}, "ben")) == {"snoozed": 1}
    assert not given.schedule.sounding
    clock.now += 301
    wait_until(lambda: len(given.schedule.sounding) == 1, 60)
    assert done(bell.call({"action": "stop"}, "ben")) == {"ringing": False, "stopped": 1}
    assert not given.schedule.sounding


def test_it_can_be_tried(make: Make, player: tuple[int, list[str]]) -> None:
    port, told = player
    bell = make("bell", mpd={"host": "127.0.0.1", "port": port}, play="wake")
    assert done(bell.call({"action": "start"}, "ann")) == {"ringing": True}
    assert done(bell.call({"action": "stop"}, "ann")) == {"ringing": False}
    assert [one for one in told if one in ("play", "stop")] == ["play", "stop"]
    nobody = make("bell", mpd={"host": "127.0.0.1", "port": 9, "seconds": 0.5}, play="wake")
    assert failed(nobody.call({"action": "start"}, "ann")) == "unreachable"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "needs mqtt, mpd or home_assistant"),
        ({"mpd": {}}, "needs 'play'"),
        ({"mpd": {}, "play": "x", "volume": 101}, "between 0 and 100"),
        ({"mqtt": {"host": "127.0.0.1"}, "topic": "a/#"}, "is not a topic"),
        (
            {"home_assistant": {"url": "http://h", "token_file": "t"}, "notify": "../../x"},
            "is no service",
        ),
    ],
)
def test_a_bell_that_cannot_be_is_refused(
    settings: dict[str, Any], says: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=says):
        check_section({"bell": settings}, tmp_path)


def test_it_reaches_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    section = {"bell": {"mqtt": {"host": "a"}, "mpd": {"host": "b"}, "play": "x"}}
    assert addresses(section, tmp_path) == [("a", 1883), ("b", 6600)]
