"""Tasmota: commands on cmnd/TOPIC/COMMAND, results on stat/ and tele/. Pure.

https://tasmota.github.io/docs/Commands/; several commands go as one Backlog, so that all or none
of them arrive.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from penjing.tools.failed import Offline
from penjing.tools.home.device import State, Wanted
from penjing.tools.home.dialect import (
    Heard,
    document,
    kelvin,
    known,
    mired,
    number,
    on_off,
    share,
    unsupported,
    word,
)  # fmt: skip

_SHUTTER = {"open": "ShutterOpen1", "close": "ShutterClose1", "stop": "ShutterStop1"}
_MODES = {"heat": "Heat", "cool": "Cool", "auto": "Auto", "dry": "Dry", "fan_only": "Fan"}
_FANS = {"auto": "Auto", "low": "Min", "medium": "Medium", "high": "Max"}


@dataclass(frozen=True)
class Tasmota:
    """One device."""

    name: str
    """What people call it."""
    topic: str
    """Its topic."""
    vendor: str | None = None
    """It sends infrared to an air conditioner of this vendor."""

    def topics(self) -> Sequence[str]:
        """Where it tells what it is."""
        ends = ("stat/{}/POWER", "stat/{}/RESULT", "tele/{}/STATE", "tele/{}/SENSOR", "tele/{}/LWT")
        return tuple(end.format(self.topic) for end in ends)

    def messages(self, wanted: Wanted) -> Sequence[tuple[str, str]]:
        """One message, whatever is wanted."""
        if self.vendor is not None:
            return [(f"cmnd/{self.topic}/IRHVAC", json.dumps(self._infrared(wanted)))]
        commands = [self._command(name, wanted[name]) for name in wanted]
        if len(commands) == 1:
            command, value = commands[0]
            return [(f"cmnd/{self.topic}/{command}", value)]
        backlog = "; ".join(f"{command} {value}" for command, value in commands)
        return [(f"cmnd/{self.topic}/Backlog0", backlog)]

    def _command(self, name: str, value: Any) -> tuple[str, str]:
        match name:
            case "on":
                return "POWER", "ON" if value else "OFF"
            case "brightness":
                return "Dimmer", str(round(value))
            case "colour":
                return "Color", value
            case "kelvin":
                return "CT", str(max(153, min(500, mired(value))))
            case "position":
                return "ShutterPosition1", str(round(value))
            case "action" if value in _SHUTTER:
                return _SHUTTER[value], ""
            case _:
                raise unsupported(self.name, {name: value})

    def _infrared(self, wanted: Wanted) -> dict[str, Any]:
        """An air conditioner is told everything at once, and says nothing back."""
        mode = wanted.get("mode", "auto")
        on = wanted.get("on", mode != "off")
        body = {"Vendor": self.vendor, "Power": "On" if on and mode != "off" else "Off"}
        for name in wanted:
            match name:
                case "on":
                    pass
                case "mode":
                    body["Mode"] = _MODES.get(mode, "Auto")
                case "temperature":
                    body |= {"Temp": wanted[name], "Celsius": "On"}
                case "fan":
                    body["FanSpeed"] = _FANS[wanted[name]]
                case _:
                    raise unsupported(self.name, {name: wanted[name]})
        return body

    def state(self, heard: Heard) -> State:
        """What its topics say."""
        if word(heard.get(f"tele/{self.topic}/LWT")).lower() == "offline":
            raise Offline(self.name)
        said = document(heard.get(f"tele/{self.topic}/STATE"))
        said |= document(heard.get(f"stat/{self.topic}/RESULT"))
        power = heard.get(f"stat/{self.topic}/POWER")
        shutter = said.get("Shutter1")
        position = share(shutter.get("Position"), 100) if isinstance(shutter, dict) else None
        sensor = document(heard.get(f"tele/{self.topic}/SENSOR"))
        inner = next((part for part in sensor.values() if isinstance(part, dict)), {})
        ac = said.get("IRHVAC")
        ac = ac if isinstance(ac, dict) else {}
        return known(
            on=on_off(word(power) if power else said.get("POWER", ac.get("Power"))),
            brightness=share(said.get("Dimmer"), 100),
            kelvin=kelvin(said.get("CT")),
            position=position,
            open=None if position is None else position > 0,
            temperature=number(ac.get("Temp", inner.get("Temperature"))),
            humidity=number(inner.get("Humidity")),
        )
