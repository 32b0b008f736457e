"""Places that a spec names: a name, its other names, and where it is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penjing.core.errors import BadInput
from penjing.tools.names import by_plain


@dataclass(frozen=True)
class Place:
    """One place."""

    name: str
    """What it is called."""
    latitude: float
    """Degrees north."""
    longitude: float
    """Degrees east."""
    also: tuple[str, ...] = ()
    """Its other names."""

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180):
            raise BadInput(f"{self.name} is nowhere on earth: check latitude and longitude")


def by_name(places: Sequence[Place]) -> dict[str, Place]:
    """Places by all their names, for `names.find`."""
    return by_plain((name, place) for place in places for name in (place.name, *place.also))


def names(places: Sequence[Place]) -> tuple[str, ...]:
    """All names of all places."""
    return tuple(name for place in places for name in (place.name, *place.also))
