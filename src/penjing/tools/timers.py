"""Timers: ring after a while. They are kept as moments, so that a restart does not stop them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from penjing.core.protocols import Tool
from penjing.tools.checked import ToolAdapter, number, text
from penjing.tools.entries import Entry
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.ringing import Ringing, ringing_parameters

DESCRIPTION = "Sets, lists, cancels, stops and snoozes timers that ring after a while."
PARAMETERS = ringing_parameters(
    seconds=number("how long, in seconds", 1, 604_800),
    label=text("what to call it"),
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
    doing = Timers(given, settings.snooze_minutes)
    return [ToolAdapter("timers", DESCRIPTION, PARAMETERS, doing)]


class Timers(Ringing):
    """Knows how long."""

    kind = "timer"

    def _set(self, arguments: Mapping[str, Any], person: str, now: float) -> Entry:
        if "seconds" not in arguments:
            raise ToolError("arguments", "a timer needs to know how long: give seconds")
        label, seconds = arguments.get("label", ""), arguments["seconds"]
        return self._schedule.add(person, "timer", label, now + seconds, seconds=seconds)

    def _shown(self, entry: Entry, now: float) -> dict[str, Any]:
        data = super()._shown(entry, now)
        left = str(timedelta(seconds=data["in_seconds"]))
        when = {"en": f"{left} left", "zh": f"还剩{left}"}
        return {**data, "when": when, "seconds": data["in_seconds"], "left": data["in_seconds"]}

    def _called(self, entry: Entry) -> str:
        return entry.label or str(timedelta(seconds=round(entry.seconds)))
