"""Alarms: ring when the clock on the wall shows a time, once or on days of the week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penjing.core.protocols import Tool
from penjing.tools.checked import ToolAdapter, number, text
from penjing.tools.entries import Entry
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.ringing import WALL, Ringing, ringing_parameters
from penjing.tools.when import local, next_moment, zone_of

DESCRIPTION = "Sets, lists, cancels, stops and snoozes alarms at a time of day, or after a while."
PARAMETERS = ringing_parameters(
    **WALL,
    label=text("what to call it"),
    seconds=number("after how many seconds, in place of a time", 1, 604_800),
)


@dataclass(frozen=True)
class Settings:
    """The `alarms:` of a spec."""

    zone: str | None = None
    """Time zone by name; this machine's when left out."""
    snooze_minutes: int = 9
    """How long to snooze when nobody says."""

    def __post_init__(self) -> None:
        zone_of(self.zone)

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports it talks to."""
        return []


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    return [ToolAdapter("alarms", DESCRIPTION, PARAMETERS, Alarms(settings, given))]


class Alarms(Ringing):
    """Knows the clock on the wall."""

    kind = "alarm"

    def __init__(self, settings: Settings, given: Given) -> None:
        super().__init__(given, settings.snooze_minutes, settings.zone)
        self._settings = settings

    def _set(self, arguments: Mapping[str, Any], person: str, now: float) -> Entry:
        label = arguments.get("label", "")
        if "seconds" in arguments:
            if {"time", "date", "days"} & arguments.keys():
                raise ToolError("arguments", "an alarm rings after a while or at a time, not both")
            return self._schedule.add(
                person, "alarm", label, now + arguments["seconds"], seconds=arguments["seconds"]
            )
        if "time" not in arguments:
            raise ToolError("arguments", "an alarm needs a time: give HH:MM")
        if "date" in arguments and "days" in arguments:
            raise ToolError("arguments", "an alarm rings on a date or on weekdays, not both")
        time, days = arguments["time"], arguments.get("days", ())
        at = next_moment(now, time, self._zone, day=arguments.get("date"), days=days)
        zone = self._settings.zone or ""
        date = "" if days else f"{local(at, self._zone):%Y-%m-%d}"
        return self._schedule.add(
            person, "alarm", label, at, time=time, date=date, days=days, zone=zone
        )

    def _called(self, entry: Entry) -> str:
        return f"{local(entry.at, self._zone):%H:%M}"
