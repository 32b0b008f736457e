"""Devices that describe themselves on a broker, as Home Assistant's MQTT discovery has it. Pure.

https://www.home-assistant.io/integrations/mqtt/. A description is a stranger's: it is bounded, of
its templates only `value_json.name` is obeyed, and nothing in it is ever run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penjing.core.errors import BadInput
from penjing.tools.home.device import Device, Kind, State, Wanted
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
from penjing.tools.home.settings import require_topic

_COMPONENTS: Mapping[str, Kind] = {
    "light": "light", "switch": "switch", "cover": "cover", "climate": "climate",
    "sensor": "sensor", "binary_sensor": "sensor", "scene": "scene",
}  # fmt: skip
_SHORT = {
    "cmd_t": "command_topic", "stat_t": "state_topic", "val_tpl": "value_template",
    "bri_cmd_t": "brightness_command_topic", "bri_stat_t": "brightness_state_topic",
    "bri_scl": "brightness_scale", "clr_temp_cmd_t": "color_temp_command_topic",
    "rgb_cmd_t": "rgb_command_topic", "pl_on": "payload_on", "pl_off": "payload_off",
    "pl_open": "payload_open", "pl_cls": "payload_close", "pl_stop": "payload_stop",
    "pos_t": "position_topic", "set_pos_t": "set_position_topic", "stat_open": "state_open",
    "stat_clsd": "state_closed", "temp_cmd_t": "temperature_command_topic",
    "temp_stat_t": "temperature_state_topic", "mode_cmd_t": "mode_command_topic",
    "mode_stat_t": "mode_state_topic", "curr_temp_t": "current_temperature_topic",
    "fan_mode_cmd_t": "fan_mode_command_topic", "unit_of_meas": "unit_of_measurement",
    "dev_cla": "device_class", "dev": "device", "avty_t": "availability_topic",
    "temp_stat_tpl": "temperature_state_template", "curr_temp_tpl": "current_temperature_template",
    "mode_stat_tpl": "mode_state_template", "pos_tpl": "position_template",
    "sup_clrm": "supported_color_modes", "uniq_id": "unique_id",
}  # fmt: skip
_TEMPLATE = re.compile(r"^\{\{\s*value_json((?:\.\w+|\[['\"]\w+['\"]\])+)[^{}]*\}\}$")
_OPENINGS = ("door", "garage_door", "garage", "window", "opening", "lock")
_COMMANDS = {
    "open": ("payload_open", "OPEN"), "close": ("payload_close", "CLOSE"),
    "stop": ("payload_stop", "STOP"),
}  # fmt: skip

_WHERE = {
    "action": "command_topic", "brightness": "brightness_command_topic",
    "kelvin": "color_temp_command_topic", "colour": "rgb_command_topic",
    "position": "set_position_topic", "temperature": "temperature_command_topic",
    "mode": "mode_command_topic", "fan": "fan_mode_command_topic",
}  # fmt: skip


def described(topic: str, payload: bytes, prefix: str) -> tuple[Device, DiscoveredDevice] | None:
    """A device and how to speak to it; None for what is not one, or is broken."""
    parts = topic.removeprefix(f"{prefix}/").split("/")
    kind = _COMPONENTS.get(parts[0])
    config = _expanded(document(payload))
    if kind is None or parts[-1] != "config" or not config:
        return None
    try:
        for key, value in config.items():
            if key.endswith("_topic"):
                require_topic(value)
    except (BadInput, TypeError, KeyError):
        return None
    name = _name(config, parts[-2])
    area = config["device"].get("suggested_area") if isinstance(config.get("device"), dict) else ""
    room = _shown(area) if isinstance(area, str) else ""
    return Device(name, kind, topic, room=room, found=True), DiscoveredDevice(name, kind, config)


def _expanded(config: dict[str, Any]) -> dict[str, Any]:
    """Long names for short ones, and ~ replaced by what it stands for."""
    base = config.get("~")
    return {_SHORT.get(key, key): _whole(value, base) for key, value in config.items()}


def _whole(value: Any, base: Any) -> Any:
    if not isinstance(value, str) or not isinstance(base, str) or len(value + base) > 1000:
        return value
    value = base + value[1:] if value.startswith("~") else value
    return value[:-1] + base if value.endswith("~") else value


def _name(config: Mapping[str, Any], otherwise: str) -> str:
    device = config.get("device")
    whole = device.get("name") if isinstance(device, dict) else None
    names = [one for one in (whole, config.get("name")) if isinstance(one, str) and one.strip()]
    if len(names) == 2 and names[1].startswith(names[0]):
        names = names[1:]
    return _shown(" ".join(names)) or _shown(otherwise)


def _shown(text: str) -> str:
    """A stranger's text as a name: one line, not long."""
    return "".join(char for char in " ".join(text.split()) if char.isprintable())[:60]


@dataclass(frozen=True)
class DiscoveredDevice:
    """One device that described itself."""

    name: str
    """What it calls itself."""
    kind: Kind
    """What it is."""
    config: Mapping[str, Any]
    """Its description, with long names."""

    def topics(self) -> Sequence[str]:
        """Where it tells what it is."""
        keys = (
            "state_topic", "brightness_state_topic", "position_topic", "temperature_state_topic",
            "mode_state_topic", "current_temperature_topic",
        )  # fmt: skip
        return tuple(dict.fromkeys(self.config[key] for key in keys if key in self.config))

    def messages(self, wanted: Wanted) -> Sequence[tuple[str, str]]:
        """What to publish."""
        if self.kind == "light" and self.config.get("schema") == "json":
            return [(self._topic("command_topic", wanted), json.dumps(self._object(wanted)))]
        return [self._message(name, wanted[name]) for name in wanted]

    def _topic(self, key: str, wanted: Wanted) -> str:
        if key not in self.config:
            raise unsupported(self.name, wanted)
        return str(self.config[key])

    def _object(self, wanted: Wanted) -> dict[str, Any]:
        """A light that takes one JSON object."""
        body: dict[str, Any] = {"state": "ON" if wanted.get("on", True) else "OFF"}
        for name, value in wanted.items():
            if name == "brightness" and self.config.get("brightness"):
                body["brightness"] = scaled(value, self._scale())
            elif name == "kelvin":
                body["color_temp"] = mired(value)
            elif name == "colour":
                red, green, blue = bytes.fromhex(value[1:])
                body["color"] = {"r": red, "g": green, "b": blue}
            elif name != "on":
                raise unsupported(self.name, {name: value})
        return body

    def _scale(self) -> float:
        return number(self.config.get("brightness_scale")) or 255

    def _message(self, name: str, value: Any) -> tuple[str, str]:
        topic = self._topic(self._command(name, value), {name: value})
        if name == "on":
            if self.kind == "climate":
                return topic, self._on_mode() if value else "off"
            key, usual = ("payload_on", "ON") if value else ("payload_off", "OFF")
            return topic, str(self.config.get(key, usual))
        if name == "action":
            key, usual = _COMMANDS[value]
            return topic, str(self.config.get(key, usual))
        if name == "colour":
            return topic, ",".join(map(str, bytes.fromhex(value[1:])))
        shown = scaled(value, self._scale()) if name == "brightness" else value
        return topic, str(mired(shown) if name == "kelvin" else shown)

    def _command(self, name: str, value: Any) -> str:
        """The key under which it says where to write a property."""
        if name == "on":
            return "mode_command_topic" if self.kind == "climate" else "command_topic"
        if name == "action" and (self.kind != "cover" or value not in _COMMANDS):
            return "nowhere"
        return _WHERE.get(name, "nowhere")

    def _on_mode(self) -> str:
        modes = self.config.get("modes")
        modes = [str(mode) for mode in modes] if isinstance(modes, list) else []
        return next((mode for mode in modes if mode != "off"), "auto")

    def state(self, heard: Heard) -> State:
        """What its topics say."""
        said = document(heard.get(str(self.config.get("state_topic"))))
        value = self._value(heard, "state_topic", "value_template")
        if self.kind == "light":
            bright = self._value(heard, "brightness_state_topic", "brightness_value_template")
            return known(
                on=on_off(said.get("state", value)),
                brightness=share(said.get("brightness", bright), self._scale()),
                kelvin=white(said),
                colour=colour(said),
            )
        if self.kind == "cover":
            position = share(self._value(heard, "position_topic", "position_template"), 100)
            return known(position=position, open=self._open(value, position))
        if self.kind == "climate":
            mode = self._value(heard, "mode_state_topic", "mode_state_template")
            temperature = self._value(
                heard, "temperature_state_topic", "temperature_state_template"
            )
            current = "current_temperature"
            now = self._value(heard, f"{current}_topic", f"{current}_template")
            return known(
                mode=mode,
                on=None if mode is None else mode != "off",
                temperature=number(temperature),
                current_temperature=number(now),
            )
        return self._sensed(value)

    def _sensed(self, value: Any) -> State:
        """A switch or a sensor."""
        on = str(self.config.get("payload_on", "ON"))
        off = str(self.config.get("payload_off", "OFF"))
        meant = {on: True, off: False}.get(str(value), on_off(value))
        if self.kind == "switch":
            return known(on=meant)
        if self.config.get("device_class") in _OPENINGS and meant is not None:
            return {"open": meant}
        found = number(value)
        unit = self.config.get("unit_of_measurement")
        return known(
            value=(found if found is not None else value),
            unit=unit[:20] if isinstance(unit, str) and value is not None else None,
        )

    def _open(self, value: Any, position: int | None) -> bool | None:
        if position is not None:
            return position > 0
        shut = str(self.config.get("state_closed", "closed")).lower()
        opened = str(self.config.get("state_open", "open")).lower()
        return {shut: False, opened: True, "closing": True, "opening": True}.get(str(value).lower())

    def _value(self, heard: Heard, topic: str, template: str) -> Any:
        """What a topic says, through its template."""
        payload = heard.get(str(self.config.get(topic)))
        if payload is None:
            return None
        path = _TEMPLATE.match(str(self.config.get(template, "")).strip())
        if path is None:
            return word(payload)
        found: Any = document(payload)
        for name in re.findall(r"\w+", path[1]):
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, str | int | float | bool) else None
