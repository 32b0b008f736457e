"""Weather, navigation, translation, tickets, handover and notes, on recorded servers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from recorded import Recorded, recorded, recording
from tooling import SetClock, done, failed

from penjing.core.errors import BadInput
from penjing.core.messages import Chunk
from penjing.core.protocols import Tool
from penjing.core.serving import Request
from penjing.tools.given import Given
from penjing.tools.registry import addresses, check_section, make_tools

Make = Callable[..., Tool]
BERLIN = {"name": "Berlin", "also": ["柏林"], "latitude": 52.52, "longitude": 13.405}
OFFICE = {"name": "the office", "also": ["公司"], "latitude": 52.529407, "longitude": 13.397634}


@pytest.fixture
def meteo() -> Iterator[Recorded]:
    with recorded({"GET /v1/forecast": recording("open_meteo")}) as server:
        yield server


def test_the_weather_now_and_on_a_day(make: Make, meteo: Recorded) -> None:
    weather = make("weather", places=[BERLIN], url=meteo.url)
    assert weather.entities("place") == ("Berlin", "柏林")
    assert weather.entities("date") == ()
    now = done(weather.call({}, "ann"))
    assert (now["place"], now["date"], now["today"]) == ("Berlin", "2026-11-23", True)
    assert (now["temperature"], now["low"], now["high"]) == (4.6, 1.3, 6.1)
    assert now["condition"] == {"en": "overcast", "zh": "阴"}
    assert (now["stale"], now["age_seconds"]) == (False, 0)
    snow = done(weather.call({"place": "柏林", "date": "2026-11-25"}, "ann"))
    assert (snow["condition"]["zh"], snow["low"], snow["rain_chance"]) == ("雪", -2.8, 70)
    assert "temperature" not in snow
    (asked,) = meteo.asked  # the second came from what was kept
    assert asked.query["latitude"] == "52.52"
    assert "ann" not in json.dumps(asked.__dict__)


def test_offline_it_says_how_old_it_is(
    make: Make, meteo: Recorded, clock: SetClock, tmp_path: Path
) -> None:
    settings = {"places": [BERLIN], "url": meteo.url, "cache": "weather.json"}
    done(make("weather", **settings).call({}, "ann"))
    meteo.answers.clear()
    clock.now += 7200
    again = make("weather", **settings)  # after a restart
    old = done(again.call({}, "ann"))
    assert (old["stale"], old["age_seconds"]) == (True, 7200)
    assert (tmp_path / "weather.json").stat().st_mode & 0o077 == 0
    clock.now += 16 * 86_400
    assert failed(again.call({}, "ann")) == "not_supported"  # no day of it is left
    (tmp_path / "weather.json").write_text('{"x": {"at": "no"}}')
    assert failed(make("weather", **settings).call({}, "ann")) == "refused"


def test_what_is_no_forecast_is_not_told(make: Make, meteo: Recorded) -> None:
    weather = make("weather", places=[BERLIN], url=meteo.url)
    wrong: Any
    for wrong in ([], {}, {"current": {"temperature_2m": "warm"}, "daily": {}}, None):
        meteo.answers["GET /v1/forecast"] = wrong
        assert failed(weather.call({}, "ann")) == "wrong_answer"
    odd = recording("open_meteo")
    odd["daily"]["temperature_2m_max"] = []
    odd["daily"]["weather_code"][0] = 1234
    meteo.answers["GET /v1/forecast"] = odd
    told = done(weather.call({}, "ann"))
    assert (told["high"], told["condition"]["en"]) == (None, "unknown")


def test_a_place_nobody_named_is_a_near_one(make: Make, meteo: Recorded) -> None:
    weather = make("weather", places=[BERLIN], url=meteo.url)
    outcome = weather.call({"place": "Berlni"}, "ann")
    assert failed(outcome) == "unknown_name"
    assert outcome.data["near"] == ["berlin"]
    assert meteo.asked == []


@pytest.mark.parametrize(
    "settings",
    [
        {"places": []},
        {"places": [{**BERLIN, "latitude": 91}]},
        {"places": [BERLIN], "url": "http://a@b"},
        {"places": [BERLIN], "uri": "http://a"},
        {},
    ],
)
def test_weather_settings_are_checked(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadInput if "uri" not in settings else Exception):
        check_section({"weather": settings}, tmp_path)


def test_offline_allows_what_the_settings_name(tmp_path: Path) -> None:
    section = {
        "weather": {"places": [BERLIN]},
        "navigation": {"osrm": "http://10.0.0.2:5000", "nominatim": "http://10.0.0.3/geo"},
        "translation": {"server": "http://localhost:5000"},
        "tickets": {"url": "https://desk.example/hook"},
        "handover": {"contact": "1", "folder": "x"},
        "timers": {},
    }
    assert addresses(section, tmp_path) == [
        ("10.0.0.2", 5000),
        ("10.0.0.3", 80),
        ("api.open-meteo.com", 443),
        ("desk.example", 443),
        ("localhost", 5000),
    ]


ROUTE = "GET /route/v1/driving/13.405000,52.520000;13.397634,52.529407"


def test_a_route_with_its_steps(make: Make) -> None:
    with recorded({ROUTE: recording("osrm_route")}) as server:
        way = make("navigation", places=[BERLIN, OFFICE], here="Berlin", osrm=server.url)
        data = done(way.call({"to": "公司"}, "ann"))
        assert (data["routed"], data["metres"], data["seconds"]) == (True, 1887, 260)
        assert data["steps"][1] == {"turn": "turn", "direction": "left", "road": "", "metres": 1676}
        assert data["link"].startswith("geo:52.529407,13.397634?q=")
        asked = done(way.call({"how_long_to": "公司"}, "ann"))
        assert (asked["to"], asked["seconds"]) == ("the office", 260)
        assert not {"link", "steps", "latitude"} & asked.keys()  # asking sets out for nowhere
        server.answers[ROUTE] = {"code": "NoRoute", "message": "impossible"}
        data = done(way.call({"to": "the office", "from": "Berlin"}, "ann"))
        assert (data["routed"], "no way" in data["why"]) == (False, True)
        wrong: Any
        for wrong in ({"routes": []}, {"routes": [{"distance": -1, "duration": 1}]}, 7):
            server.answers[ROUTE] = wrong
            assert done(way.call({"to": "公司"}, "ann"))["routed"] is False


def test_without_a_server_there_is_a_link(make: Make) -> None:
    way = make("navigation", places=[OFFICE])
    assert way.entities("to") == ("the office", "公司")
    data = done(way.call({"to": "office"}, "ann"))
    assert (data["routed"], data["to"]) == (False, "the office")
    assert failed(way.call({"to": "the moon"}, "ann")) == "unknown_name"
    assert failed(way.call({"how_long_to": "the moon"}, "ann")) == "unknown_name"
    assert done(way.call({"how_long_to": "office"}, "ann")) == {"to": "the office", "routed": False}
    for unclear in ({"from": "office"}, {"to": "office", "how_long_to": "office"}):
        assert failed(way.call(unclear, "ann")) == "arguments"


def test_free_words_are_looked_up_only_when_the_spec_says_where(make: Make) -> None:
    with recorded({"GET /search": recording("nominatim")}) as server:
        way = make("navigation", places=[OFFICE], nominatim=server.url)
        data = done(way.call({"to": "Brandenburger Tor"}, "ann"))
        assert (data["latitude"], data["longitude"]) == (52.5163, 13.3777)
        assert server.asked[0].query["q"] == "Brandenburger Tor"
        done(way.call({"to": "公司"}, "ann"))
        assert len(server.asked) == 1
        for wrong, reason in (
            ([], "unknown_name"),
            ([{"lat": "north"}], "wrong_answer"),
            ({}, "wrong_answer"),
        ):
            server.answers["GET /search"] = wrong
            assert failed(way.call({"to": "nowhere"}, "ann")) == reason


def test_navigation_settings_are_checked(tmp_path: Path) -> None:
    for settings in ({"here": "nowhere"}, {"profile": "../x"}, {"osrm": "ftp://x"}):
        with pytest.raises(BadInput):
            check_section({"navigation": settings}, tmp_path)


class Writer:
    """A scheduler that says one thing."""

    name = "writer"
    context_length = 100

    def __init__(self, *says: Chunk | Exception) -> None:
        self.says = says
        self.requests: list[Request] = []
        self.cancelled = False

    def submit(self, request: Request, deliver: Callable[[Chunk | Exception], None]) -> Writer:
        self.requests.append(request)
        for one in self.says:
            deliver(one)
        return self

    def cancel(self) -> None:
        self.cancelled = True


def with_writer(given: Given, writer: Any, **settings: Any) -> Tool:
    own = Given(given.folder, given.kept, given.schedule, writer, given.clock)
    return make_tools({"translation": settings}, own)[0]


def test_a_dictionary_knows_whole_phrases(make: Make, tmp_path: Path) -> None:
    (tmp_path / "words.tsv").write_text(
        "en\tzh\tde\ngood morning\t早上好\tguten Morgen\ntea\t茶\t\n"
    )
    words = make("translation", dictionary="words.tsv")
    said = done(words.call({"text": "Good  morning!", "to": "zh"}, "ann"))
    assert (said["text"], said["by"], said["sure"]) == ("早上好", "dictionary", True)
    assert done(words.call({"text": "早上好", "to": "de"}, "ann"))["text"] == "guten Morgen"
    assert failed(words.call({"text": "tea", "to": "de"}, "ann")) == "not_supported"
    assert failed(words.call({"text": "good tea", "to": "zh"}, "ann")) == "not_supported"
    assert failed(words.call({"text": "tea", "to": "Klingon!"}, "ann")) == "arguments"
    (tmp_path / "words.tsv").write_text("en\tzh\nbroken line\n")
    with pytest.raises(BadInput, match="line 2"):
        make("translation", dictionary="words.tsv")


def test_a_server_translates_and_the_model_guesses_when_it_does_not(given: Given) -> None:
    writer = Writer(Chunk("早"), Chunk("安", finish_reason="stop"))
    (given.folder / "key").write_text("s3cret\n")
    (given.folder / "key").chmod(0o600)
    with recorded({"POST /translate": recording("libretranslate")}) as server:
        tool = with_writer(given, writer, server=server.url, key_file="key", model=True)
        said = done(tool.call({"text": "good morning", "to": "zh"}, "ann"))
        assert (said["text"], said["from"], said["by"]) == ("早上好", "en", "server")
        assert server.asked[0].body["api_key"] == "s3cret"
        server.answers.clear()
        guessed = done(tool.call({"text": "good morning", "to": "zh"}, "ann"))
    assert (guessed["text"], guessed["by"], guessed["sure"]) == ("早安", "model", False)
    assert writer.requests[0].owner == "ann"
    assert writer.requests[0].messages[-1].text == "good morning"


def test_a_model_that_fails_is_an_outcome(given: Given) -> None:
    for says in (RuntimeError("out of memory"), Chunk(" ", finish_reason="stop")):
        tool = with_writer(given, Writer(says), model=True)
        assert failed(tool.call({"text": "a", "to": "zh"}, "ann")) in ("refused", "wrong_answer")


def test_a_secret_that_everybody_reads_is_refused(given: Given) -> None:
    (given.folder / "key").write_text("s3cret")
    (given.folder / "key").chmod(0o644)
    with pytest.raises(BadInput, match="chmod 600"):
        with_writer(given, None, server="http://127.0.0.1", key_file="key")
    with pytest.raises(BadInput, match="cannot read the secret"):
        with_writer(given, None, server="http://127.0.0.1", key_file="none")


def test_a_ticket_is_a_file_or_is_sent(make: Make, tmp_path: Path) -> None:
    tool = make("tickets", folder="desk")
    data = done(tool.call({"subject": "水壶坏了", "details": "line 1\nline 2"}, "ann"))
    (path,) = (tmp_path / "desk").iterdir()
    kept = json.loads(path.read_text())
    assert (kept["number"], kept["subject"], kept["person"]) == (data["number"], "水壶坏了", "ann")
    with recorded({"POST /hook": (204, {}, b"")}) as server:
        sent = make("tickets", url=server.url + "/hook")
        number = done(sent.call({"subject": "kettle"}, "ben"))["number"]
        assert server.asked[0].body["number"] == number
    assert failed(sent.call({"subject": "kettle"}, "ben")) == "unreachable"
    (tmp_path / "desk2").write_text("a file")
    assert failed(make("tickets", folder="desk2").call({"subject": "x"}, "ann")) == "not_kept"


def test_handover_tells_how_to_reach_somebody_in_any_case(make: Make, tmp_path: Path) -> None:
    about = {"contact": "+49 30 1234", "person": "Mei", "hours": "9-17"}
    tool = make("handover", folder="desk", **about)
    assert done(tool.call({"reason": "angry"}, "ann"))["reached"] is True
    lost = make("handover", url="http://127.0.0.1:9", **about).call({}, "ann")
    assert failed(lost) == "unreachable"
    assert lost.data["contact"] == "+49 30 1234"


@pytest.mark.parametrize("settings", [{}, {"folder": "a", "url": "http://b"}])
def test_a_desk_is_one_place(settings: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="needs a folder or a url"):
        check_section({"tickets": settings}, tmp_path)


def test_notes_are_a_persons_own(make: Make) -> None:
    notes = make("notes")
    for text in ("buy milk", "买牛奶", "call Mei"):
        done(notes.call({"action": "add", "text": text}, "ann"))
    assert done(notes.call({"action": "list"}, "ben"))["count"] == 0
    found = done(notes.call({"action": "find", "text": "牛奶"}, "ann"))
    assert [(note["number"], note["text"]) for note in found["notes"]] == [(2, "买牛奶")]
    assert done(notes.call({"action": "remove", "text": "milk"}, "ann"))["count"] == 1
    assert (
        done(notes.call({"action": "remove", "number": 2}, "ann"))["notes"][0]["text"] == "call Mei"
    )
    assert [n["text"] for n in done(notes.call({"action": "list"}, "ann"))["notes"]] == ["买牛奶"]
    assert failed(notes.call({"action": "remove", "text": "nothing"}, "ann")) == "unknown_name"
    assert failed(notes.call({"action": "add"}, "ann")) == "arguments"
    done(notes.call({"action": "add", "text": "牛"}, "ann"))
    assert failed(notes.call({"action": "remove", "text": "牛"}, "ann")) == "ambiguous"


def test_notes_have_an_end(make: Make) -> None:
    notes = make("notes")
    reasons = [
        notes.call({"action": "add", "text": "字" * 1000}, "ann").data.get("reason")
        for _ in range(300)
    ]
    assert reasons[0] is None
    assert reasons[-1] == "full"


def test_the_time_here_and_there(make: Make) -> None:
    clock = make("clock", zone="Europe/Berlin", places={"北京": "Asia/Shanghai"})
    here = done(clock.call({}, "ann"))
    assert (here["time"], here["date"], here["weekday"]) == ("13:00", "2026-11-23", 0)
    assert here["weekday_name"] == {"en": "Monday", "zh": "星期一"}
    assert done(clock.call({"zone": "北京"}, "ann"))["time"] == "20:00"
    assert done(clock.call({"zone": "America/New_York"}, "ann"))["time"] == "07:00"
    assert failed(clock.call({"zone": "Atlantis"}, "ann")) == "unknown_name"
    assert clock.entities("zone") == ("北京",)
