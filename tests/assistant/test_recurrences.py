"""Days that come again, read from sentences; the near ones that are one day or another rhythm."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from penjing.assistant.understand.recurrences import WEEK, recurrences
from penjing.assistant.understand.span import Moment
from penjing.assistant.understand.text import tokens_of
from penjing.tools.when import DAYS


def longest(text: str) -> tuple[str, ...]:
    """The days of the longest value, "" where there is none."""
    tokens = tokens_of(text)
    found = list(recurrences(tokens, Moment(datetime(2026, 11, 25, tzinfo=UTC))))
    return max(found, key=lambda one: one.end - one.start).value if found else ()


def test_days_are_called_as_tools_call_them() -> None:
    assert WEEK == DAYS


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("every day at 7", WEEK),
        ("every night at eleven", WEEK),
        ("daily at noon", WEEK),
        ("every weekday at 7", WEEK[:5]),
        ("on weekdays", WEEK[:5]),
        ("every weekend at ten", WEEK[5:]),
        ("each monday and friday", ("mon", "fri")),
        ("on Mondays, Wednesdays and Fridays", ("mon", "wed", "fri")),
        ("Monday to Friday at 7", WEEK[:5]),
        ("Saturday through Monday", ("mon", "sat", "sun")),
        ("每天早上七点", WEEK),
        ("天天七点", WEEK),
        ("每晚十点", WEEK),
        ("每个工作日七点", WEEK[:5]),
        ("工作日七点", WEEK[:5]),
        ("每周末十点", WEEK[5:]),
        ("每周一七点", ("mon",)),
        ("每周一三点", ("mon",)),
        ("每周一三五七点", ("mon", "wed", "fri")),
        ("每星期一、星期三和星期五", ("mon", "wed", "fri")),
        ("周一到周五早上七点", WEEK[:5]),
        ("每周六日十点", ("sat", "sun")),
    ],
)
def test_days_that_come_again(text: str, days: tuple[str, ...]) -> None:
    assert longest(text) == days


@pytest.mark.parametrize(
    "text",
    ["on Monday at 7", "every other day", "every ten minutes", "every light", "next Friday",
     "周一七点", "下周三", "每十分钟", "每个灯", "星期天", "每次"],
)  # fmt: skip
def test_one_day_and_another_rhythm_are_none(text: str) -> None:
    assert longest(text) == ()
