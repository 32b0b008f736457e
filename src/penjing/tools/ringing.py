"""What alarms, timers and reminders share: all but how one is set.

Knows the schedule, not how a time was said.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, tzinfo
from typing import Any, ClassVar

from penjing.core import weekdays
from penjing.core.agenda import Kind, Pending
from penjing.core.showing import Press, Thing
from penjing.tools.checked import number, one_of, parameters, text, yes_no
from penjing.tools.entries import Entry
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.names import plain
from penjing.tools.when import DATE, DAYS, TIME, local, next_moment, zone_of

WALL = {
    "time": text("HH:MM", 5, TIME),
    "date": text("YYYY-MM-DD; the next time it comes when left out", 10, DATE),
    "days": {
        "type": "array",
        "description": "weekdays on which it repeats",
        "items": one_of("a weekday", *DAYS),
        "minItems": 1,
        "maxItems": 7,
    },
}
"""Arguments that name a moment by the clock on the wall."""

_KINDS_ZH: Mapping[Kind, str] = {
    "alarm": "闹钟", "timer": "计时器", "reminder": "提醒",
}  # fmt: skip


def ringing_parameters(**own: Any) -> dict[str, Any]:
    """The schema of one of these tools: its own arguments beside those of all."""
    return parameters(
        ["action"],
        action=one_of("what to do", "set", "list", "cancel", "snooze", "stop"),
        **own,
        minutes=number("how long to snooze", 1, 120),
        all=yes_no("cancel all of them"),
    )


class Ringing(ABC):
    """Sets, lists, cancels and snoozes entries of one kind. Satisfies `Doing`."""

    kind: ClassVar[Kind]
    """Which."""
    called: ClassVar[str] = "label"
    """The argument that is what its person calls it."""
    for_a_while: ClassVar[bool] = False

    def __init__(self, given: Given, snooze_minutes: int, zone: str | None = None) -> None:
        self._schedule, self._clock, self._snooze = given.schedule, given.clock, snooze_minutes
        self._named = zone

    @property
    def _zone(self) -> tzinfo:
        """Read anew each time: a machine may be taken to another one."""
        return zone_of(self._named)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed."""
        now = self._clock()
        match arguments["action"]:
            case "set":
                return self._shown(self._set(arguments, person, now), now)
            case "list":
                entries = self._schedule.entries(person, self.kind)
                found = [self._shown(entry, now) for entry in entries]
                listed = [_listed(one) for one in found]
                return {f"{self.kind}s": found, "count": len(found), "listed": listed}
            case "cancel" if self._stops(arguments, person):
                # what is meant is what rings: it was set once, and is set no more
                rings = self._rings(person)
                names = [self._schedule.label(one) for one in rings if self._schedule.stop(one.id)]
                return {"cancelled": names, "count": len(names)}
            case "cancel":
                gone = self._cancel(person, arguments)
                return {"cancelled": [self._called(entry) for entry in gone], "count": len(gone)}
            case "stop":
                stopped = [one for one in self._rings(person) if self._schedule.stop(one.id)]
                if not stopped:
                    said = {"zh": f"没有{_KINDS_ZH[self.kind]}在响"}
                    raise ToolError(
                        "unknown_name", f"no {self.kind} is ringing", near=[], said=said
                    )
                return {"stopped": len(stopped)}
            case _:
                return self._shown(self._snoozed(arguments, person, now), now)

    def remember(
        self, arguments: Mapping[str, Any], told: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """What a call set, or will cancel. Raises ToolError."""
        action = arguments["action"]
        if action == "set":
            return {"set": told["id"]} if told else {}
        if action != "cancel" or self._stops(arguments, person):
            raise ToolError("not_known", "only what was set or cancelled can be taken back")
        entries = [] if told else self._schedule.entries(person, self.kind)
        return {"cancelled": [asdict(one) for one in _chosen(entries, arguments, self._zone)]}

    def restore(
        self, was: Mapping[str, Any], made: Mapping[str, Any], person: str
    ) -> Mapping[str, Any]:
        """Cancel what was set, or set what was cancelled and is still to come. Raises ToolError."""
        if "set" in made:
            return self._unset(made["set"], person)
        now, zone, set_again = self._clock(), self._zone, 0
        for one in was["cancelled"]:
            days = tuple(one["days"])
            at = next_moment(now, one["time"], zone, days=days) if days else one["at"]
            if at <= now:
                continue
            date = f"{local(at, zone):%Y-%m-%d}" if one["time"] and not days else ""
            self._schedule.add(
                person, self.kind, one["label"], at, time=one["time"], date=date, days=days,
                zone=self._named or "", seconds=one["seconds"],
            )  # fmt: skip
            set_again += 1
        if not set_again:
            raise ToolError("over", f"the {self.kind} would have rung by now: set another")
        return {"count": set_again}

    def _unset(self, name: str, person: str) -> Mapping[str, Any]:
        there = [one.id for one in self._schedule.entries(person, self.kind)]
        if name not in there:
            raise ToolError("unknown_name", f"that {self.kind} is not set any more", near=[])
        self._schedule.cancel(person, [name])
        return {"count": 1}

    def _stops(self, arguments: Mapping[str, Any], person: str) -> bool:
        """What is cancelled is what rings."""
        return set(arguments) == {"action"} and bool(self._rings(person))

    def shown(self, person: str) -> Sequence[Thing]:
        """What is set, the next first."""
        return [
            Thing(
                self.kind, entry.label, entry.id,
                state={"at": entry.at, "days": list(entry.days)},
                presses={"cancel": Press(self._named_by(entry))},
            )
            for entry in self._schedule.entries(person, self.kind)
        ]  # fmt: skip

    def _named_by(self, entry: Entry) -> Mapping[str, Any]:
        """Arguments that cancel it, and nothing else where it can be told from others."""
        named: dict[str, Any] = {"action": "cancel"}
        if entry.label:
            named[self.called] = entry.label
        if entry.time:
            named["time"] = entry.time
        elif entry.seconds:
            named["seconds"] = max(1, round(entry.seconds))
        return named

    def entities(self, parameter: str) -> Sequence[str]:
        """None: what rings is a person's own."""
        return ()

    def close(self) -> None:  # noqa: B027  nothing has to be closed by any of them
        """Nothing is held."""

    def _rings(self, person: str) -> list[Pending]:
        """What rings for a person now."""
        every = self._schedule.sounding
        return [one for one in every if one.person == person and one.kind == self.kind]

    def _snoozed(self, arguments: Mapping[str, Any], person: str, now: float) -> Entry:
        """What rings, or rang last, rings again later. Raises ToolError when nothing has."""
        minutes = arguments.get("minutes", self._snooze)
        for one in self._rings(person)[-1:]:
            if (again := self._schedule.snooze(one.id, minutes)) is not None:
                return again
        last = self._schedule.rang_last(person, self.kind)
        if last is None:
            raise ToolError("unknown_name", f"no {self.kind} has rung", near=[])
        after = 60 * minutes
        return self._schedule.add(person, self.kind, last.label, now + after, seconds=after)

    @abstractmethod
    def _set(self, arguments: Mapping[str, Any], person: str, now: float) -> Entry:
        """Let one ring. Raises ToolError."""

    def _called(self, entry: Entry) -> str:
        """How one is named where it is one of several."""
        return entry.label or f"{local(entry.at, self._zone):%H:%M}"

    def _cancel(self, person: str, arguments: Mapping[str, Any]) -> list[Entry]:
        """Cancel the one that is meant, or all. Raises ToolError when it is not clear which."""
        entries = self._schedule.entries(person, self.kind)
        chosen = _chosen(entries, arguments, self._zone)
        kind, kind_zh = self.kind, _KINDS_ZH[self.kind]
        if not chosen:
            near = [self._called(entry) for entry in entries]
            there = f": there are {', '.join(near[:10])}" if near else ""
            there_zh = f"，有：{'、'.join(near[:10])}" if near else ""
            raise ToolError(
                "unknown_name", f"no such {kind} is set{there}", near=near,
                said={"zh": f"没有这个{kind_zh}{there_zh}"},
            )  # fmt: skip
        if len(chosen) > 1 and not arguments.get("all"):
            near = [self._called(entry) for entry in chosen]
            count, names, names_zh = len(chosen), ", ".join(near[:10]), "、".join(near[:10])
            raise ToolError(
                "ambiguous", f"there are {count} such {kind}s ({names}): say which", near=near,
                said={"zh": f"有{count}个这样的{kind_zh}（{names_zh}），请说是哪一个"},
            )  # fmt: skip
        self._schedule.cancel(person, [entry.id for entry in chosen])
        return chosen

    def _shown(self, entry: Entry, now: float) -> dict[str, Any]:
        """An entry as data."""
        at = local(entry.at, self._zone)
        return {
            "id": entry.id,
            "label": entry.label,
            "time": f"{at:%H:%M}",
            "date": f"{at:%Y-%m-%d}",
            "in_seconds": max(0, round(entry.at - now)),
            "days": list(entry.days),
            "when": _when(at, entry.days),
        }


def _when(at: datetime, days: Sequence[str]) -> dict[str, str]:
    """When it rings, in words."""
    words = {one: weekdays.in_words(days, one) or weekdays.on(at, one) for one in ("en", "zh")}
    return {"en": f"{at:%H:%M} {words['en']}", "zh": f"{words['zh']} {at:%H:%M}"}


def _listed(shown: Mapping[str, Any]) -> dict[str, str]:
    """One of a list, in words."""
    name, when = shown.get("label") or shown.get("text"), shown["when"]
    if not name:
        return dict(when)
    return {"en": f"{name} ({when['en']})", "zh": f"{name}（{when['zh']}）"}


def _chosen(entries: Sequence[Entry], arguments: Mapping[str, Any], zone: tzinfo) -> list[Entry]:
    label = arguments.get("label", arguments.get("text"))
    time, day = arguments.get("time"), arguments.get("date")
    days, seconds = arguments.get("days"), arguments.get("seconds")
    chosen = list(entries)
    if label is not None:
        same = [entry for entry in chosen if plain(entry.label) == plain(label)]
        chosen = same or [entry for entry in chosen if plain(label) in plain(entry.label)]
    if time is not None:
        wanted = time.zfill(5)
        chosen = [entry for entry in chosen if f"{local(entry.at, zone):%H:%M}" == wanted]
    if day is not None:
        chosen = [entry for entry in chosen if f"{local(entry.at, zone):%Y-%m-%d}" == day]
    if days is not None:
        chosen = [entry for entry in chosen if set(entry.days) == set(days)]
    if seconds is not None:
        chosen = [entry for entry in chosen if entry.seconds == seconds]
    return chosen
