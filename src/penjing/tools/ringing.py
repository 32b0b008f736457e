"""What alarms, timers and reminders share: to list, to cancel, to snooze.

Knows the schedule, not how a time was said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from penjing.tools.failed import Failed
from penjing.tools.names import plain
from penjing.tools.schedule import Entry, Kind, Schedule
from penjing.tools.when import local


def shown(entry: Entry, zone: tzinfo, now: float) -> dict[str, Any]:
    """An entry as data."""
    at = local(entry.at, zone)
    return {
        "id": entry.id,
        "label": entry.label,
        "time": f"{at:%H:%M}",
        "date": f"{at:%Y-%m-%d}",
        "in_seconds": max(0, round(entry.at - now)),
        "days": list(entry.days),
    }


def cancel(
    schedule: Schedule, person: str, kind: Kind, arguments: Mapping[str, Any], zone: tzinfo
) -> list[Entry]:
    """Cancel the one that is meant, or all. Raises Failed when it is not clear which."""
    entries = schedule.entries(person, kind)
    chosen = _chosen(entries, arguments, zone)
    if not chosen:
        raise Failed("unknown_name", f"no such {kind} is set", near=[e.label for e in entries])
    if len(chosen) > 1 and not arguments.get("all"):
        message = f"there are {len(chosen)} such {kind}s: say which"
        raise Failed("ambiguous", message, near=[_name(entry, zone) for entry in chosen])
    schedule.cancel(person, [entry.id for entry in chosen])
    return chosen


def _chosen(entries: Sequence[Entry], arguments: Mapping[str, Any], zone: tzinfo) -> list[Entry]:
    label, time, day = (arguments.get(key) for key in ("label", "time", "date"))
    chosen = list(entries)
    if label is not None:
        same = [entry for entry in chosen if plain(entry.label) == plain(label)]
        chosen = same or [entry for entry in chosen if plain(label) in plain(entry.label)]
    if time is not None:
        wanted = time.zfill(5)
        chosen = [entry for entry in chosen if f"{local(entry.at, zone):%H:%M}" == wanted]
    if day is not None:
        chosen = [entry for entry in chosen if f"{local(entry.at, zone):%Y-%m-%d}" == day]
    return chosen


def _name(entry: Entry, zone: tzinfo) -> str:
    return entry.label or f"{local(entry.at, zone):%H:%M}"


def snooze(schedule: Schedule, person: str, kind: Kind, minutes: int, now: float) -> Entry:
    """Let what rang last ring again. Raises Failed when nothing has."""
    last = schedule.rang_last(person, kind)
    if last is None:
        raise Failed("unknown_name", f"no {kind} has rung", near=[])
    return schedule.add(person, kind, last.label, now + 60 * minutes)
