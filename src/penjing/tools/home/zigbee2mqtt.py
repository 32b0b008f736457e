"""Zigbee2MQTT: one JSON object on NAME/set, one JSON object back on NAME. Pure.

https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penjing.tools.failed import Offline
from penjing.tools.home.device import State, Wanted
from penjing.tools.home.dialect import (
    Heard,
    colour,
    document,
    known,
    mired,
    number,
    on_off,
    scaled,
    share,
    unsupported,
    white,
    word,
)  # fmt: skip

_FULL = 254
_SETPOINTS = ("occupied_heating_setpoint", "current_heating_setpoint")
_WORDS = {"open": "OPEN", "close": "CLOSE", "stop": "STOP"}

_PARTS: Mapping[str, Callable[[Any], Mapping[str, Any]]] = {
    "on": lambda value: {"state": "ON" if value else "OFF"},
    "brightness": lambda value: {"brightness": scaled(value, _FULL)},
    "colour": lambda value: {"color": {"hex": value}},
    "kelvin": lambda value: {"color_temp": mired(value)},
    "position": lambda value: {"position": value},
    "action": lambda value: {"state": _WORDS[value]},
    "mode": lambda value: {"system_mode": value},
    "fan": lambda value: {"fan_mode": value},
}


@dataclass(frozen=True)
class Zigbee2Mqtt:
    """One device."""

    name: str
    """What people call it."""
    topic: str
    """Base topic and friendly name."""
    setpoint: str = _SETPOINTS[0]
    """What a thermostat calls the wanted temperature."""

    def topics(self) -> Sequence[str]:
        """Where it tells what it is."""
        return (self.topic, f"{self.topic}/availability")

    def messages(self, wanted: Wanted) -> Sequence[tuple[str, str]]:
        """One object with all of it: it is done whole or not at all."""
        body: dict[str, Any] = {}
        for name, value in wanted.items():
            body |= self._part(name, value)
        return [(f"{self.topic}/set", json.dumps(body))]

    def _part(self, name: str, value: Any) -> Mapping[str, Any]:
        if name == "temperature":
            return {self.setpoint: value}
        if name not in _PARTS or (name == "action" and value not in _WORDS):
            raise unsupported(self.name, {name: value})
        return _PARTS[name](value)

    def state(self, heard: Heard) -> State:
        """What its topics say."""
        there = heard.get(f"{self.topic}/availability")
        if "offline" in (word(there), document(there).get("state")):
            raise Offline(self.name)
        said = document(heard.get(self.topic))
        position = share(said.get("position"), 100)
        opened = {"open": True, "close": False, "closed": False}.get(
            str(said.get("state", "")).lower()
        )
        if position is not None:
            opened = position > 0
        if isinstance(said.get("contact"), bool):
            opened = not said["contact"]
        setpoint = next((said[key] for key in _SETPOINTS if key in said), None)
        return known(
            on=on_off(said.get("state")),
            brightness=share(said.get("brightness"), _FULL),
            kelvin=white(said),
            colour=colour(said),
            position=position,
            open=opened,
            temperature=number(said.get("temperature") if setpoint is None else setpoint),
            current_temperature=number(said.get("local_temperature")),
            humidity=number(said.get("humidity")),
            battery=number(said.get("battery")),
            occupancy=said.get("occupancy") if isinstance(said.get("occupancy"), bool) else None,
            mode=said.get("system_mode"),
        )
