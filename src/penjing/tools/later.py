"""What is planned: calls that a person wanted at another time, listed and cancelled here.

Only an assistant plans (`plan`, from a sentence of the person's): the tool's own arguments can list
and cancel and nothing more, whoever calls it. It keeps; making a call when it is due is for whoever
rings, and it is made in time or not at all (`tools/schedule.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from penjing.core.dialogue import When
from penjing.core.errors import StorageError
from penjing.core.moments import Planner, when_words
from penjing.core.protocols import Tool
from penjing.tools.checked import ToolAdapter, one_of, parameters, text, yes_no
from penjing.tools.entries import Entry
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.names import plain
from penjing.tools.schedule import Schedule
from penjing.tools.when import TIME, local, next_moment, zone_of

DESCRIPTION = "Lists and cancels what is planned for later."
PARAMETERS = parameters(
    ["action"],
    action=one_of("what to do", "list", "cancel"),
    what=text("what was planned, in its words"),
    time=text("HH:MM", 5, TIME),
    all=yes_no("cancel all of it"),
)
NAME = "later"


@dataclass(frozen=True)
class Settings:
    """The `later:` of a spec."""

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports it talks to."""
        return []


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    return [ToolAdapter(NAME, DESCRIPTION, PARAMETERS, Later(given))]


def planner(section: Mapping[str, Any], given: Given) -> Planner | None:
    """Who keeps what is put off, for a spec's `tools:`; None where it does not name the tool."""
    return Later(given) if NAME in section else None


class Later:
    """Satisfies `Planner` and `Doing`."""

    def __init__(self, given: Given) -> None:
        self._schedule: Schedule = given.schedule
        self._clock = given.clock

    @property
    def _zone(self) -> tzinfo:
        return zone_of(None)

    def plan(self, person: str, label: str, when: When, data: Mapping[str, Any]) -> None:
        """See `Planner.plan`."""
        now = self._clock()
        try:
            at = now + when.after if when.after is not None else self._moment(now, when)
            date = "" if when.days or not when.time else f"{local(at, self._zone):%Y-%m-%d}"
            self._schedule.add(
                person, "call", label[:200], at, time=when.time, date=date, days=when.days,
                seconds=when.after or 0.0, data=data,
            )  # fmt: skip
        except ToolError as error:
            raise StorageError(str(error)) from error

    def _moment(self, now: float, when: When) -> float:
        return next_moment(now, when.time, self._zone, day=when.date or None, days=when.days)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed."""
        entries = [one for one in self._schedule.entries(person, "call") if not one.begun]
        if arguments["action"] == "list":
            return {"planned": [self._shown(one) for one in entries], "count": len(entries)}
        chosen = [one for one in entries if self._meant(one, arguments)]
        if not chosen:
            raise ToolError(
                "unknown_name", "no such thing is planned", near=[e.label for e in entries]
            )
        if len(chosen) > 1 and not arguments.get("all"):
            near = [one.label for one in chosen]
            raise ToolError(
                "ambiguous", f"{len(chosen)} such things are planned: say which", near=near
            )
        self._schedule.cancel(person, [one.id for one in chosen])
        return {"cancelled": [self._shown(one) for one in chosen], "count": len(chosen)}

    def _meant(self, entry: Entry, arguments: Mapping[str, Any]) -> bool:
        what, time = arguments.get("what"), arguments.get("time")
        named = what is None or plain(what) in plain(entry.label)
        return named and (time is None or f"{local(entry.at, self._zone):%H:%M}" == time.zfill(5))

    def _shown(self, entry: Entry) -> dict[str, str]:
        """An entry as one says it, by language."""
        at, today = local(entry.at, self._zone), local(self._clock(), self._zone).date()
        when = When(time=f"{at:%H:%M}", date=f"{at:%Y-%m-%d}")
        if entry.days:
            when = When(time=entry.time, days=entry.days)
        return {
            "en": f"{when_words(when, 'en', today)}: {entry.label}",
            "zh": f"{when_words(when, 'zh', today)}：{entry.label}",
        }

    def entities(self, parameter: str) -> Sequence[str]:
        """None: what is planned is a person's own."""
        return ()

    def close(self) -> None:
        """Nothing is held."""
