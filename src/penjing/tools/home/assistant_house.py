"""Devices of a Home Assistant, through its REST API: states of live entities, and services.

https://developers.home-assistant.io/docs/api/rest/
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from penjing.tools.failed import Offline, ToolError
from penjing.tools.home.device import Device, Kind, Known, State, Told, Wanted
from penjing.tools.home.dialect import known, number, share
from penjing.tools.home.settings import HomeAssistant, Line
from penjing.tools.keep import read_secret
from penjing.tools.web import Limits, Web

_KINDS: Mapping[str, Kind] = {
    "light": "light", "switch": "switch", "input_boolean": "switch", "cover": "cover",
    "climate": "climate", "media_player": "tv", "scene": "scene", "sensor": "sensor",
    "binary_sensor": "sensor",
}  # fmt: skip
_OPENINGS = ("door", "garage_door", "window", "opening")
_MOST = 3_000
_FRESH = 2.0  # seconds for which a list of states is good

Call = tuple[str, Mapping[str, Any]]
"""A service of the entity's domain, and its data."""


class AssistantHouse:
    """One Home Assistant's devices. Satisfies `House`."""

    def __init__(self, settings: HomeAssistant) -> None:
        token = read_secret(settings.token_file)
        headers = {"Authorization": f"Bearer {token}"}
        limits = Limits(seconds=5.0, most_bytes=8 * 2**20)
        self._web = Web(settings.url, headers=headers, ca=settings.ca, limits=limits)
        self._lines: dict[str, Line] = {}
        self._states: tuple[float, dict[str, Mapping[str, Any]]] = (0.0, {})

    def add(self, kind: Kind, lines: Iterable[Line]) -> None:
        """Other names and rooms of devices that the spec names."""
        self._lines |= {line.entity: line for line in lines if line.entity is not None}

    def devices(self) -> Sequence[Device]:
        """What there is right now."""
        return [self._device(entity, state) for entity, state in self._all().items()]

    def _device(self, entity: str, state: Mapping[str, Any]) -> Device:
        title = state["attributes"].get("friendly_name")
        title = " ".join(title.split())[:60] if isinstance(title, str) else ""
        device = Device(title or entity, _KINDS[entity.partition(".")[0]], entity)
        line = self._lines.get(entity)
        if line is None:
            return replace(device, found=True)
        return replace(device, name=line.name, also=(*line.also, device.name), room=line.room)

    def known(self, device: Device) -> Known:
        """What is known of one."""
        entity = self._require(self._web.get(f"/api/states/{device.key}"))
        return Known(_state(device, entity), None)

    def glance(self, device: Device) -> Known:
        """The same, from the list of all states."""
        entity = self._all().get(device.key)
        if entity is None:
            raise ToolError("unknown_name", f"{device.name} is not there any more", near=[])
        return Known(_state(device, entity), None)

    def change(self, device: Device, wanted: Wanted) -> Told:
        """Do it; Home Assistant answers with the states that changed."""
        domain = device.key.partition(".")[0]
        changed: list[Any] = []
        for count, (service, data) in enumerate(_calls(device, wanted)):
            try:
                answer = self._web.post(
                    f"/api/services/{domain}/{service}", {"entity_id": device.key, **data}
                )
            except ToolError as error:
                lost = error.reason in ("timeout", "wrong_answer")
                reason = "unconfirmed" if lost or count else error.reason
                raise ToolError(reason, str(error), **error.data) from error
            changed += answer if isinstance(answer, list) else []
        self._states = (0.0, {})
        so = any(isinstance(one, dict) and one.get("entity_id") == device.key for one in changed)
        return "confirmed" if so else "sent"  # of what was so already nothing is said

    def close(self) -> None:
        """Nothing is held."""

    def _all(self) -> dict[str, Mapping[str, Any]]:
        at, states = self._states
        if states and time.monotonic() - at < _FRESH:
            return states
        answer = self._web.get("/api/states")
        if not isinstance(answer, list) or len(answer) > _MOST:
            raise ToolError("wrong_answer", "Home Assistant answers what is no list of states")
        entities = [self._require(one) for one in answer]
        found = {entity["entity_id"]: entity for entity in entities}
        states = {key: one for key, one in found.items() if key.partition(".")[0] in _KINDS}
        self._states = (time.monotonic(), states)
        return states

    def _require(self, entity: Any) -> Mapping[str, Any]:
        fine = isinstance(entity, dict) and isinstance(entity.get("attributes"), dict)
        if not fine or not all(isinstance(entity.get(key), str) for key in ("entity_id", "state")):
            raise ToolError("wrong_answer", "Home Assistant answers what is no state")
        if not entity["entity_id"].replace(".", "", 1).replace("_", "").isalnum():
            raise ToolError("wrong_answer", "Home Assistant names an entity that cannot be")
        return dict(entity)


def _calls(device: Device, wanted: Wanted) -> list[Call]:
    """The services that do what is wanted. Raises ToolError before any of them is called."""
    rest = dict(wanted)
    if device.kind == "light":
        return [_light(rest, device)]
    calls: list[Call] = []
    if "on" in rest:
        calls.append(("turn_on" if rest.pop("on") else "turn_off", {}))
    for name, value in rest.items():
        call = _ACTIONS.get((device.kind, value)) if name == "action" else None
        make = _CALLS.get((device.kind, name))
        if call is not None:
            calls.append((call, {}))
        elif make is not None:
            calls.append(make(value))
        else:
            raise ToolError("not_supported", f"{device.name} has no {name} {value}")
    return calls


def _light(rest: dict[str, Any], device: Device) -> Call:
    if not rest.pop("on", True):
        return "turn_off", {}
    data: dict[str, Any] = {}
    for name, value in rest.items():
        if name == "brightness":
            data["brightness_pct"] = value
        elif name == "kelvin":
            data["color_temp_kelvin"] = value
        elif name == "colour":
            data["rgb_color"] = list(bytes.fromhex(value[1:]))
        else:
            raise ToolError("not_supported", f"{device.name} has no {name}")
    return "turn_on", data


_ACTIONS: Mapping[tuple[str, Any], str] = {
    ("cover", "open"): "open_cover", ("cover", "close"): "close_cover",
    ("cover", "stop"): "stop_cover", ("tv", "play"): "media_play", ("tv", "pause"): "media_pause",
    ("tv", "stop"): "media_stop", ("tv", "next"): "media_next_track",
    ("tv", "previous"): "media_previous_track",
}  # fmt: skip
_CALLS: Mapping[tuple[str, str], Callable[[Any], Call]] = {
    ("cover", "position"): lambda value: ("set_cover_position", {"position": value}),
    ("climate", "temperature"): lambda value: ("set_temperature", {"temperature": value}),
    ("climate", "mode"): lambda value: ("set_hvac_mode", {"hvac_mode": value}),
    ("climate", "fan"): lambda value: ("set_fan_mode", {"fan_mode": value}),
    ("tv", "volume"): lambda value: ("volume_set", {"volume_level": value / 100}),
    ("tv", "mute"): lambda value: ("volume_mute", {"is_volume_muted": value}),
    ("tv", "source"): lambda value: ("select_source", {"source": value}),
}


_MIXING = ("hs", "xy", "rgb", "rgbw", "rgbww")
"""Modes in which a lamp shows a colour."""


def _state(device: Device, entity: Mapping[str, Any]) -> State:
    said, more = entity["state"], entity["attributes"]
    if said == "unavailable":
        raise Offline(device.name)
    if said == "unknown":
        raise ToolError("not_known", f"{device.name} has not said how it is")
    match device.kind:
        case "light":
            bright = share(more.get("brightness"), 255)
            mixed = more.get("rgb_color")
            shown = mixed if more.get("color_mode") in _MIXING and isinstance(mixed, list) else ()
            colour = "#" + bytes(shown).hex() if len(shown) == 3 else None
            kelvin = None if colour else more.get("color_temp_kelvin")
            return known(on=said == "on", brightness=bright, kelvin=kelvin, colour=colour)
        case "cover":
            position = share(more.get("current_position"), 100)
            return known(open=said != "closed", position=position)
        case "climate":
            return known(
                on=said != "off",
                mode=said,
                temperature=number(more.get("temperature")),
                current_temperature=number(more.get("current_temperature")),
            )
        case "tv":
            return known(
                on=said not in ("off", "standby"),
                volume=share(more.get("volume_level"), 1),
                mute=more.get("is_volume_muted"),
                source=more.get("source"),
            )
        case "sensor":
            return _sensed(said, more)
        case _:
            return known(on=said == "on")


def _sensed(said: str, more: Mapping[str, Any]) -> State:
    if more.get("device_class") in _OPENINGS:
        return {"open": said == "on"}
    found = number(said)
    return known(value=said[:200] if found is None else found, unit=more.get("unit_of_measurement"))
