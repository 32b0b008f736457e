"""Times of day and dates, in English and Chinese. Pure; "tomorrow" is told from a `Moment`.

A time is "HH:MM". A bare "seven" is seven in the morning: whoever means the evening says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from penjing.assistant.understand.numbers import number_at
from penjing.assistant.understand.span import Moment, Span, meaning, phrase
from penjing.assistant.understand.text import Token

_PARTS = {
    "morning": "am", "afternoon": "pm", "evening": "pm", "night": "pm", "tonight": "pm",
}  # fmt: skip
_PARTS_ZH = (("凌晨", "am"), ("早上", "am"), ("早晨", "am"), ("上午", "am"), ("中午", "noon"),
             ("下午", "pm"), ("傍晚", "pm"), ("晚上", "pm"), ("今晚", "pm"), ("明早",
             "am"))  # fmt: skip
DAYS = {
    "monday": 0, "tuesday": 1, "wednesday": 2, "thursday": 3, "friday": 4, "saturday": 5,
    "sunday": 6,
}  # fmt: skip
MONTHS = {
    "january": 1, "february": 2, "march": 3, "april": 4, "june": 6, "july": 7, "august": 8,
    "september": 9, "october": 10, "november": 11, "december": 12, "may": 5,
}  # fmt: skip
_DAYS_ZH = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "日": 6, "天": 6}
_NEAR = (("the day after tomorrow", 2), ("day after tomorrow", 2), ("tomorrow", 1), ("today", 0),
         ("tonight", 0), ("this evening", 0), ("后天", 2), ("明天", 1), ("明早", 1), ("明晚", 1),
         ("今天", 0), ("今晚", 0), ("大后天", 3))  # fmt: skip
WORDS = frozenset(
    {*_PARTS, *DAYS, *MONTHS, "tomorrow", "today", "o'clock", "noon", "midnight", "quarter",
     "half", "past", "next"} - {"may", "march"}
)  # fmt: skip
"""English words that may stand in a time or date."""


def times(tokens: Sequence[Token], _moment: Moment) -> Iterable[Span]:
    """All times of day."""
    for at in range(len(tokens)):
        for words, value in (("noon", "12:00"), ("midnight", "00:00")):
            if phrase(tokens, at, [words]) is not None:
                yield Span(at, at + 1, value)
        for read in (_half_past, _clock, _chinese):
            if (found := read(tokens, at)) is not None:
                yield found


def _half_past(tokens: Sequence[Token], at: int) -> Span | None:
    """ "half past seven", "quarter to eight", "ten past six"."""
    begin = at + (tokens[at].text == "a")
    if begin >= len(tokens):
        return None
    said = meaning(tokens[begin], {"half": 30, "quarter": 15})
    end = begin + 1
    if said is None:
        found = number_at(tokens, begin)
        if found is None or not 0 < found.value < 60 or begin != at:
            return None
        said, end = (found.value, found.cost), found.end
    if end < len(tokens) and tokens[end].text == "minutes":
        end += 1
    way = meaning(tokens[end], {"past": 1, "to": -1}) if end < len(tokens) else None
    hour = number_at(tokens, end + 1) if way is not None else None
    if way is None or hour is None or not 0 < hour.value <= 12 or hour.value != int(hour.value):
        return None
    return _with_part(tokens, at, hour.end, hour.value * 60 + way[0] * said[0], said[1])


def _clock(tokens: Sequence[Token], at: int) -> Span | None:
    token = tokens[at]
    if ":" in token.text and token.text[0].isdigit():
        hour, minute = (int(one) for one in token.text.split(":")[:2])
        if hour > 24 or minute > 59:
            return None
        return _with_part(tokens, at, at + 1, hour * 60 + minute, 0.0)
    found = number_at(tokens, at)
    if found is None or found.value != int(found.value) or not 0 <= found.value <= 24:
        return None
    end, minutes, cost, sure = found.end, found.value * 60, found.cost, False
    more = number_at(tokens, end)
    if (
        more is not None
        and 0 < more.value < 60
        and not token.chinese
        and (more.value >= 10 and more.value == int(more.value))
    ):
        minutes, end, sure = minutes + more.value, more.end, True
    if end < len(tokens) and meaning(tokens[end], {"o'clock": 1}):
        end, sure = end + 1, True
    whole = _with_part(tokens, at, end, minutes, cost)
    if whole is None:
        return None
    return Span(at, whole.end, whole.value, whole.cost + (0 if sure or whole.end > end else 0.2))


def _with_part(
    tokens: Sequence[Token], at: int, end: int, minutes: float, cost: float
) -> Span | None:
    """With "am", "pm" or "in the evening" behind it."""
    part = ""
    if end < len(tokens) and tokens[end].text in ("am", "pm"):
        part, end = tokens[end].text, end + 1
    elif end + 2 < len(tokens) and [one.text for one in tokens[end : end + 3 : 2]] == ["a", "m"]:
        part, end = "am", end + 3
    elif end + 2 < len(tokens) and [one.text for one in tokens[end : end + 3 : 2]] == ["p", "m"]:
        part, end = "pm", end + 3
    else:
        for lead in (["in", "the"], ["this"], ["at"], []):
            begin = end + len(lead)
            if phrase(tokens, end, lead) is not None and begin < len(tokens):
                found = meaning(tokens[begin], _PARTS)
                if found is not None and (lead or found[0] == "pm"):
                    part, end = found[0], begin + 1
                    break
    return _time(at, end, minutes, part, cost)


def _time(at: int, end: int, minutes: float, part: str, cost: float) -> Span | None:
    hour, minute = divmod(int(minutes), 60)
    if part in ("pm", "noon") and hour < 12 and not (part == "noon" and hour == 11):
        hour += 12
    if part == "am" and hour == 12:
        hour = 0
    if not 0 <= hour <= 24:
        return None
    return Span(at, end, f"{hour % 24:02d}:{minute:02d}", cost)


def _chinese(tokens: Sequence[Token], at: int) -> Span | None:
    """早上七点半, 晚上八点一刻, 十五点二十分."""
    part, begin = "", at
    for words, value in _PARTS_ZH:
        if phrase(tokens, at, list(words)) is not None:
            part, begin = value, at + len(words)
            break
    if begin < len(tokens) and ":" in tokens[begin].text and tokens[begin].text[0].isdigit():
        hour, minute = (int(one) for one in tokens[begin].text.split(":")[:2])
        return _time(at, begin + 1, hour * 60 + minute, part, 0) if part and hour <= 24 else None
    hours = number_at(tokens, begin)
    if hours is None or hours.end >= len(tokens) or tokens[hours.end].text not in "点时":
        return None
    if hours.value != int(hours.value) or not 0 <= hours.value <= 24:
        return None
    end, minutes = hours.end + 1, hours.value * 60
    if end < len(tokens) and tokens[end].text in ("钟", "整"):
        end += 1
    elif end < len(tokens) and tokens[end].text == "半":
        minutes, end = minutes + 30, end + 1
    elif phrase(tokens, end, ["一", "刻"]) is not None:
        minutes, end = minutes + 15, end + 2
    elif phrase(tokens, end, ["三", "刻"]) is not None:
        minutes, end = minutes + 45, end + 2
    elif (more := number_at(tokens, end)) is not None and 0 <= more.value < 60:
        minutes, end = minutes + int(more.value), more.end
        end += end < len(tokens) and tokens[end].text == "分"
    return _time(at, end, minutes, part, 0.0)


def dates(tokens: Sequence[Token], moment: Moment) -> Iterable[Span]:
    """All dates, as "YYYY-MM-DD"; a weekday is the next one."""
    today = moment.now.date()
    for at, token in enumerate(tokens):
        for words, days in _NEAR:
            parts = words.split() if words.isascii() else list(words)
            if (cost := phrase(tokens, at, parts)) is not None:
                yield Span(at, at + len(parts), str(today + timedelta(days=days)), cost)
        if (day := meaning(token, DAYS)) is not None:
            yield Span(at, at + 1, str(_next(today, day[0])), day[1])
        yield from _chinese_dates(tokens, at, today)
        yield from _calendar(tokens, at, today)


def _next(today: date, weekday: int) -> date:
    return today + timedelta(days=(weekday - today.weekday() - 1) % 7 + 1)


def _chinese_dates(tokens: Sequence[Token], at: int, today: date) -> Iterable[Span]:
    for words, weeks in (("下周", 1), ("下星期", 1), ("周", 0), ("星期", 0), ("礼拜", 0)):
        end = at + len(words)
        if phrase(tokens, at, list(words)) is not None and end < len(tokens):
            day = _DAYS_ZH.get(tokens[end].text)
            if day is not None:
                monday = today - timedelta(days=today.weekday())
                found = monday + timedelta(days=7 + day) if weeks else _next(today, day)
                yield Span(at, end + 1, str(found))
    month = number_at(tokens, at)
    if month is None or month.end >= len(tokens) or tokens[month.end].text != "月":
        return
    day_of = number_at(tokens, month.end + 1)
    if day_of is not None:
        end = day_of.end + (day_of.end < len(tokens) and tokens[day_of.end].text in "日号")
        yield from _future(at, end, today, month.value, day_of.value)


def _calendar(tokens: Sequence[Token], at: int, today: date) -> Iterable[Span]:
    """ "the 5th of June", "June 5"."""
    month = meaning(tokens[at], MONTHS)
    if month is not None:
        day = number_at(tokens, at + 1)
        if day is not None:
            end = day.end + (
                day.end < len(tokens) and tokens[day.end].text in ("st", "nd", "rd", "th")
            )
            yield from _future(at, end, today, month[0], day.value)
        return
    day = number_at(tokens, at)
    if day is None:
        return
    end = day.end + (day.end < len(tokens) and tokens[day.end].text in ("st", "nd", "rd", "th"))
    end += end < len(tokens) and tokens[end].text == "of"
    month = meaning(tokens[end], MONTHS) if end < len(tokens) else None
    if month is not None:
        yield from _future(at, end + 1, today, month[0], day.value)


def _future(at: int, end: int, today: date, month: float, day: float) -> Iterable[Span]:
    try:
        found = date(today.year, int(month), int(day))
        found = found if found >= today else date(today.year + 1, int(month), int(day))
    except ValueError:
        return  # there is no such day
    yield Span(at, end, str(found))
