"""Days of the calendar as they are said: "the day after tomorrow", "next monday", 下周一, 3月5日.

Pure; all is told from today. What can be read in two ways (12/05) is not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from penjing.assistant.understand.numbers import is_weekday, number_at, ordinal_at
from penjing.assistant.understand.span import PhraseTable, meaning, phrase
from penjing.assistant.understand.text import Token
from penjing.core import weekdays

DAYS = {name.lower(): place for place, name in enumerate(weekdays.ENGLISH)}
SHORT_DAYS = {"mon": 0, "tue": 1, "tues": 1, "thu": 3, "thur": 3, "thurs": 3, "fri": 4}
"""Without those that are words of their own."""
DAYS_ZH = {one: place for place, one in enumerate(weekdays.CHINESE)} | {"天": 6}
MONTHS = {
    "january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6, "july": 7,
    "august": 8, "september": 9, "october": 10, "november": 11, "december": 12,
}  # fmt: skip
_SHORT_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9,
    "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
_ALL_MONTHS = MONTHS | _SHORT_MONTHS
_NEAR = PhraseTable(
    ("the day after tomorrow", 2), ("day after tomorrow", 2), ("tomorrow", 1), ("today", 0),
    ("tonight", 0), ("this morning", 0), ("this afternoon", 0), ("this evening", 0),
    ("大后天", 3), ("后天", 2), ("后日", 2), ("明天", 1), ("明日", 1), ("明儿", 1), ("今天", 0),
    ("今日", 0), ("今儿", 0), ("明早", 1), ("明晚", 1), ("明夜", 1), ("今早", 0), ("今晚", 0),
    ("今夜", 0),
)  # fmt: skip
_WEEKS_ZH = PhraseTable(("下下周", 2), ("下下星期", 2), ("下下礼拜", 2), ("下周", 1), ("下个周", 1),
                        ("下星期", 1), ("下个星期", 1), ("下礼拜", 1), ("下个礼拜", 1),
                        ("上周", -1), ("上星期", -1), ("上个星期", -1), ("上礼拜", -1),
                        ("这周", 0), ("本周", 0), ("这个周", 0), ("这星期", 0),
                        ("这个星期", 0), ("这礼拜", 0))  # fmt: skip
_WEEK_ZH = PhraseTable(("周", 0), ("星期", 0), ("礼拜", 0))
_SPANS = {"day": 1, "days": 1, "week": 7, "weeks": 7}
_SPANS_ZH = (("天", 1), ("个星期", 7), ("星期", 7), ("个礼拜", 7), ("周", 7))
_AFTER_DAY = frozenset({"at", "in", "by", "for", "to", "around", "morning", "afternoon", "evening",
                        "night", "and", "please"})  # fmt: skip
_AFTER_DAY_ZH = frozenset("早晚上下中凌清傍午夜半叫提喊的零一二两三四五六七八九十")
WORDS = frozenset({*DAYS, *MONTHS, "tomorrow", "today", "next"} - {"may", "march"})
"""English words that may stand in a date."""


@dataclass(frozen=True)
class Day:
    """A day somewhere in a sentence."""

    start: int
    """First token."""
    end: int
    """One past the last."""
    date: date
    """Which."""
    today: bool = False
    """It was said as today."""
    cost: float = 0.0
    """What reading it costs."""


def days_said(tokens: Sequence[Token], today: date) -> Iterable[Day]:
    """All days, overlapping ones too; "tomorrow's" is tomorrow."""
    tokens = [replace(one, text=one.text.removesuffix("'s")) for one in tokens]
    for at in range(len(tokens)):
        for end, ahead, cost in _NEAR.read(tokens, at):
            yield Day(at, end, today + timedelta(days=ahead), today=not ahead, cost=cost)
        for read in (
            _weekday, _weekday_zh, _ahead, _calendar, _calendar_zh, _of_named_month, _in_digits,
        ):  # fmt: skip
            yield from read(tokens, at, today)


def next_weekday(today: date, weekday: int) -> date:
    """The next day of this name; never today."""
    return today + timedelta(days=(weekday - today.weekday() - 1) % 7 + 1)


def _of_week(today: date, weekday: int, weeks: int) -> date:
    return today + timedelta(days=weekday - today.weekday() + 7 * weeks)


def _weekday(tokens: Sequence[Token], at: int, today: date) -> Iterable[Day]:
    """ "friday", "next friday" (of next week), "friday next week"."""
    name = meaning(tokens[at], DAYS | SHORT_DAYS)
    if name is None:
        return
    end = at + 1
    if phrase(tokens, end, ["next", "week"]) is not None:
        yield Day(at, end + 2, _of_week(today, name[0], 1), cost=name[1])
    elif at and tokens[at - 1].text == "next":
        yield Day(at - 1, end, _of_week(today, name[0], 1), cost=name[1])
    elif at and tokens[at - 1].text == "last":
        yield Day(at - 1, end, _of_week(today, name[0], -1), cost=name[1])
    elif at and tokens[at - 1].text == "this":
        here = today if today.weekday() == name[0] else next_weekday(today, name[0])
        yield Day(at - 1, end, here, cost=name[1])
    else:
        yield Day(at, end, next_weekday(today, name[0]), cost=name[1])
    if at > 2 and phrase(tokens, at - 3, ["next", "week", "on"]) is not None:
        yield Day(at - 3, end, _of_week(today, name[0], 1), cost=name[1])


def _weekday_zh(tokens: Sequence[Token], at: int, today: date) -> Iterable[Day]:
    """周五, 下周一, 这个星期天; but 记一下周五 is this one."""
    cut = tokens[at].text == "下" and at > 0 and tokens[at - 1].text == "一"
    for end, weeks, _ in () if cut else _WEEKS_ZH.read(tokens, at):
        day = DAYS_ZH.get(tokens[end].text) if end < len(tokens) else None
        if day is not None:
            yield Day(at, end + 1, _of_week(today, day, weeks))
    for end, _, _ in _WEEK_ZH.read(tokens, at):
        day = DAYS_ZH.get(tokens[end].text) if end < len(tokens) else None
        if day is not None and is_weekday(tokens, end):
            yield Day(at, end + 1, next_weekday(today, day))


def _ahead(tokens: Sequence[Token], at: int, today: date) -> Iterable[Day]:
    """ "in three days", "a week from today", 三天后."""
    said = tokens[at].text == "in"
    begin = at + said
    if begin >= len(tokens):
        return
    found = number_at(tokens, begin)
    count, end = (found.value, found.end) if found is not None else (1, begin + 1)
    if (found is None and tokens[begin].text != "a") or count != int(count):
        return
    unit = meaning(tokens[end], _SPANS) if end < len(tokens) else None
    if unit is not None:
        from_now = phrase(tokens, end + 1, ["from", "now"]) is not None
        from_now = from_now or phrase(tokens, end + 1, ["from", "today"]) is not None
        if said or from_now:
            end += 3 if from_now else 1
            yield from _later(at, end, today, count * unit[0])
        return
    for words, days in _SPANS_ZH:
        after = end + len(words)
        if found is None or phrase(tokens, end, list(words)) is None or after >= len(tokens):
            continue
        if tokens[after].text == "后":
            yield from _later(at, after + 1, today, count * days)
        elif tokens[after].text in "之以" and phrase(tokens, after + 1, ["后"]) is not None:
            yield from _later(at, after + 2, today, count * days)


def _later(at: int, end: int, today: date, days: float) -> Iterable[Day]:
    if 0 < days <= 3660:
        yield Day(at, end, today + timedelta(days=int(days)), cost=0.1)


def _calendar(tokens: Sequence[Token], at: int, today: date) -> Iterable[Day]:
    """ "the 5th of June", "June 5", "December 1st, 2027", "on the 3rd"."""
    month = meaning(tokens[at], _ALL_MONTHS)
    if month is not None:
        begin = at + 1 + (at + 1 < len(tokens) and tokens[at + 1].text == "the")
        day = ordinal_at(tokens, begin) or number_at(tokens, begin)
        if day is not None and not (day.end < len(tokens) and tokens[day.end].text == "%"):
            yield from _of_year(tokens, at, day.end, today, month=month[0], day=day.value)
        return
    ordinal = ordinal_at(tokens, at)
    day = ordinal or number_at(tokens, at)
    if day is None:
        return
    begin = at - (at > 0 and tokens[at - 1].text == "the")
    end = day.end + (day.end < len(tokens) and tokens[day.end].text == "of")
    month = meaning(tokens[end], _ALL_MONTHS) if end < len(tokens) else None
    if month is not None:
        yield from _of_year(tokens, begin, end + 1, today, month=month[0], day=day.value)
    elif ordinal is not None and end == day.end and _of_some_month(tokens, begin, at, end):
        yield from _of_month(begin, end, today, ordinal.value)


def _of_some_month(tokens: Sequence[Token], begin: int, at: int, end: int) -> bool:
    """ "on the 3rd", and not "on the third floor" or "on second thoughts"."""
    before = tokens[begin - 1].text if begin else ""
    named = begin < at or tokens[at].text.isdecimal()
    alone = end == len(tokens) or tokens[end].mark or tokens[end].text in _AFTER_DAY
    return before in ("on", "for", "by") and named and alone


def _of_year(
    tokens: Sequence[Token], at: int, end: int, today: date, *, month: int, day: float
) -> Iterable[Day]:
    begin = end + (end < len(tokens) and tokens[end].text == ",")
    year = tokens[begin].text if begin < len(tokens) else ""
    if year.isdecimal() and len(year) == 4 and year.startswith("20"):
        yield from _exactly(at, begin + 1, int(year), month, day)
    else:
        yield from _coming(at, end, today, month, day)


def _calendar_zh(tokens: Sequence[Token], at: int, today: date) -> Iterable[Day]:
    """2027年3月5日, 三月五号, 五号."""
    found = number_at(tokens, at)
    if found is None or found.end >= len(tokens) or found.value != int(found.value):
        return
    mark = tokens[found.end].text
    if mark == "年" and 2000 <= found.value < 2100:
        month = number_at(tokens, found.end + 1)
        if month is not None and month.end < len(tokens) and tokens[month.end].text == "月":
            day = number_at(tokens, month.end + 1)
            if day is not None:
                end = _past_day(tokens, day.end)
                yield from _exactly(at, end, int(found.value), month.value, day.value)
    elif mark == "月":
        day = number_at(tokens, found.end + 1)
        lunar = at > 0 and tokens[at - 1].text in "历年"
        if day is not None and not lunar:
            end = _past_day(tokens, day.end)
            yield from _coming(at, end, today, found.value, day.value)
    elif mark in ("号", "日") and not (at and tokens[at - 1].text == "月"):
        end = found.end + 1
        alone = end == len(tokens) or tokens[end].mark or tokens[end].text[0].isdecimal()
        if alone or tokens[end].text in _AFTER_DAY_ZH:  # 3号灯 is a lamp
            yield from _of_month(at, end, today, found.value)


def _of_named_month(tokens: Sequence[Token], at: int, today: date) -> Iterable[Day]:
    """下个月五号, 本月三十号; "the 5th of next month"."""
    found = number_at(tokens, at)
    if found is not None and found.end < len(tokens) and tokens[found.end].text in ("号", "日"):
        for words, ahead in (("下个月", 1), ("下月", 1), ("这个月", 0), ("本月", 0)):
            begin = at - len(words)
            if begin >= 0 and phrase(tokens, begin, list(words)) is not None:
                yield from _in_month(begin, found.end + 1, today, ahead, found.value)
    ordinal = ordinal_at(tokens, at)
    if ordinal is None:
        return
    begin = at - (at > 0 and tokens[at - 1].text == "the")
    for said, ahead in ((["of", "next", "month"], 1), (["of", "this", "month"], 0)):
        if phrase(tokens, ordinal.end, said) is not None:
            yield from _in_month(begin, ordinal.end + 3, today, ahead, ordinal.value)


def _in_month(at: int, end: int, today: date, ahead: int, day: float) -> Iterable[Day]:
    year, month = divmod(today.year * 12 + today.month - 1 + ahead, 12)
    if day == int(day) and (found := _day(year, month + 1, day)) is not None and found >= today:
        yield Day(at, end, found)


def _past_day(tokens: Sequence[Token], at: int) -> int:
    return at + (at < len(tokens) and tokens[at].text in "日号")


def _in_digits(tokens: Sequence[Token], at: int, today: date) -> Iterable[Day]:
    """2027-03-05; 25/12 and 12/25, where only one of the two can be the month."""
    said = [one.text for one in tokens[at : at + 5]]
    if len(said) < 3 or not (said[0].isdecimal() and said[2].isdecimal()):
        return
    if len(said) == 5 and said[1] == said[3] and said[1] in "-/" and len(said[0]) == 4:
        if said[4].isdecimal():
            yield from _exactly(at, at + 5, int(said[0]), int(said[2]), int(said[4]))
        return
    before = tokens[at - 1].text if at else ""
    if said[1] != "/" or before == "/" or (len(said) > 3 and said[3] == "/"):
        return
    first, second = int(said[0]), int(said[2])
    if 12 < first <= 31 and 0 < second <= 12:
        yield from _coming(at, at + 3, today, second, first)
    elif 12 < second <= 31 and 0 < first <= 12:
        yield from _coming(at, at + 3, today, first, second)


def _exactly(at: int, end: int, year: int, month: float, day: float) -> Iterable[Day]:
    if month == int(month) and day == int(day) and (found := _day(year, month, day)) is not None:
        yield Day(at, end, found)


def _coming(at: int, end: int, today: date, month: float, day: float) -> Iterable[Day]:
    """The next day of this name, in a leap year if need be."""
    if month != int(month) or day != int(day):
        return
    for year in range(today.year, today.year + 9):
        if (found := _day(year, month, day)) is not None and found >= today:
            yield Day(at, end, found)
            return


def _day(year: int, month: float, day: float) -> date | None:
    try:
        return date(year, int(month), int(day))
    except (ValueError, OverflowError):
        return None  # there is no such day


def _of_month(at: int, end: int, today: date, day: float) -> Iterable[Day]:
    """The next month that has this day."""
    if not 1 <= day <= 31 or day != int(day):
        return
    for ahead in range(4):
        year, month = divmod(today.year * 12 + today.month - 1 + ahead, 12)
        if (found := _day(year, month + 1, day)) is not None and found >= today:
            yield Day(at, end, found, cost=0.1)
            return
