"""What rings, in words: the same at a terminal and in a session."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penjing.tools.schedule import Due

_LATE = 60.0
"""Seconds after which it is said when it should have rung."""
_WORDS = {
    "en": {
        "timer": "The timer has run out",
        "alarm": "It is {time}: your alarm",
        "reminder": "A reminder",
        "colon": ": ",
        "end": ".",
        "late": " It was due on {date} at {time}, when you were not here.",
    },
    "zh": {
        "timer": "计时结束",
        "alarm": "现在{time}，闹钟响了",
        "reminder": "提醒",
        "colon": "：",
        "end": "。",
        "late": "（应在{date} {time}响，当时您不在。）",
    },
}
LANGUAGES = frozenset(_WORDS)
"""In which it can be said."""


def rings(due: Due, language: str) -> str:
    """What rings, in words."""
    words = _WORDS["zh" if language.startswith("zh") else "en"]
    at = datetime.fromtimestamp(due.at).astimezone()
    when = {"date": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M}"}
    text = words[due.kind].format(**when)
    label = " ".join(due.label.split())
    text += f"{words['colon']}{label}" if label else ""
    text += "" if text[-1] in ".!?。！？" else words["end"]
    return text + (words["late"].format(**when) if due.late > _LATE else "")


def written_in(text: str) -> str:
    """The language of what somebody wrote."""
    return "zh" if any("\u4e00" <= char <= "\u9fff" for char in text) else "en"
