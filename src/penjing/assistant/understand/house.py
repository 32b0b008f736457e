"""What a house is called: names of things with what they are, rooms, floors. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from penjing.assistant.understand.phrasebook import Phrasebook, phrasebook


class Said(NamedTuple):
    """What a phrase of a list means."""

    value: Any
    """What the slot gets."""
    context: Mapping[str, Any]
    """What is known of it, such as its domain."""


@dataclass(frozen=True)
class Thing:
    """Something that has a name."""

    name: str
    """What people say."""
    value: str
    """Its exact name."""
    context: Mapping[str, Any] = field(default_factory=dict)
    """Its domain, and what else packaged sentences ask of it (device_class)."""


@dataclass(frozen=True)
class House:
    """All that has a name."""

    things: tuple[Thing, ...] = ()
    """Devices, scenes, lists, people."""
    areas: tuple[Thing, ...] = ()
    """Rooms."""
    floors: tuple[Thing, ...] = ()
    """Storeys."""

    def books(self) -> dict[str, Phrasebook]:
        """Names by the list of packaged sentences that they fill."""
        every = {"name": self.things, "area": self.areas, "floor": self.floors}
        return {
            key: phrasebook((one.name, Said(one.value, one.context)) for one in many)
            for key, many in every.items()
        }
