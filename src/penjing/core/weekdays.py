"""Days of the week: their names in data, and as one says them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""From Monday."""
ENGLISH = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
CHINESE = "一二三四五六日"
"""Behind 周 and 星期."""


def in_words(days: Iterable[str], language: str) -> str:
    """Days on which something repeats: "every weekday", 每周一、周五. Empty for none."""
    chinese = language.startswith("zh")
    chosen = [place for place, name in enumerate(NAMES) if name in set(days)]
    whole = {7: ("every day", "每天")}.get(len(chosen))
    if chosen == [0, 1, 2, 3, 4]:
        whole = ("every weekday", "每个工作日")
    elif chosen == [5, 6]:
        whole = ("every weekend", "每个周末")
    if whole or not chosen:
        return whole[chinese] if whole else ""
    if chinese:
        return "每" + "、".join(f"周{CHINESE[place]}" for place in chosen)
    names = [ENGLISH[place] for place in chosen]
    return "every " + " and ".join([*([", ".join(names[:-1])] if names[1:] else []), names[-1]])


def on(day: date, language: str) -> str:
    """One day: "on Monday, 2026-11-30", 2026-11-30（周一）."""
    if language.startswith("zh"):
        return f"{day:%Y-%m-%d}（周{CHINESE[day.weekday()]}）"
    return f"on {ENGLISH[day.weekday()]}, {day:%Y-%m-%d}"
