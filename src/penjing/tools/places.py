"""Places that a spec names: a name, its other names, and where it is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penjing.core.cities import cities
from penjing.core.errors import BadInput
from penjing.tools.names import by_plain, plain


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

    def called(self, name: str) -> str:
        """Its name as somebody says it: in the language they asked in."""
        every = (self.name, *self.also)
        return next((one for one in every if plain(one) == plain(name)), self.name)


def with_cities(places: Sequence[Place]) -> tuple[Place, ...]:
    """The places, and the large cities of the world that are none of them."""
    own = by_name(places)
    more = (
        Place(one.names[0], one.latitude, one.longitude, one.names[1:])
        for one in cities()
        if not any(plain(name) in own for name in one.names)
    )
    return (*places, *more)


def by_name(places: Sequence[Place]) -> dict[str, Place]:
    """Places by all their names, for `names.find`."""
    return by_plain((name, place) for place in places for name in (place.name, *place.also))


def names(places: Sequence[Place]) -> tuple[str, ...]:
    """All names of all places."""
    return tuple(name for place in places for name in (place.name, *place.also))
