"""A house in memory behind the tools of a spec, for pages that show one. Satisfies `House`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from penjing.tools.failed import ToolError
from penjing.tools.home.device import Device, Kind, Known, Told, Wanted
from penjing.tools.home.settings import Line

_MQTT = "mqtt: {host: 127.0.0.1}"
HOUSE_SPEC = f"""\
assistant: House
languages: [en, zh]
tools:
  lights:
    settings:
      {_MQTT}
      devices:
        - {{name: desk lamp, tasmota: desk, room: study, also: [台灯]}}
        - {{name: hall light, tasmota: hall}}
  covers:
    settings: {{{_MQTT}, devices: [{{name: garage door, tasmota: door}}]}}
  states:
    settings: {{{_MQTT}, devices: [{{name: garage door, tasmota: door}}]}}
  timers: {{who: [owner, member]}}
  notes: {{who: [owner, member]}}
slots:
  light: {{type: entity, tool: lights, parameter: light, ask: {{en: "Which?", zh: "哪一个？"}}}}
  time: {{type: duration, ask: {{en: "How long?", zh: "多久？"}}}}
intents:
  light_on:
    sentences: {{en: ["turn on the {{light}}"], zh: ["打开{{light}}"]}}
    do:
      - call: lights
        with: {{light: $light, on: true}}
        describes: {{en: "turn on the {{light}}", zh: "打开{{light}}"}}
      - answer: {{en: "It is on.", zh: 开了。}}
  timer:
    sentences: {{en: ["set a timer for {{time}}"], zh: ["定时{{time}}"]}}
    do:
      - call: timers
        with: {{action: set, seconds: $time, label: pasta}}
        describes: {{en: "set a timer for {{time}}", zh: "定时{{time}}"}}
      - answer: {{en: "It runs.", zh: 开始了。}}
"""
"""A spec whose devices are behind a broker that a test puts a MemoryHouse in the place of."""


class MemoryHouse:
    """Devices that the spec names, with states that a test gives."""

    def __init__(self, states: dict[str, dict[str, Any]]) -> None:
        self.states, self.told = states, "confirmed"
        self._named: list[Device] = []

    def add(self, kind: Kind, lines: Iterable[Line]) -> None:
        self._named += [Device(one.name, kind, one.name, one.also, one.room) for one in lines]

    def devices(self) -> Sequence[Device]:
        return self._named

    def known(self, device: Device) -> Known:
        if device.name not in self.states:
            raise ToolError("unreachable", f"{device.name} is off line")
        return Known(self.states[device.name], 1.0)

    def glance(self, device: Device) -> Known:
        return self.known(device)

    def change(self, device: Device, wanted: Wanted) -> Told:
        said = {key: value for key, value in wanted.items() if key != "action"}
        if "action" in wanted:
            said = {"open": wanted["action"] == "open"}
        if self.told == "confirmed":
            self.states[device.name].update(said)
            return "confirmed"
        return "no_answer"

    def close(self) -> None:
        """Nothing is held."""
