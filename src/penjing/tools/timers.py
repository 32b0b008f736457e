"""Timers: ring after a while. They are kept as moments, so that a restart does not stop them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penjing.core.protocols import Tool
from penjing.tools.checked import Checked, number, one_of, parameters, text, yes_no
from penjing.tools.failed import Failed
from penjing.tools.given import Given
from penjing.tools.ringing import cancel, shown, snooze
from penjing.tools.when import zone_of

DESCRIPTION = "Sets, lists, cancels and snoozes timers that ring after a while."
PARAMETERS = parameters(
    ["action"],
    action=one_of("what to do", "set", "list", "cancel", "snooze"),
    seconds=number("how long, in seconds", 1, 604_800),
    label=text("what to call it"),
    minutes=number("how long to snooze", 1, 120),
    all=yes_no("cancel all of them"),
)


@dataclass(frozen=True)
class Settings:
    """The `timers:` of a spec."""

    snooze_minutes: int = 5
    """How long to snooze when nobody says."""

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports it talks to."""
        return []


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    return [Checked("timers", DESCRIPTION, PARAMETERS, Timers(settings, given))]


class Timers:
    """Sets and cancels."""

    def __init__(self, settings: Settings, given: Given) -> None:
        self._settings, self._schedule, self._clock = settings, given.schedule, given.clock
        self._zone = zone_of(None)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed."""
        now = self._clock()
        match arguments["action"]:
            case "set":
                if "seconds" not in arguments:
                    raise Failed("arguments", "a timer needs to know how long: give seconds")
                entry = self._schedule.add(
                    person, "timer", arguments.get("label", ""), now + arguments["seconds"]
                )
                return {**shown(entry, self._zone, now), "seconds": arguments["seconds"]}
            case "list":
                entries = self._schedule.entries(person, "timer")
                timers = [shown(entry, self._zone, now) for entry in entries]
                timers = [{**timer, "left": timer["in_seconds"]} for timer in timers]
                return {"timers": timers, "count": len(timers)}
            case "cancel":
                gone = cancel(self._schedule, person, "timer", arguments, self._zone)
                return {"cancelled": [entry.label for entry in gone], "count": len(gone)}
            case _:
                minutes = arguments.get("minutes", self._settings.snooze_minutes)
                entry = snooze(self._schedule, person, "timer", minutes, now)
                return {**shown(entry, self._zone, now), "seconds": 60 * minutes}

    def entities(self, parameter: str) -> Sequence[str]:
        """None: names of timers are a person's own."""
        return ()

    def close(self) -> None:
        """Nothing is held."""
