"""What rings, in words: the same at a terminal and in a session."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penjing.core.dialogue import Outcome
    from penjing.tools.entries import Due

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
        "stopped": " It rang on {date} at {time} and was stopped.",
        "done": "{time}: {label}. Done.",
        "failed": "At {time} I was to {label}, and that did not work: {error}.",
        "missed": "I was to {label} on {date} at {time}, and did not: I was not running, or was "
        "started anew since.",
        "begun": "I was to {label} on {date} at {time} and was stopped in the middle of it: "
        "it may have been done.",
    },
    "zh": {
        "timer": "计时结束",
        "alarm": "现在{time}，闹钟响了",
        "reminder": "提醒",
        "colon": "：",
        "end": "。",
        "late": "（应在{date} {time}响，当时您不在。）",
        "stopped": "（{date} {time}响过，有人按停了。）",
        "done": "{time}：{label}，已完成。",
        "failed": "{time}应{label}，没有成功：{error}。",
        "missed": "原定{date} {time}{label}，没有做：当时没在运行，或之后重新启动过。",
        "begun": "原定{date} {time}{label}，做到一半被中断，可能已经做了。",
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
    if due.late <= _LATE:
        return text
    return text + words["stopped" if due.stopped else "late"].format(**when)


def came_of(due: Due, outcome: Outcome | None, language: str) -> str:
    """What came of a planned call, in words; None: it was not made."""
    words = _WORDS["zh" if language.startswith("zh") else "en"]
    at = datetime.fromtimestamp(due.at).astimezone()
    label = " ".join(due.label.split())
    when = {"date": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M}", "label": label}
    if outcome is None:
        return words["begun" if due.begun else "missed"].format(**when)
    if not outcome.ok:
        return words["failed"].format(**when, error=" ".join(outcome.error.split()))
    return words["done"].format(**when)


def written_in(text: str) -> str:
    """The language of what somebody wrote."""
    return "zh" if any("\u4e00" <= char <= "\u9fff" for char in text) else "en"
