"""Tools over a house in memory, and tools of one person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from penjing.tools.checked import ToolAdapter
from penjing.tools.given import Given
from penjing.tools.home.device import Device, Kind, Known, Told, Wanted
from penjing.tools.home.houses import Houses
from penjing.tools.home.settings import HouseSettings, Mqtt


@dataclass
class Place:
    """A house in memory, and the houses that it is all of. Satisfies `House`."""

    kind: Kind
    states: dict[str, dict[str, Any]]
    told: Told = "confirmed"
    changed: list[tuple[str, Wanted]] = field(default_factory=list)

    def enter(self, settings: HouseSettings, kind: Kind) -> list[Place]:
        return [self]

    def leave(self, house: Place) -> None:
        """Nothing is held."""

    def devices(self) -> Sequence[Device]:
        return [Device(one, self.kind, one, room="den") for one in self.states]

    def known(self, device: Device) -> Known:
        return Known(self.states[device.name], 1.0)

    def glance(self, device: Device) -> Known:
        return self.known(device)

    def change(self, device: Device, wanted: Wanted) -> Told:
        self.changed.append((device.name, dict(wanted)))
        if self.told == "confirmed":
            state = self.states[device.name]
            if "colour" in wanted:
                state.pop("kelvin", None)
            if "kelvin" in wanted:
                state.pop("colour", None)
            state.update(wanted)
        return self.told

    def close(self) -> None:
        """Nothing is held."""


def tool_of(module: Any, place: Place, given: Given) -> ToolAdapter:
    settings = module.Settings(mqtt=Mqtt("127.0.0.1"))
    return cast(
        "ToolAdapter", module.make(settings, replace(given, houses=cast("Houses", place)))[0]
    )


def adapter(module: Any, given: Given, **settings: Any) -> ToolAdapter:
    return cast("ToolAdapter", module.make(module.Settings(**settings), given)[0])
