"""The time and the date, here or in another zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penjing.core import weekdays
from penjing.core.errors import BadInput
from penjing.core.protocols import Tool
from penjing.tools.checked import ToolAdapter, parameters, text
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.names import by_plain, plain
from penjing.tools.when import local, zone_of

DESCRIPTION = "Says what time and what day it is, here or somewhere else."
PARAMETERS = parameters([], zone=text("a place of the settings, or a zone such as Asia/Shanghai"))

_WEEKDAYS = {"en": weekdays.ENGLISH, "zh": [f"星期{one}" for one in weekdays.CHINESE]}


@dataclass(frozen=True)
class Settings:
    """The `clock:` of a spec."""

    zone: str | None = None
    """Time zone by name; this machine's when left out."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Names of places and their zones: `北京: Asia/Shanghai`."""

    def __post_init__(self) -> None:
        for zone in (self.zone, *self.places.values()):
            zone_of(zone)

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports it talks to."""
        return []


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    return [ToolAdapter("clock", DESCRIPTION, PARAMETERS, Clock(settings, given))]


class Clock:
    """Reads the clock."""

    def __init__(self, settings: Settings, given: Given) -> None:
        self._settings, self._clock = settings, given.clock
        self._places = by_plain(settings.places.items())

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed."""
        asked = arguments.get("zone")
        name = self._settings.zone if asked is None else self._places.get(plain(asked), asked)
        try:
            now = local(self._clock(), zone_of(name))
        except BadInput as error:
            raise ToolError("unknown_name", str(error), near=[]) from error
        return {
            "time": f"{now:%H:%M}",
            "date": f"{now:%Y-%m-%d}",
            "weekday": now.weekday(),
            "weekday_name": {lang: names[now.weekday()] for lang, names in _WEEKDAYS.items()},
            "zone": name or now.tzname() or "",
        }

    def entities(self, parameter: str) -> Sequence[str]:
        """Places whose time is known."""
        return tuple(self._settings.places) if parameter == "zone" else ()

    def close(self) -> None:
        """Nothing is held."""
