"""What a tool changed, put back: as its devices said that they were, unless somebody changed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from housed import Place, adapter, tool_of

from penjing.core.dialogue import Outcome
from penjing.core.restoring import Restoring
from penjing.tools import (
    alarms,
    climate,
    covers,
    lights,
    notes,
    reminders,
    switches,
    timers,
    tv,
)
from penjing.tools.checked import ToolAdapter
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.home.device import Device, Kind, Known, close
from penjing.tools.home.dialect import colour, white

CASES: list[tuple[Any, Kind, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (lights, "light", {"on": True, "brightness": 80, "kelvin": 2700},
     {"light": "one", "colour": "red"}, {"on": True, "kelvin": 2700}),
    (lights, "light", {"on": True, "brightness": 80, "colour": "#00ff00"},
     {"light": "one", "colour": "warm white"}, {"on": True, "colour": "#00ff00"}),
    (lights, "light", {"on": True, "brightness": 80}, {"light": "one", "brightness": 10},
     {"on": True, "brightness": 80}),
    (lights, "light", {"on": True, "brightness": 80}, {"light": "one", "brightness_change": -30},
     {"on": True, "brightness": 80}),
    (lights, "light", {"on": False}, {"light": "one", "colour": "red"}, {"on": False}),
    (climate, "climate", {"on": True, "temperature": 21.0}, {"device": "one", "temperature": 25},
     {"temperature": 21.0}),
    (climate, "climate", {"mode": "cool", "temperature": 21.0},
     {"device": "one", "temperature_change": 2}, {"temperature": 21.0}),
    (tv, "tv", {"on": True, "volume": 15}, {"device": "one", "volume": 30}, {"volume": 15}),
]  # fmt: skip


@pytest.mark.parametrize(("module", "kind", "state", "arguments", "back"), CASES)
def test_it_is_put_back(
    module: Any, kind: Kind, state: dict[str, Any], arguments: dict[str, Any],
    back: dict[str, Any], given: Given,
) -> None:  # fmt: skip
    place = Place(kind, {"one": dict(state)})
    tool = tool_of(module, place, given)
    assert isinstance(tool, Restoring)
    assert tool.restores
    was = tool.remember(arguments, {}, "ann")
    outcome = tool.call(arguments, "ann")
    assert outcome.ok, outcome.error
    made = tool.remember(arguments, outcome.data, "ann")
    restored = tool.restore(was.data, made.data, "ann")
    assert (restored.ok, restored.data) == (
        True,
        {"devices": ["one"], "left": [], "told": "confirmed"},
    )
    assert place.changed[-1] == ("one", back)


@pytest.mark.parametrize(("module", "kind", "state", "arguments", "back"), CASES)
def test_what_somebody_changed_is_left(
    module: Any, kind: Kind, state: dict[str, Any], arguments: dict[str, Any],
    back: dict[str, Any], given: Given,
) -> None:  # fmt: skip
    place = Place(kind, {"one": dict(state)})
    tool = tool_of(module, place, given)
    was = tool.remember(arguments, {}, "ann")
    made = tool.remember(arguments, tool.call(arguments, "ann").data, "ann")
    name = next(one for one in back if one != "on" or len(back) == 1)
    other = {
        "brightness": 55,
        "temperature": 17.0,
        "volume": 77,
    }
    elsewhere = {"colour": "#0000ff"} if name == "on" else {"on": False}
    place.states["one"] |= {name: other[name]} if name in other else elsewhere
    before = len(place.changed)
    assert tool.restore(was.data, made.data, "ann").data["left"] == ["one"]
    assert len(place.changed) == before


@pytest.mark.parametrize(
    ("module", "kind", "arguments"),
    [(lights, "light", {"light": "one", "brightness": 10}),
     (climate, "climate", {"device": "one", "temperature": 25}),
     (tv, "tv", {"device": "one", "volume": 30}),
     (tv, "tv", {"device": "one", "action": "next"})],
)  # fmt: skip
def test_what_nobody_can_tell_is_said(
    module: Any, kind: Kind, arguments: dict[str, Any], given: Given
) -> None:
    tool = tool_of(module, Place(kind, {"one": {"on": True}}), given)
    outcome = tool.remember(arguments, {}, "ann")
    assert (outcome.ok, outcome.data.get("reason")) == (False, "not_known")
    assert "put back" in outcome.error


def test_a_device_that_has_not_answered_yet_is_as_it_was_told(given: Given) -> None:
    place = Place("light", {"one": {"on": True, "brightness": 80}}, told="no_answer")
    tool = tool_of(lights, place, given)
    arguments = {"light": "one", "brightness": 10}
    was = tool.remember(arguments, {}, "ann")
    made = tool.remember(arguments, tool.call(arguments, "ann").data, "ann")
    place.states["one"]["brightness"] = 10  # it comes late
    assert tool.restore(was.data, made.data, "ann").data["devices"] == ["one"]
    assert place.changed[-1] == ("one", {"on": True, "brightness": 80})


def test_a_room_each_as_it_was(given: Given) -> None:
    states: dict[str, dict[str, Any]] = {
        "one": {"on": True, "brightness": 80},
        "two": {"on": False},
    }
    place = Place("light", {name: dict(how) for name, how in states.items()})
    tool = tool_of(lights, place, given)
    arguments = {"light": "den lights", "brightness": 10}
    was = tool.remember(arguments, {}, "ann")
    made = tool.remember(arguments, tool.call(arguments, "ann").data, "ann")
    assert tool.restore(was.data, made.data, "ann").data["devices"] == ["one", "two"]
    assert place.changed[-2:] == [("one", states["one"]), ("two", {"on": False})]


def test_a_device_that_is_gone_is_said(given: Given) -> None:
    tool = tool_of(lights, Place("light", {"one": {"on": True, "brightness": 80}}), given)
    outcome = tool.restore({"gone": {"on": True}}, {"gone": {"on": True}}, "ann")
    assert (outcome.ok, outcome.data["reason"]) == (False, "unknown_name")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"color_mode": "xy", "color": {"x": 0.64, "y": 0.33}}, "#ff0000"),
        ({"color_mode": "xy", "color": {"x": 0.3127, "y": 0.329}}, "#ffffff"),
        ({"color_mode": "rgb", "color": {"r": 0, "g": 255, "b": 0}}, "#00ff00"),
        ({"color_mode": "color_temp", "color": {"x": 0.5, "y": 0.4}, "color_temp": 370}, None),
        ({"color_temp": 370, "color": {"x": 0.5, "y": 0.4}}, None),
        ({"color": {"x": 0.3, "y": 0}}, None), ({"color": "red"}, None), ({}, None),
    ],
)  # fmt: skip
def test_the_colour_that_a_lamp_shows(said: Mapping[str, Any], shown: str | None) -> None:
    found = colour(said)
    if shown is None:
        assert found is None
    else:
        assert found is not None
        channels = [(found, at) for at in (1, 3, 5)]
        assert all(
            abs(int(text[at : at + 2], 16) - int(shown[at : at + 2], 16)) <= 3
            for text, at in channels
        ), found
    assert white(said) == (2703 if shown is None and "color_temp" in said else None)


def test_failed_is_no_exception(given: Given) -> None:
    place = Place("light", {"one": {"on": True, "brightness": 80}})
    tool = tool_of(lights, place, given)

    def broken(device: Device) -> Known:
        raise ToolError("unreachable", f"{device.name} is off line")

    place.known = broken  # type: ignore[method-assign]
    outcome = tool.remember({"light": "one", "brightness": 10}, {}, "ann")
    assert (outcome.ok, outcome.data["reason"]) == (False, "unreachable")


def test_what_is_nearly_the_same() -> None:
    assert close(79.6, 80)
    assert close("#f00a00", "#ff0000")
    assert not close("#ff0000", "#00ff00")
    assert not close(False, True)
    assert not close(70, 80)


def undone(tool: ToolAdapter, arguments: dict[str, Any]) -> Outcome:
    """A call, taken back at once."""
    assert (tool.undoes, tool.restores) == (True, False)
    was = tool.remember(arguments, {}, "ann")
    outcome = tool.call(arguments, "ann")
    assert outcome.ok, outcome.error
    made = tool.remember(arguments, outcome.data, "ann")
    assert was.ok, was.error
    assert made.ok, made.error
    return tool.restore(was.data, made.data, "ann")


@pytest.mark.parametrize(
    ("state", "arguments", "back"),
    [
        ({"position": 30, "open": True}, {"cover": "one", "action": "close"}, {"position": 30}),
        ({"open": False}, {"cover": "one", "action": "open"}, {"action": "close"}),
        ({"open": True}, {"cover": "one", "position": 10}, {"action": "open"}),
    ],
)
def test_a_cover_moves_back(
    state: dict[str, Any], arguments: dict[str, Any], back: dict[str, Any], given: Given
) -> None:
    place = Place("cover", {"one": dict(state)})
    assert undone(tool_of(covers, place, given), arguments).ok
    assert place.changed[-1] == ("one", back)


def test_a_switch_is_as_it_was(given: Given) -> None:
    place = Place("switch", {"one": {"on": False}}, told="sent")
    assert undone(tool_of(switches, place, given), {"switch": "one", "on": True}).ok
    assert place.changed[-1] == ("one", {"on": False})


def test_a_list_is_as_it_was(given: Given) -> None:
    tool = adapter(notes, given)
    for text in ("milk", "bread", "tea"):
        assert tool.call({"action": "add", "text": text}, "ann").ok
    assert undone(tool, {"action": "add", "text": "salt"}).ok
    assert undone(tool, {"action": "remove", "text": "bread"}).ok
    assert tool.call({"action": "list"}, "ann").data["texts"] == ["milk", "bread", "tea"]
    assert not tool.remember({"action": "list"}, {}, "ann").ok


@pytest.mark.parametrize(
    ("module", "arguments", "what"),
    [
        (timers, {"seconds": 600, "label": "tea"}, {"label": "tea"}),
        (alarms, {"time": "07:00", "days": ["mon", "tue"]}, {"time": "07:00"}),
        (alarms, {"time": "07:00", "label": "up"}, {"label": "up"}),
        (reminders, {"time": "19:00", "text": "bins"}, {"text": "bins"}),
    ],
)
def test_what_rings_is_as_it_was(
    module: Any, arguments: dict[str, Any], what: dict[str, Any], given: Given
) -> None:
    tool, key = adapter(module, given), f"{module.__name__.rpartition('.')[2]}"
    assert undone(tool, {"action": "set", **arguments}).ok
    assert tool.call({"action": "list"}, "ann").data["count"] == 0
    tool.call({"action": "set", **arguments}, "ann")
    before = tool.call({"action": "list"}, "ann").data[key]
    assert undone(tool, {"action": "cancel", **what}).ok
    after = tool.call({"action": "list"}, "ann").data[key]
    assert [{**one, "id": ""} for one in after] == [{**one, "id": ""} for one in before]


def test_a_timer_that_rang_is_not_unset(given: Given) -> None:
    tool = adapter(timers, given)
    made = tool.remember({"action": "set"}, {"id": "gone"}, "ann").data
    assert tool.restore({}, made, "ann").data["reason"] == "unknown_name"
