"""What tools show for the view of a house, and that all they offer to press is taken by them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from housed import Place, adapter, tool_of

from penjing.core.showing import Press, Thing
from penjing.core.tool_arguments import mistake
from penjing.tools import (
    alarms,
    climate,
    covers,
    lights,
    notes,
    reminders,
    scenes,
    states,
    switches,
    tickets,
    timers,
    tv,
)
from penjing.tools.failed import ToolError
from penjing.tools.given import Given

VALUES = {"brightness": 40, "position": 10, "temperature": 21.5, "volume": 30, "text": "milk"}
HOUSE: list[tuple[Any, Any, dict[str, Any], set[str]]] = [
    (lights, "light", {"on": True, "brightness": 80}, {"on", "off", "brightness"}),
    (lights, "light", {"on": True}, {"on", "off"}),
    (switches, "switch", {"on": True}, {"on", "off"}),
    (covers, "cover", {"open": True, "position": 60}, {"open", "close", "stop", "position"}),
    (climate, "climate", {"temperature": 21.0}, {"on", "off", "temperature"}),
    (tv, "tv", {"on": True, "volume": 3}, {"on", "off", "volume"}),
    (scenes, "scene", {}, {"on"}),
    (states, "sensor", {"value": 3}, set()),
]


@pytest.mark.parametrize(("module", "kind", "state", "offered"), HOUSE)
def test_a_device_as_it_is(
    module: Any, kind: Any, state: dict[str, Any], offered: set[str], given: Given
) -> None:
    tool = tool_of(module, Place(kind, {"one": state}), given)
    (thing,) = tool.shown("ann")
    assert (thing.kind, thing.name, thing.room, thing.state) == (kind, "one", "den", state)
    assert set(thing.presses) == offered
    for press in thing.presses.values():
        assert taken(tool, press)


def taken(tool: Any, press: Press) -> bool:
    """A press's arguments, with a value, fit the tool."""
    value = {press.value: VALUES[press.value]} if press.value else {}
    return not mistake({**press.arguments, **value}, tool.parameters)


def test_a_device_that_is_off_line_says_why(given: Given) -> None:
    place = Place("light", {"one": {}})

    def away(device: Any) -> Any:
        raise ToolError("unreachable", f"{device.name} is off line")

    place.glance = away  # type: ignore[method-assign]
    (thing,) = tool_of(lights, place, given).shown("ann")
    assert (thing.state, thing.reason) == ({}, "unreachable")


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        (timers, {"seconds": 600}),
        (timers, {"seconds": 600, "label": "tea"}),
        (alarms, {"time": "07:00", "days": ["mon"]}),
        (alarms, {"seconds": 60, "label": "up"}),
        (reminders, {"time": "19:00", "text": "bins"}),
    ],
)
def test_what_rings_is_cancelled_by_its_press(
    module: Any, arguments: dict[str, Any], given: Given
) -> None:
    tool = adapter(module, given)
    assert tool.call({"action": "set", **arguments}, "ann").ok
    assert tool.shown("ben") == []
    (thing,) = tool.shown("ann")
    assert thing.name == arguments.get("label", arguments.get("text", ""))
    assert tool.call(thing.presses["cancel"].arguments, "ann").ok
    assert tool.shown("ann") == []


def test_a_list_and_its_notes(given: Given) -> None:
    tool = adapter(notes, given)
    (empty,) = tool.shown("ann")
    assert taken(tool, empty.presses["add"])
    for text in ("milk", "bread"):
        tool.call({"action": "add", "text": text}, "ann")
    shown = tool.shown("ann")
    assert [(one.kind, one.name) for one in shown[1:]] == [("note", "milk"), ("note", "bread")]
    assert tool.call(shown[1].presses["remove"].arguments, "ann").ok
    assert [one.name for one in tool.shown("ann")] == ["notes", "bread"]


def test_tickets_are_their_persons_own(given: Given, tmp_path: Path) -> None:
    tool = adapter(tickets, replace(given, folder=tmp_path), folder=tmp_path)
    tool.call({"subject": "no hot water"}, "ann")
    tool.call({"subject": "another's"}, "ben")
    (tmp_path / "odd.json").write_text(json.dumps([1]))
    (tmp_path / "torn.json").write_text("{")
    assert [thing.name for thing in tool.shown("ann")] == ["no hot water"]
    assert all(isinstance(thing, Thing) for thing in tool.shown("ann"))
