"""One connection for all tools that name the same house."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from penjing.tools.home.device import House, Kind
from penjing.tools.home.settings import HomeAssistant, HouseSettings, Mqtt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penjing.tools.home.settings import Line


class Growing(House, Protocol):
    """A house that can be told of devices."""

    def add(self, kind: Kind, lines: Iterable[Line]) -> None:
        """Devices that the spec names."""
        ...


class Houses:
    """Houses by their settings, each closed when the last tool lets go."""

    def __init__(self) -> None:
        self._open: dict[Mqtt | HomeAssistant, tuple[Growing, int]] = {}
        self._lock = threading.Lock()

    def enter(self, settings: HouseSettings, kind: Kind) -> list[House]:
        """The houses of a tool's settings, told of its devices."""
        entered: list[House] = []
        for place in (settings.mqtt, settings.home_assistant):
            if place is not None:
                with self._lock:
                    house, users = self._open.get(place) or (_built(place), 0)
                    self._open[place] = house, users + 1
                house.add(kind, settings.devices)
                entered.append(house)
        return entered

    def leave(self, house: House) -> None:
        """A tool lets go of a house."""
        with self._lock:
            for place, (open_house, users) in list(self._open.items()):
                if open_house is house:
                    self._open[place] = open_house, users - 1
                    if users == 1:
                        del self._open[place]
                        house.close()


def _built(place: Mqtt | HomeAssistant) -> Growing:
    if isinstance(place, Mqtt):
        from penjing.tools.home.mqtt_house import MqttHouse

        return MqttHouse(place)
    from penjing.tools.home.assistant_house import AssistantHouse

    return AssistantHouse(place)
