"""Wall-clock times into moments: zones, daylight saving, days that repeat. Pure but for the zone.

A time that the clocks skip in spring rings an hour later by the wall, as calendars do (RFC 5545);
a time that comes twice in autumn rings the first time.
"""

from __future__ import annotations

import re
import time as clock
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path

from penjing.core import weekdays
from penjing.core.errors import BadInput
from penjing.tools.failed import ToolError

DAYS = weekdays.NAMES
TIME = r"^([01]?[0-9]|2[0-3]):[0-5][0-9]$"
"""Hours and minutes."""
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_OWN = Path("/etc/localtime")
_FURTHEST = 5 * 366 * 86_400


def zone_of(name: str | None) -> tzinfo:
    """A zone by its name in the time zone database, or this machine's own. Raises BadInput."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if name is None:
        return _own_zone()
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"unknown time zone '{name[:64]}': write one such as Europe/Berlin"
        raise BadInput(message) from error


def _own_zone() -> tzinfo:
    from zoneinfo import ZoneInfo

    try:
        with _OWN.open("rb") as file:
            return ZoneInfo.from_file(file, "local")
    except (OSError, ValueError):  # none is set: what the C library says now
        return datetime.now().astimezone().tzinfo or UTC


def wall_stamp() -> object:
    """The same for as long as this machine is in the same zone."""
    try:
        found = _OWN.stat()
    except OSError:
        return clock.tzname
    return found.st_dev, found.st_ino, found.st_mtime_ns


def local(at: float, zone: tzinfo) -> datetime:
    """A moment on the wall."""
    return datetime.fromtimestamp(at, zone)


def read_date(text: str) -> date:
    """A date of the calendar. Raises ToolError."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ToolError("arguments", f"there is no day {text}: write YYYY-MM-DD") from error


def moment(day: date, time: str, zone: tzinfo) -> float:
    """When the clock on the wall shows a time on a day."""
    hour, minute = map(int, time.split(":"))
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).timestamp()


def next_moment(
    now: float, time: str, zone: tzinfo, *, day: str | None = None, days: Sequence[str] = ()
) -> float:
    """The first time after `now` that a clock shows this time, on that day or those weekdays."""
    if not re.match(TIME, time):
        raise ToolError("arguments", f"there is no time {time[:16]}: write HH:MM")
    if day is not None:
        at = moment(read_date(day), time, zone)
        if at <= now:
            said = {"zh": f"{day} {time}已经过了"}
            raise ToolError("arguments", f"{day} {time} is over", said=said)
        if at - now > _FURTHEST:
            said = {"zh": f"{day}太远了：最多五年"}
            raise ToolError("arguments", f"{day} is too far away: five years at most", said=said)
        return at
    today = local(now, zone).date()
    for ahead in range(9):  # a week, and one more for a day on which it is already over
        candidate = today + timedelta(days=ahead)
        if days and DAYS[candidate.weekday()] not in days:
            continue
        at = moment(candidate, time, zone)
        if at > now:
            return at
    raise ToolError("arguments", "those days never come")


def around(now: float, time: str, zone: tzinfo, days: Sequence[str]) -> list[float]:
    """The moments at which a clock shows this time on those weekdays: those of the last eight days,
    and of the next sixteen.
    """
    today = local(now, zone).date()
    every = (today + timedelta(days=ahead) for ahead in range(-8, 17))
    return [moment(one, time, zone) for one in every if DAYS[one.weekday()] in days]
