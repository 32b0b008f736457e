"""Reminders: say a text at a time, or after a while."""

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

DESCRIPTION = (
    "Sets, lists, cancels, stops and snoozes reminders of something at a time or after a while."
)
PARAMETERS = ringing_parameters(
    text=text("what to be reminded of", 500),
    **WALL,
    seconds=number("after how many seconds", 1, 31_622_400),
)


@dataclass(frozen=True)
class Settings:
    """The `reminders:` of a spec."""

    zone: str | None = None
    """Time zone by name; this machine's when left out."""
    hour: str = "09:00"
    """When to remind of a day that was named without a time."""
    snooze_minutes: int = 10
    """How long to snooze when nobody says."""

    def __post_init__(self) -> None:
        zone_of(self.zone)

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports it talks to."""
        return []


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    return [ToolAdapter("reminders", DESCRIPTION, PARAMETERS, Reminders(settings, given))]


class Reminders(Ringing):
    """Knows what of, and a moment said in either way."""

    kind = "reminder"
    called = "text"

    def __init__(self, settings: Settings, given: Given) -> None:
        super().__init__(given, settings.snooze_minutes, settings.zone)
        self._settings = settings

    def _set(self, arguments: Mapping[str, Any], person: str, now: float) -> Entry:
        if "text" not in arguments:
            raise ToolError("arguments", "a reminder needs a text: what is it about?")
        when = {"time", "date", "days"} & arguments.keys()
        if ("seconds" in arguments) == bool(when) or {"date", "days"} <= when:
            message = "a reminder needs one moment: seconds, or a time with a date or weekdays"
            raise ToolError("arguments", message)
        if "seconds" in arguments:
            seconds = arguments["seconds"]
            return self._schedule.add(
                person, "reminder", arguments["text"], now + seconds, seconds=seconds
            )
        time, days = arguments.get("time", self._settings.hour), arguments.get("days", ())
        at = next_moment(now, time, self._zone, day=arguments.get("date"), days=days)
        zone = self._settings.zone or ""
        date = "" if days else f"{local(at, self._zone):%Y-%m-%d}"
        return self._schedule.add(
            person, "reminder", arguments["text"], at, time=time, date=date, days=days, zone=zone
        )

    def _shown(self, entry: Entry, now: float) -> dict[str, Any]:
        data = super()._shown(entry, now)
        return {"text": data.pop("label"), **data}
