"""The way to a place: a route from an OSRM server, or a geo: link that a map opens.

Places are those the spec names; free words are looked up only when it names a geocoder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from penjing.core.errors import BadInput
from penjing.core.protocols import Tool
from penjing.core.tool_arguments import mistake
from penjing.tools.checked import ToolAdapter, at_least, parameters, text
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.names import find, plain
from penjing.tools.places import Place, by_name, names
from penjing.tools.web import Web, parse_origin
from penjing.tools.when import local, zone_of

DESCRIPTION = "Finds the way to a place: distance, time and a link that a map opens."
PARAMETERS = at_least(
    1,
    parameters(
        [],
        **{
            "to": text("where to"),
            "how_long_to": text("a place: only how far it is and how long it takes"),
            "from": text("where from; the settings' `here` when left out"),
        },
    ),
)

_MOST_STEPS = 30
_ROUTE = {
    "type": "object",
    "required": ["routes"],
    "properties": {
        "routes": {
            "type": "array",
            "minItems": 1,
            "maxItems": 10,
            "items": {
                "type": "object",
                "required": ["distance", "duration"],
                "properties": {
                    "distance": {"type": "number", "minimum": 0, "maximum": 1e8},
                    "duration": {"type": "number", "minimum": 0, "maximum": 1e8},
                },
            },
        }
    },
}


@dataclass(frozen=True)
class Settings:
    """The `navigation:` of a spec."""

    places: tuple[Place, ...] = ()
    """Where one can go by name."""
    here: str | None = None
    """The place from which ways begin when nobody says."""
    osrm: str | None = None
    """A routing server; without one there is only a link."""
    profile: str = "driving"
    """How one travels, as the routing server calls it."""
    nominatim: str | None = None
    """A geocoder for free words."""
    ca: Path | None = None
    """Certificates to trust instead of the system's."""

    def __post_init__(self) -> None:
        for url in (self.osrm, self.nominatim):
            if url:
                parse_origin(url)
        if self.here and plain(self.here) not in by_name(self.places):
            raise BadInput(f"navigation.here '{self.here}' is none of its places")
        if not re.fullmatch("[a-z]{1,20}", self.profile):
            raise BadInput("navigation.profile is one word, such as driving, cycling or walking")

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports it talks to."""
        return [parse_origin(url).address for url in (self.osrm, self.nominatim) if url]


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    return [ToolAdapter("navigation", DESCRIPTION, PARAMETERS, Navigation(settings, given))]


class Navigation:
    """Finds ways."""

    def __init__(self, settings: Settings, given: Given) -> None:
        self._settings, self._clock = settings, given.clock
        self._osrm = Web(settings.osrm, ca=settings.ca) if settings.osrm else None
        self._geocoder = Web(settings.nominatim, ca=settings.ca) if settings.nominatim else None
        self._places = by_name(settings.places)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed."""
        if ("to" in arguments) == ("how_long_to" in arguments):
            raise ToolError("arguments", "say a place to go to, or one to know how long it takes")
        if "how_long_to" in arguments:
            return self._how_long(arguments)
        to = self._place(arguments["to"])
        return self._way(arguments, to, _shown(to))

    def _how_long(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The time to a place, and nothing that would set out for it."""
        to = self._place(arguments["how_long_to"])
        way = self._way(arguments, to, {"to": to.name, "routed": False})
        return {key: value for key, value in way.items() if key != "steps"}

    def _way(
        self, arguments: Mapping[str, Any], to: Place, data: Mapping[str, Any]
    ) -> dict[str, Any]:
        start = arguments.get("from", self._settings.here)
        if self._osrm is None or start is None:
            return dict(data)
        begin = self._place(start)
        try:
            return {**data, "from": begin.name, **self._route(self._osrm, begin, to)}
        except ToolError as error:  # the link works without the server
            return {**data, "from": begin.name, "why": str(error)}

    def _place(self, name: str) -> Place:
        try:
            return find("place", name, self._places)
        except ToolError:
            if self._geocoder is None:
                raise
        answer = self._geocoder.get("/search", q=name, format="jsonv2", limit=1)
        if answer == []:
            raise ToolError("unknown_name", f"nobody knows a place called '{name[:60]}'", near=[])
        try:
            found = answer[0]
            title = " ".join(str(found.get("display_name", name)).split())[:120]
            return Place(title, float(found["lat"]), float(found["lon"]))
        except (TypeError, KeyError, ValueError, IndexError, AttributeError) as error:
            raise ToolError("wrong_answer", "the geocoder answers what is no place") from error

    def _route(self, osrm: Web, begin: Place, to: Place) -> dict[str, Any]:
        ends = f"{begin.longitude:.6f},{begin.latitude:.6f};{to.longitude:.6f},{to.latitude:.6f}"
        path = f"/route/v1/{self._settings.profile}/{ends}"
        answer = osrm.get(path, overview="false", steps="true")
        if isinstance(answer, dict) and answer.get("code") == "NoRoute":
            raise ToolError("not_supported", f"there is no way from {begin.name} to {to.name}")
        wrong = mistake(answer, _ROUTE)
        if wrong:
            raise ToolError("wrong_answer", f"the routing server answers what is no way: {wrong}")
        route = answer["routes"][0]
        seconds = round(route["duration"])
        arrive = local(self._clock() + seconds, zone_of(None))
        return {
            "routed": True,
            "metres": round(route["distance"]),
            "seconds": seconds,
            "arrive": f"{arrive:%H:%M}",
            "steps": _steps(route),
        }

    def entities(self, parameter: str) -> Sequence[str]:
        """Names of places."""
        return names(self._settings.places) if parameter in ("to", "from") else ()

    def close(self) -> None:
        """Nothing is held."""


def _shown(to: Place) -> dict[str, Any]:
    """A place as a map opens it."""
    return {
        "to": to.name,
        "latitude": to.latitude,
        "longitude": to.longitude,
        "link": f"geo:{to.latitude:.6f},{to.longitude:.6f}?q={quote(to.name)}",
        "routed": False,
    }


def _steps(route: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What to do on the way; a step that is not one is left out."""
    found = []
    legs = route.get("legs")
    for leg in legs if isinstance(legs, list) else []:
        steps = leg.get("steps") if isinstance(leg, dict) else None
        for step in steps if isinstance(steps, list) else []:
            turn = step.get("maneuver") if isinstance(step, dict) else None
            distance = step.get("distance") if isinstance(step, dict) else None
            if isinstance(turn, dict) and isinstance(distance, int | float):
                found.append(
                    {
                        "turn": str(turn.get("type", ""))[:40],
                        "direction": str(turn.get("modifier", ""))[:40],
                        "road": " ".join(str(step.get("name", "")).split())[:80],
                        "metres": round(distance),
                    }
                )
    return found[:_MOST_STEPS]
