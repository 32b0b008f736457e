"""How something in the house is: is the garage closed, how warm is the living room? Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penjing.core.protocols import Tool
from penjing.core.showing import Thing
from penjing.tools.checked import ToolAdapter, parameters, text
from penjing.tools.given import Given
from penjing.tools.home.control import Control, Words
from penjing.tools.home.settings import HouseSettings as Settings

DESCRIPTION = "Tells how a device of the house is: on or off, open or closed, how warm."
PARAMETERS = parameters(["device"], device=text("any device or sensor"))


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    return [ToolAdapter("states", DESCRIPTION, PARAMETERS, States(settings, given))]


class States:
    """Reads devices."""

    def __init__(self, settings: Settings, given: Given) -> None:
        self._control = Control(settings, given.houses, "sensor", Words(), any_kind=True)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed."""
        device, known = self._control.known(arguments["device"])
        data = {"device": device.name, "kind": device.kind, **known.state}
        if "open" in data:
            data["closed"] = not data["open"]
        return {**data, "age_seconds": known.age}

    def shown(self, person: str) -> Sequence[Thing]:
        """Every device and sensor, to be read."""
        return self._control.shown(lambda _name, _state: {})

    def entities(self, parameter: str) -> Sequence[str]:
        """Names of all devices."""
        return self._control.names() if parameter == "device" else ()

    def members(self, parameter: str) -> Mapping[str, Sequence[str]]:
        """Names to the devices they mean."""
        return self._control.members() if parameter == "device" else {}

    def close(self) -> None:
        """Let go of the connection."""
        self._control.close()
