"""A device and what can be asked of it, in words that no protocol has. Pure values and one seam.

What is wanted of a device, and what is known of it, is a mapping of these words:

    on bool · brightness 0-100 · colour "#rrggbb" · kelvin · position 0-100 (100 is open)
    action open|close|stop|play|pause|next|previous · temperature °C · mode · fan · volume 0-100
    mute bool · source text        known only: open bool · value · unit · current_temperature ...
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Kind = Literal["light", "switch", "cover", "climate", "tv", "sensor", "scene"]
Wanted = Mapping[str, Any]
State = Mapping[str, Any]


@dataclass(frozen=True)
class Device:
    """Something in the house."""

    name: str
    """What people call it."""
    kind: Kind
    """What it is."""
    key: str
    """How its house finds it again."""
    also: tuple[str, ...] = ()
    """Its other names."""
    room: str = ""
    """Where it is."""
    found: bool = False
    """It told its name itself: the spec does not have it."""


@dataclass(frozen=True)
class Known:
    """What is known of a device."""

    state: State
    """In the words above; what is not known is not there."""
    age: float | None
    """Seconds since it was said; None when nobody knows."""


Told = Literal["confirmed", "sent", "no_answer"]
"""It says that it is so now; it never says how it is; it should have said so and did not."""


class House(Protocol):
    """Devices behind one server. Every method may raise Failed."""

    def devices(self) -> Sequence[Device]:
        """What there is right now."""
        ...

    def known(self, device: Device) -> Known:
        """What is known of one."""
        ...

    def glance(self, device: Device) -> Known:
        """The same as it was heard last: nothing is asked."""
        ...

    def change(self, device: Device, wanted: Wanted) -> Told:
        """Do it; what the device itself says to it."""
        ...

    def close(self) -> None:
        """Let go of connections. Calling it twice is harmless."""
        ...


def close(one: object, other: object) -> bool:
    """Two values of a word are the same: devices round, and mix colours as their lamps can."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other  # on is not nearly off
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= max(1.0, 0.02 * abs(other))
    if isinstance(one, str) and isinstance(other, str) and one[:1] == other[:1] == "#":
        return all(abs(a - b) <= _MIXED for a, b in zip(_full(one), _full(other), strict=True))
    return one == other


_MIXED = 64
"""How far a channel of 255 may be off that a lamp shows."""


def _full(colour: str) -> tuple[float, ...]:
    """Red, green and blue, the strongest at 255: how bright it is, is told elsewhere."""
    channels = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return tuple(one * 255 / max(*channels, 1) for one in channels)
