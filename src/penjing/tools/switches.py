"""Switches and sockets: on and off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penjing.core.protocols import Tool
from penjing.core.showing import Press, Thing
from penjing.tools.checked import ToolAdapter, parameters, text, yes_no
from penjing.tools.given import Given
from penjing.tools.home.control import Control, Words
from penjing.tools.home.device import State
from penjing.tools.home.settings import HouseSettings as Settings

DESCRIPTION = "Switches sockets and other switches on and off."
PARAMETERS = parameters(
    ["switch", "on"],
    switch=text("a switch, or a room"),
    on=yes_no("on or off"),
)

_WORDS = Words(("switches", "sockets", "plugs"), ("插座", "开关"))


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    switches = Switches(settings, given)
    return [ToolAdapter("switches", DESCRIPTION, PARAMETERS, switches, settings.careful or False)]


class Switches:
    """Switches."""

    for_a_while = False

    def __init__(self, settings: Settings, given: Given) -> None:
        self._control = Control(settings, given.houses, "switch", _WORDS, any_kind=False)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed."""
        return self._control.change(arguments["switch"], {"on": arguments["on"]})

    def remember(
        self, arguments: Mapping[str, Any], told: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """Whether the switches are on that a call changes. Raises ToolError."""
        return self._control.remember(arguments["switch"], [("on",)], told)

    def restore(
        self, was: Mapping[str, Any], made: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """Put them back. Raises ToolError."""
        return self._control.restore(was, made)

    def shown(self, person: str) -> Sequence[Thing]:
        """Every switch."""
        return self._control.shown(_presses)

    def entities(self, parameter: str) -> Sequence[str]:
        """Names of switches."""
        return self._control.names() if parameter == "switch" else ()

    def members(self, parameter: str) -> Mapping[str, Sequence[str]]:
        """Names to the devices they mean."""
        return self._control.members() if parameter == "switch" else {}

    def close(self) -> None:
        """Let go of the connection."""
        self._control.close()


def _presses(name: str, _state: State) -> Mapping[str, Press]:
    return {one: Press({"switch": name, "on": one == "on"}) for one in ("on", "off")}
