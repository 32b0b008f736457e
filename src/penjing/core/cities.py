"""Large cities of the world: what they are called in English and Chinese, and where they are.

Who tells the weather needs the place, who reads a sentence the names: both take them from here.
"""

from __future__ import annotations

import functools
import importlib.resources
from dataclasses import dataclass


@dataclass(frozen=True)
class City:
    """One city."""

    names: tuple[str, ...]
    """The English one first."""
    latitude: float
    """Degrees north."""
    longitude: float
    """Degrees east."""


@functools.cache
def cities() -> tuple[City, ...]:
    """All of them, by their English names. Coordinates are GeoNames' (CC BY 4.0)."""
    text = importlib.resources.files(__package__).joinpath("cities.txt").read_text("utf-8")
    return tuple(_city(line) for line in text.splitlines() if not line.startswith("#"))


def city_names() -> tuple[str, ...]:
    """All names of all cities."""
    return tuple(name for one in cities() for name in one.names)


def _city(line: str) -> City:
    names, latitude, longitude = line.split("\t")
    return City(tuple(names.split("|")), float(latitude), float(longitude))
