"""Home Assistant's REST API, on a recorded server: live entities, services, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from recorded import Recorded, recorded, recording
from tooling import done, failed

from penjing.core.protocols import Tool
from penjing.tools.given import Given

Make = Callable[..., Tool]


@pytest.fixture
def home(given: Given) -> Iterator[Recorded]:
    (given.folder / "ha.token").write_text("t0ken")
    (given.folder / "ha.token").chmod(0o600)
    states = recording("home_assistant_states")
    answers = {"GET /api/states": states}
    answers |= {f"GET /api/states/{one['entity_id']}": one for one in states}
    with recorded(answers) as server:
        yield server


def at(home: Recorded, *devices: dict[str, Any], **rooms: list[str]) -> dict[str, Any]:
    place = {"url": home.url, "token_file": "ha.token"}
    return {"home_assistant": place, "devices": list(devices), "rooms": rooms}


def service(home: Recorded, path: str, *entities: str) -> None:
    changed = [{"entity_id": entity, "state": "on", "attributes": {}} for entity in entities]
    home.answers[f"POST /api/services/{path}"] = changed


def test_entities_are_asked_live_and_have_the_specs_names_too(make: Make, home: Recorded) -> None:
    line = {"name": "sofa lamp", "also": ["沙发灯"], "room": "客厅", "entity": "light.sofa"}
    lights = make("lights", **at(home, line, 客厅=["living room"]))
    names = lights.entities("light")
    assert {"sofa lamp", "沙发灯", "Sofa", "Kitchen Ceiling", "客厅的灯"} <= set(names)
    assert "Garage Door" not in names
    assert home.asked[0].headers["Authorization"] == "Bearer t0ken"
    assert make("covers", **at(home)).entities("cover")[0] == "Garage Door"


@pytest.mark.parametrize(
    ("tool", "arguments", "path", "body"),
    [
        (
            "lights",
            {"light": "沙发灯", "brightness": 30},
            "light/turn_on",
            {"entity_id": "light.sofa", "brightness_pct": 30},
        ),
        (
            "lights",
            {"light": "Kitchen Ceiling", "colour": "red"},
            "light/turn_on",
            {"entity_id": "light.kitchen_ceiling", "rgb_color": [255, 0, 0]},
        ),
        (
            "lights",
            {"light": "Kitchen Ceiling", "on": False},
            "light/turn_off",
            {"entity_id": "light.kitchen_ceiling"},
        ),
        (
            "covers",
            {"cover": "garage door", "action": "close"},
            "cover/close_cover",
            {"entity_id": "cover.garage_door"},
        ),
        (
            "covers",
            {"cover": "garage door", "position": 40},
            "cover/set_cover_position",
            {"entity_id": "cover.garage_door", "position": 40},
        ),
        (
            "climate",
            {"device": "卧室空调", "temperature": 25},
            "climate/set_temperature",
            {"entity_id": "climate.bedroom", "temperature": 25},
        ),
        (
            "climate",
            {"device": "卧室空调", "temperature_change": -1.5},
            "climate/set_temperature",
            {"entity_id": "climate.bedroom", "temperature": 24.5},
        ),
        (
            "climate",
            {"device": "卧室空调", "mode": "cool"},
            "climate/set_hvac_mode",
            {"entity_id": "climate.bedroom", "hvac_mode": "cool"},
        ),
        (
            "tv",
            {"device": "TV", "volume_change": 10},
            "media_player/volume_set",
            {"entity_id": "media_player.tv", "volume_level": 0.35},
        ),
        (
            "tv",
            {"device": "TV", "source": "HDMI 2"},
            "media_player/select_source",
            {"entity_id": "media_player.tv", "source": "HDMI 2"},
        ),
        (
            "tv",
            {"device": "TV", "action": "pause"},
            "media_player/media_pause",
            {"entity_id": "media_player.tv"},
        ),
        (
            "switches",
            {"switch": "Coffee Machine", "on": True},
            "switch/turn_on",
            {"entity_id": "switch.coffee"},
        ),
        ("scenes", {"scene": "电影模式"}, "scene/turn_on", {"entity_id": "scene.movie"}),
    ],
)
def test_services_are_called(
    make: Make, home: Recorded, tool: str, arguments: Any, path: str, body: Any
) -> None:
    service(home, path, body["entity_id"])
    line = {"name": "sofa lamp", "also": ["沙发灯"], "entity": "light.sofa"}
    settings = at(home, line) if tool == "lights" else at(home)
    assert done(make(tool, **settings).call(arguments, "ann"))["confirmed"] is True
    assert [(asked.path, asked.body) for asked in home.asked if asked.method == "POST"] == [
        (f"/api/services/{path}", body)
    ]


@pytest.mark.parametrize(
    ("device", "state"),
    [
        ("Garage Door", {"open": False, "closed": True, "position": 0, "kind": "cover"}),
        ("Kitchen Ceiling", {"on": True, "brightness": 71}),
        ("卧室空调", {"mode": "heat", "temperature": 26, "current_temperature": 21.5}),
        ("TV", {"on": True, "volume": 25, "mute": False, "source": "HDMI 1"}),
        ("Outdoor Temperature", {"value": 7.2, "unit": "°C"}),
        ("Front Door", {"open": True, "closed": False}),
    ],
)
def test_states_are_read(make: Make, home: Recorded, device: str, state: dict[str, Any]) -> None:
    told = done(make("states", **at(home)).call({"device": device}, "ann"))
    assert {name: told[name] for name in state} == state


def test_a_device_off_line_and_one_that_does_not_know(make: Make, home: Recorded) -> None:
    states = make("states", **at(home))
    assert failed(states.call({"device": "Attic Sensor"}, "ann")) == "unreachable"
    assert failed(states.call({"device": "Cellar Sensor"}, "ann")) == "not_known"


def test_half_of_several_services_is_said_to_be_half(make: Make, home: Recorded) -> None:
    service(home, "climate/turn_on", "climate.bedroom")
    climate = make("climate", **at(home))
    outcome = climate.call({"device": "卧室空调", "on": True, "temperature": 22}, "ann")
    assert failed(outcome) == "unconfirmed"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((401, {}, b""), "refused"),
        ((500, {}, b""), "wrong_answer"),
        ({}, "wrong_answer"),
        ([{"entity_id": "light.x"}], "wrong_answer"),
        ([{"entity_id": "light/../x", "state": "on", "attributes": {}}], "wrong_answer"),
    ],
)
def test_wrong_answers_are_outcomes(make: Make, home: Recorded, answer: Any, reason: str) -> None:
    home.answers["GET /api/states"] = answer
    lights = make("lights", **at(home))
    assert lights.entities("light") == ()
    assert failed(lights.call({"light": "Sofa", "on": True}, "ann")) == reason


def test_it_is_off(make: Make, given: Given) -> None:
    (given.folder / "ha.token").write_text("t")
    (given.folder / "ha.token").chmod(0o600)
    place = {"url": "http://127.0.0.1:9", "token_file": "ha.token"}
    lights = make("lights", home_assistant=place)
    assert failed(lights.call({"light": "Sofa", "on": True}, "ann")) == "unreachable"
