"""Air conditioners and heating: on, off, temperature, mode, fan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penjing.core.errors import BadInput
from penjing.core.protocols import Tool
from penjing.core.showing import Press, Thing
from penjing.tools.checked import ToolAdapter, at_least, number, one_of, parameters, text, yes_no
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.home.control import Control, Words, base
from penjing.tools.home.device import State
from penjing.tools.home.settings import HomeAssistant, HouseSettings, Line, Mqtt

DESCRIPTION = "Sets air conditioners and heating: on, off, temperature, mode and fan."
PARAMETERS = at_least(
    2,
    parameters(
        ["device"],
        device=text("a device, or a room"),
        on=yes_no("on or off"),
        temperature=number("degrees Celsius", -10, 50, whole=False),
        temperature_change=number("degrees more, or less below zero", -15, 15, whole=False),
        mode=one_of("what it does", "off", "heat", "cool", "auto", "dry", "fan_only"),
        fan=one_of("how strongly it blows", "auto", "low", "medium", "high"),
    ),
)

_WORDS = Words(
    ("air conditioner", "air conditioning", "ac", "heating", "thermostat", "heater"),
    ("空调", "暖气", "温度"),
)


@dataclass(frozen=True)
class Settings:
    """The `climate:` of a spec."""

    mqtt: Mqtt | None = None
    """A broker."""
    home_assistant: HomeAssistant | None = None
    """A Home Assistant."""
    devices: tuple[Line, ...] = ()
    """Devices by name."""
    rooms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Rooms and their other names."""
    careful: bool = False
    """Whether a person must confirm it."""
    lowest: float = 5.0
    """Degrees that may be asked for at least."""
    highest: float = 30.0
    """And at most."""

    def __post_init__(self) -> None:
        self.house()
        if not self.lowest < self.highest:
            raise BadInput("climate.lowest must be below climate.highest")

    def house(self) -> HouseSettings:
        """What all tools of a house have."""
        return HouseSettings(self.mqtt, self.home_assistant, self.devices, self.rooms)

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports it talks to."""
        return self.house().addresses()


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    climate = Climate(settings, given)
    return [ToolAdapter("climate", DESCRIPTION, PARAMETERS, climate, settings.careful)]


class Climate:
    """Sets temperatures."""

    for_a_while = True

    def __init__(self, settings: Settings, given: Given) -> None:
        self._settings = settings
        house = settings.house()
        self._control = Control(house, given.houses, "climate", _WORDS, any_kind=False)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises ToolError."""
        order = ("on", "mode", "temperature", "fan")
        wanted = {name: arguments[name] for name in order if name in arguments}
        if "temperature" in wanted:
            self._require(wanted["temperature"])
        change = arguments.get("temperature_change")
        if change is None:
            return self._control.change(arguments["device"], wanted)
        if "temperature" in wanted:
            raise ToolError("arguments", "a temperature is set to a number, or by one, not both")

        def warmer(now: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"temperature": self._require(base(now, "temperature", "temperature") + change)}

        return self._control.change(arguments["device"], wanted, warmer)

    def remember(
        self, arguments: Mapping[str, Any], told: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """How the devices are that a call changes. Raises ToolError."""
        names = {name.removesuffix("_change") for name in arguments.keys() - {"device"}}
        return self._control.remember(arguments["device"], [(one,) for one in sorted(names)], told)

    def restore(
        self, was: Mapping[str, Any], made: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """Put them back. Raises ToolError."""
        return self._control.restore(was, made)

    def _require(self, temperature: float) -> float:
        low, high = self._settings.lowest, self._settings.highest
        if not low <= temperature <= high:
            message = f"{temperature:g} degrees is not between {low:g} and {high:g}"
            raise ToolError("out_of_range", message, lowest=low, highest=high)
        return temperature

    def shown(self, person: str) -> Sequence[Thing]:
        """Every air conditioner and heating."""
        return self._control.shown(_presses)

    def entities(self, parameter: str) -> Sequence[str]:
        """Names of devices."""
        return self._control.names() if parameter == "device" else ()

    def members(self, parameter: str) -> Mapping[str, Sequence[str]]:
        """Names to the devices they mean."""
        return self._control.members() if parameter == "device" else {}

    def close(self) -> None:
        """Let go of the connection."""
        self._control.close()


def _presses(name: str, state: State) -> Mapping[str, Press]:
    may = {one: Press({"device": name, "on": one == "on"}) for one in ("on", "off")}
    warm = {"temperature": Press({"device": name}, "temperature")}
    return may | (warm if "temperature" in state else {})
