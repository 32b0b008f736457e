"""What is to be done later: who keeps it, and when it is, in English and Chinese words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Protocol

from penjing.core import weekdays
from penjing.core.dialogue import When

_UNITS = (
    (86400, "day", "days", "天"),
    (3600, "hour", "hours", "小时"),
    (60, "minute", "minutes", "分钟"),
    (1, "second", "seconds", "秒"),
)


class Planner(Protocol):
    """Keeps what is to be done later with the person whose it is; whoever rings has it done."""

    def plan(self, person: str, label: str, when: When, data: Mapping[str, Any]) -> None:
        """Keep it. `label` says what it is; `data` is plain and comes back when it is due.

        Raises PenjingError where it cannot be kept, or its time is over.
        """
        ...


def when_words(when: When, language: str, today: date) -> str:
    """ "at 23:00", "tomorrow at 07:00", "every weekday at 07:00", "in 10 minutes"; 明天07:00."""
    chinese = language.startswith("zh")
    if when.after is not None:
        passing = seconds_words(int(when.after), language)
        return f"{passing}后" if chinese else f"in {passing}"
    if when.days:
        days = weekdays.in_words(when.days, language)
        return f"{days}{when.time}" if chinese else f"{days} at {when.time}"
    day = date.fromisoformat(when.date) if when.date else today
    if day == today:
        return when.time if chinese else f"at {when.time}"
    if day == today + timedelta(days=1):
        return f"明天{when.time}" if chinese else f"tomorrow at {when.time}"
    on = weekdays.on(day, language)
    return f"{on}{when.time}" if chinese else f"{on} at {when.time}"


def seconds_words(seconds: int, language: str) -> str:
    """ "1 hour 30 minutes", 1小时30分钟."""
    chinese = language.startswith("zh")
    parts = []
    for size, one, many, zh in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{zh}" if chinese else f"{count} {one if count == 1 else many}")
    return ("" if chinese else " ").join(parts) or ("0秒" if chinese else "0 seconds")
