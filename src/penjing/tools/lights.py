"""Lights: on, off, brightness, colour; one, a room's, or all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penjing.core.protocols import Tool
from penjing.core.showing import Press, Thing
from penjing.tools.checked import ToolAdapter, at_least, number, parameters, text, yes_no
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.home.colours import NAMES, wanted_colour
from penjing.tools.home.control import Control, Words, bounded
from penjing.tools.home.device import State, Wanted
from penjing.tools.home.settings import HouseSettings as Settings

DESCRIPTION = "Switches lights on and off, dims them and changes their colour."
PARAMETERS = at_least(
    2,
    parameters(
        ["light"],
        light=text("a light, or a room, or all lights"),
        on=yes_no("on or off"),
        brightness=number("percent", 0, 100),
        brightness_change=number("percent more, or less below zero", -100, 100),
        colour=text("a colour's name, or #rrggbb", 40),
        kelvin=number("colour temperature", 1500, 9000),
    ),
)

_WORDS = Words(("lights", "light", "lamps", "lamp"), ("灯", "电灯", "灯光"))


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    lights = Lights(settings, given)
    return [ToolAdapter("lights", DESCRIPTION, PARAMETERS, lights, settings.careful or False)]


class Lights:
    """Changes lights."""

    for_a_while = True

    def __init__(self, settings: Settings, given: Given) -> None:
        self._control = Control(settings, given.houses, "light", _WORDS, any_kind=False)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises ToolError."""
        plain = ("on", "brightness", "kelvin")
        wanted = {name: arguments[name] for name in plain if name in arguments}
        if "colour" in arguments:
            wanted |= wanted_colour(arguments["colour"])
        if wanted.get("on") is False or wanted.get("brightness") == 0:
            more = {name for name in wanted if wanted[name] not in (0, False)}
            if more or "brightness_change" in arguments:
                raise ToolError("arguments", "a light is off or it shines, not both")
            return self._control.change(arguments["light"], {"on": False})
        if wanted:
            wanted["on"] = True
        change = arguments.get("brightness_change")
        if change is None:
            return self._control.change(arguments["light"], wanted)
        if "brightness" in wanted:
            raise ToolError("arguments", "a light is dimmed to a number, or by one, not both")
        return self._control.change(arguments["light"], wanted, lambda now: _dimmed(now, change))

    def remember(
        self, arguments: Mapping[str, Any], told: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """How the lights are that a call changes. Raises ToolError."""
        fields: list[tuple[str, ...]] = [("on",)]
        if {"brightness", "brightness_change"} & arguments.keys():
            fields.append(("brightness",))
        if {"colour", "kelvin"} & arguments.keys():
            fields.append(("colour", "kelvin"))
        return self._control.remember(arguments["light"], fields, told)

    def restore(
        self, was: Mapping[str, Any], made: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """Put them back. Raises ToolError."""
        return self._control.restore(was, made)

    def shown(self, person: str) -> Sequence[Thing]:
        """Every light."""
        return self._control.shown(_presses)

    def entities(self, parameter: str) -> Sequence[str]:
        """Names of lights and colours."""
        if parameter == "colour":
            return NAMES
        return self._control.names() if parameter == "light" else ()

    def members(self, parameter: str) -> Mapping[str, Sequence[str]]:
        """Names to the devices they mean."""
        return self._control.members() if parameter == "light" else {}

    def close(self) -> None:
        """Let go of the connection."""
        self._control.close()


def _dimmed(now: State, change: int) -> Wanted:
    off = now.get("on") is False
    found = 0 if off else now.get("brightness")
    if found is None:
        raise ToolError("not_known", "its brightness is not known: say a number")
    brightness = bounded(found + change, 0, 100)
    return {"on": True, "brightness": brightness} if brightness else {"on": False}


def _presses(name: str, state: State) -> Mapping[str, Press]:
    may = {one: Press({"light": name, "on": one == "on"}) for one in ("on", "off")}
    dim = {"brightness": Press({"light": name}, "brightness")}
    return may | (dim if "brightness" in state else {})
