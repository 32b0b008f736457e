"""Alarms: ring when the clock on the wall shows a time, once or on days of the week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penjing.core.protocols import Tool
from penjing.tools.checked import Checked, number, one_of, parameters, text, yes_no
from penjing.tools.failed import Failed
from penjing.tools.given import Given
from penjing.tools.ringing import cancel, shown, snooze
from penjing.tools.when import DATE, DAYS, TIME, next_moment, zone_of

DESCRIPTION = "Sets, lists, cancels and snoozes alarms at a time of day."
PARAMETERS = parameters(
    ["action"],
    action=one_of("what to do", "set", "list", "cancel", "snooze"),
    time=text("HH:MM", 5, TIME),
    date=text("YYYY-MM-DD; the next time it comes when left out", 10, DATE),
    days={
        "type": "array",
        "description": "weekdays on which it repeats",
        "items": one_of("a weekday", *DAYS),
        "minItems": 1,
        "maxItems": 7,
    },
    label=text("what to call it"),
    minutes=number("how long to snooze", 1, 120),
    all=yes_no("cancel all of them"),
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
    return [Checked("alarms", DESCRIPTION, PARAMETERS, Alarms(settings, given))]


class Alarms:
    """Sets and cancels."""

    def __init__(self, settings: Settings, given: Given) -> None:
        self._settings, self._schedule, self._clock = settings, given.schedule, given.clock
        self._zone = zone_of(settings.zone)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed."""
        now = self._clock()
        match arguments["action"]:
            case "set":
                return self._set(arguments, person, now)
            case "list":
                entries = self._schedule.entries(person, "alarm")
                alarms = [shown(entry, self._zone, now) for entry in entries]
                return {"alarms": alarms, "count": len(alarms)}
            case "cancel":
                gone = cancel(self._schedule, person, "alarm", arguments, self._zone)
                names = [shown(entry, self._zone, now)["time"] for entry in gone]
                return {"cancelled": names, "count": len(gone)}
            case _:
                minutes = arguments.get("minutes", self._settings.snooze_minutes)
                entry = snooze(self._schedule, person, "alarm", minutes, now)
                return shown(entry, self._zone, now)

    def _set(self, arguments: Mapping[str, Any], person: str, now: float) -> Mapping[str, Any]:
        if "time" not in arguments:
            raise Failed("arguments", "an alarm needs a time: give HH:MM")
        if "date" in arguments and "days" in arguments:
            raise Failed("arguments", "an alarm rings on a date or on weekdays, not both")
        time, days = arguments["time"], arguments.get("days", ())
        at = next_moment(now, time, self._zone, day=arguments.get("date"), days=days)
        entry = self._schedule.add(
            person,
            "alarm",
            arguments.get("label", ""),
            at,
            time=time,
            days=days,
            zone=self._settings.zone or "",
        )
        return shown(entry, self._zone, now)

    def entities(self, parameter: str) -> Sequence[str]:
        """None: names of alarms are a person's own."""
        return ()

    def close(self) -> None:
        """Nothing is held."""
