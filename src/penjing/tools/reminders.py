"""Reminders: say a text at a time, or after a while."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penjing.core.protocols import Tool
from penjing.tools.checked import Checked, number, one_of, parameters, text, yes_no
from penjing.tools.failed import Failed
from penjing.tools.given import Given
from penjing.tools.ringing import cancel, shown, snooze
from penjing.tools.schedule import Entry
from penjing.tools.when import DATE, DAYS, TIME, next_moment, zone_of

DESCRIPTION = "Sets, lists, cancels and snoozes reminders of something at a time or after a while."
PARAMETERS = parameters(
    ["action"],
    action=one_of("what to do", "set", "list", "cancel", "snooze"),
    text=text("what to be reminded of", 500),
    time=text("HH:MM", 5, TIME),
    date=text("YYYY-MM-DD; the next time it comes when left out", 10, DATE),
    days={
        "type": "array",
        "description": "weekdays on which it repeats",
        "items": one_of("a weekday", *DAYS),
        "minItems": 1,
        "maxItems": 7,
    },
    seconds=number("after how many seconds", 1, 31_622_400),
    minutes=number("how long to snooze", 1, 120),
    all=yes_no("cancel all of them"),
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
    return [Checked("reminders", DESCRIPTION, PARAMETERS, Reminders(settings, given))]


class Reminders:
    """Sets and cancels."""

    def __init__(self, settings: Settings, given: Given) -> None:
        self._settings, self._schedule, self._clock = settings, given.schedule, given.clock
        self._zone = zone_of(settings.zone)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed."""
        now = self._clock()
        match arguments["action"]:
            case "set":
                return self._shown(self._set(arguments, person, now), now)
            case "list":
                entries = self._schedule.entries(person, "reminder")
                found = [self._shown(entry, now) for entry in entries]
                return {"reminders": found, "count": len(found)}
            case "cancel":
                named = {**arguments}
                if "text" in named:
                    named["label"] = named.pop("text")
                gone = cancel(self._schedule, person, "reminder", named, self._zone)
                return {"cancelled": [entry.label for entry in gone], "count": len(gone)}
            case _:
                minutes = arguments.get("minutes", self._settings.snooze_minutes)
                entry = snooze(self._schedule, person, "reminder", minutes, now)
                return self._shown(entry, now)

    def _set(self, arguments: Mapping[str, Any], person: str, now: float) -> Entry:
        if "text" not in arguments:
            raise Failed("arguments", "a reminder needs a text: what is it about?")
        when = {"time", "date", "days"} & arguments.keys()
        if ("seconds" in arguments) == bool(when) or {"date", "days"} <= when:
            message = "a reminder needs one moment: seconds, or a time with a date or weekdays"
            raise Failed("arguments", message)
        if "seconds" in arguments:
            at = now + arguments["seconds"]
            return self._schedule.add(person, "reminder", arguments["text"], at)
        time, days = arguments.get("time", self._settings.hour), arguments.get("days", ())
        at = next_moment(now, time, self._zone, day=arguments.get("date"), days=days)
        zone = self._settings.zone or ""
        return self._schedule.add(
            person, "reminder", arguments["text"], at, time=time, days=days, zone=zone
        )

    def _shown(self, entry: Entry, now: float) -> dict[str, Any]:
        data = shown(entry, self._zone, now)
        return {"text": data.pop("label"), **data}

    def entities(self, parameter: str) -> Sequence[str]:
        """None: what a person is reminded of is their own."""
        return ()

    def close(self) -> None:
        """Nothing is held."""
