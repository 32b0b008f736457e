"""Percentages, temperatures, durations and plain numbers, in English and Chinese. Pure.

Which number is meant must be said: of "a few minutes", 十几分钟 and 五六分钟 nothing is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from penjing.assistant.understand.numbers import number_at
from penjing.assistant.understand.span import (
    Moment,
    PhraseTable,
    Span,
    meaning,
    phrase,
    remembered,
    split,
)
from penjing.assistant.understand.text import Token
from penjing.core.numerals import DIGITS, SCALES

_SHARES = PhraseTable(
    ("half", 50), ("a half", 50), ("one half", 50), ("a quarter", 25), ("one quarter", 25),
    ("three quarters", 75), ("a third", 33), ("one third", 33), ("two thirds", 67),
    ("half way", 50), ("halfway", 50), ("一半", 50), ("半亮", 50), ("百分之百", 100),
    ("百分百", 100), ("full", 100), ("maximum", 100), ("max", 100), ("minimum", 1),
    ("brightest", 100), ("dimmest", 1), ("最亮", 100), ("最大", 100), ("全亮", 100),
    ("满格", 100), ("最暗", 1), ("最小", 1),
)  # fmt: skip
"""In percent."""
_POINTS = PhraseTable(*((one, True) for one in (
    "percentage points", "percent points", "points", "% points", "per cent points",
    "个百分点", "百分点", "个点",
)))  # fmt: skip
_PERCENT = {"percent": 1, "%": 1, "percents": 1}
SECONDS = {
    "second": 1, "seconds": 1, "sec": 1, "secs": 1, "minute": 60, "minutes": 60, "min": 60,
    "mins": 60, "hour": 3600, "hours": 3600, "hr": 3600, "hrs": 3600, "day": 86400,
    "days": 86400, "week": 604800, "weeks": 604800,
}  # fmt: skip
_OTHER_UNITS = {
    **SECONDS, "degree": 1, "degrees": 1, "°": 1, "o'clock": 1, "am": 1, "pm": 1,
}  # fmt: skip
"""What a number may count that is no percentage."""
_SHORT = {"h": 3600, "m": 60, "s": 1, "d": 86400}
"""Right behind digits: 1h, 90m."""
_SECONDS_ZH = (("秒钟", 1), ("秒", 1), ("分钟", 60), ("分", 60), ("小时", 3600), ("钟头", 3600),
               ("天", 86400), ("星期", 604800), ("礼拜", 604800), ("周", 604800))  # fmt: skip
_NUMERALS = DIGITS.keys() | SCALES.keys() | {"几", "俩"}
_DAYS = frozenset("一二三四五六日天末")
WORDS = frozenset(
    {"points", "percentage", *SECONDS, *_PERCENT, "degree", "degrees", "celsius", "fahrenheit",
     "half", "quarter", "quarters", "maximum"} - {"%"}
)  # fmt: skip
"""English words that may stand in a quantity."""


def _read(tokens: Sequence[Token], at: int, words: str) -> tuple[int, float] | None:
    """Where a phrase that begins at a token ends, and what it costs."""
    parts = split(words)
    cost = phrase(tokens, at, parts)
    return None if cost is None else (at + len(parts), cost)


def numbers(tokens: Sequence[Token], _moment: Moment) -> Iterable[Span]:
    """All numbers."""
    for at in range(len(tokens)):
        if (found := number_at(tokens, at)) is not None:
            yield found


def percentages(tokens: Sequence[Token], _moment: Moment) -> Iterable[Span]:
    """30%, thirty percent, 百分之三十, 三成, a half; a bare number costs a little."""
    for at, token in enumerate(tokens):
        yield from _parts_zh(tokens, at)
        for end, value, cost in _SHARES.read(tokens, at):
            yield Span(at, _said_again(tokens, end, value), value, cost + 0.05)
        if (found := number_at(tokens, at)) is None:
            continue
        end = found.end
        if last := points_end(tokens, end):
            yield Span(at, last, found.value, found.cost)
        elif end < len(tokens) and (unit := meaning(tokens[end], _PERCENT)):
            yield Span(at, end + 1, found.value, found.cost + unit[1])
        elif end + 1 < len(tokens) and _read(tokens, end, "per cent"):
            yield Span(at, end + 2, found.value, found.cost)
        elif end < len(tokens) and tokens[end].text == "成" and token.chinese:
            more = number_at(tokens, end + 1)  # 七成五
            small = more is not None and 0 < more.value < 10 and more.end == end + 2
            tail = more.value if more is not None and small else 0
            yield Span(at, end + 1 + bool(tail), found.value * 10 + tail)
        elif not _has_other_unit(tokens, end):
            yield Span(at, end, found.value, found.cost + 0.15)


def _said_again(tokens: Sequence[Token], at: int, value: float) -> int:
    """Past the same number behind an extreme: 最大一百, "max 100 percent"."""
    again = number_at(tokens, at)
    if again is None or again.value != value:
        return at
    end = again.end
    return end + (end < len(tokens) and meaning(tokens[end], _PERCENT) is not None)


def _parts_zh(tokens: Sequence[Token], at: int) -> Iterable[Span]:
    """百分之三十, 三分之一."""
    hundred = _read(tokens, at, "百分之")
    whole = None if hundred else number_at(tokens, at)
    end = hundred[0] if hundred else 0
    if whole is not None and whole.value > 0 and (read := _read(tokens, whole.end, "分之")):
        end = read[0]
    part = number_at(tokens, end) if end else None
    if part is None:
        return
    if hundred:
        yield Span(at, part.end, part.value)
    elif whole is not None and 0 <= part.value <= whole.value:
        yield Span(at, part.end, round(100 * part.value / whole.value))


def points_end(tokens: Sequence[Token], at: int) -> int:
    """Where "points" end that begin at a token; 0 where none do: by so many, and not to."""
    return next((end for end, *_ in _POINTS.read(tokens, at)), 0) if at < len(tokens) else 0


def is_points(tokens: Sequence[Token], one: Span) -> bool:
    """A number of points: 二十个百分点, "five points"."""
    return any(points_end(tokens, at) == one.end for at in range(one.start + 1, one.end))


def _has_other_unit(tokens: Sequence[Token], at: int) -> bool:
    if at >= len(tokens):
        return False
    return (
        meaning(tokens[at], _OTHER_UNITS) is not None
        or tokens[at].text in "度分秒小天点周倍月号日下些会首"
    )


def temperatures(tokens: Sequence[Token], _moment: Moment) -> Iterable[Span]:
    """In degrees Celsius; Fahrenheit is converted. A bare number costs a little."""
    for at in range(len(tokens)):
        below = _read(tokens, at, "零下")
        if (found := number_at(tokens, below[0] if below else at)) is None:
            continue
        value, end, cost = -found.value if below else found.value, found.end, found.cost
        unit = (
            meaning(tokens[end], {"degrees": 1, "degree": 1, "°": 1, "度": 1})
            if (end < len(tokens))
            else None
        )
        if unit is not None:
            end, cost = end + 1, cost + unit[1]
            if end < len(tokens) and tokens[end].text == "半":
                value, end = value + 0.5, end + 1
        elif _has_other_unit(tokens, end) or (end < len(tokens) and tokens[end].text == "%"):
            continue
        else:
            cost += 0.15
        scale = (
            meaning(tokens[end], {"celsius": "c", "c": "c", "fahrenheit": "f", "f": "f"})
            if (end < len(tokens))
            else None
        )
        if scale is not None:
            end, cost = end + 1, cost + scale[1]
            value = round((value - 32) / 1.8, 1) if scale[0] == "f" else value
        yield Span(at, end, value, cost)


_QUARTERS = PhraseTable(("一刻钟", 900), ("三刻钟", 2700))
_PARTS = PhraseTable(
    ("half a", 0.5), ("half an", 0.5), ("a half", 0.5), ("half", 0.5),
    ("a quarter of a", 0.25), ("a quarter of an", 0.25), ("quarter of an", 0.25),
    ("quarter of a", 0.25), ("a quarter", 0.25), ("three quarters of an", 0.75),
    ("three quarters of a", 0.75), ("a third of an", 1 / 3), ("two thirds of an", 2 / 3),
)  # fmt: skip
_HALVES = (("and a half", 0.5), ("and a quarter", 0.25), ("and three quarters", 0.75))


@remembered
def durations(tokens: Sequence[Token], _moment: Moment) -> Iterable[Span]:
    """In seconds: ten minutes, an hour and a half, 1,5 hours, 半小时, 一个半小时, 两分三十秒."""
    for at in range(len(tokens)):
        one = _one_duration(tokens, at)
        if one is not None:
            yield from _same_unit(tokens, one)
        while one is not None:
            yield one
            end = one.end + (one.end < len(tokens) and tokens[one.end].text in ("and", ","))
            more = _one_duration(tokens, end)
            if more is None or not 0 < more.value < one.value:
                break
            one = Span(at, more.end, one.value + more.value, one.cost + more.cost)


def _same_unit(tokens: Sequence[Token], one: Span) -> Iterable[Span]:
    """ "Three minutes for the tea and ten for the scones": ten of the same."""
    unit = meaning(tokens[one.end - 1], SECONDS)
    if unit is None:
        return
    for at in range(one.end, len(tokens) - 1):
        if tokens[at].text not in ("and", ",", "then", "another"):
            continue
        start = at + 1 + (tokens[at + 1].text in ("another", "and", "one"))
        start += start < len(tokens) and tokens[start].text in ("for", "of") and start > at + 1
        found = number_at(tokens, start) if start < len(tokens) else None
        behind = tokens[found.end].text if found and found.end < len(tokens) else ""
        if found is not None and not found.cost and behind in ("for", "on"):
            yield Span(found.start, found.end, round(found.value * unit[0]), 0.1)


def _one_duration(tokens: Sequence[Token], at: int) -> Span | None:
    if at >= len(tokens):
        return None
    return _part_of_a_unit(tokens, at) or _english_duration(tokens, at) or _chinese(tokens, at)


def _part_of_a_unit(tokens: Sequence[Token], at: int) -> Span | None:
    """ "half an hour", "three quarters of an hour", 一刻钟."""
    for end, seconds, _ in _QUARTERS.read(tokens, at):
        return Span(at, end, seconds)
    for end, part, cost in _PARTS.read(tokens, at):
        unit = meaning(tokens[end], SECONDS) if end < len(tokens) else None
        if unit is not None:
            return Span(at, end + 1, round(part * unit[0]), cost + unit[1])
    return None


def _english_duration(tokens: Sequence[Token], at: int) -> Span | None:
    found = _fraction(tokens, at) or number_at(tokens, at)
    if found is None and tokens[at].text in ("a", "an"):
        found = Span(at, at + 1, 1)
    if found is None or found.end >= len(tokens):
        return None
    end = found.end + (tokens[found.end].text == "-")
    unit = meaning(tokens[end], SECONDS) if end < len(tokens) else None
    if unit is None and tokens[end - 1].end == tokens[end].start and tokens[at].text[0].isdecimal():
        unit = meaning(tokens[end], _SHORT)
    if unit is None:
        return None
    seconds, end, cost = found.value * unit[0], end + 1, found.cost + unit[1]
    for words, part in _HALVES:
        if (read := _read(tokens, end, words)) and found.value == int(found.value):
            seconds, end = seconds + part * unit[0], read[0]
            break
    else:
        more = _bare(tokens, end) if unit[0] in (3600, 60) else None
        if more is not None:  # "an hour twenty"
            seconds, end = seconds + more.value * unit[0] / 60, more.end
    return Span(at, end, round(seconds), cost)


def _bare(tokens: Sequence[Token], at: int) -> Span | None:
    """A number that ends the sentence."""
    found = number_at(tokens, at)
    if found is None or not 0 < found.value < 60 or found.value != int(found.value):
        return None
    return found if all(one.mark for one in tokens[found.end :]) else None


def _fraction(tokens: Sequence[Token], at: int) -> Span | None:
    """3/4, 1 1/2, "1 and 1/2"."""
    said = [one.text for one in tokens[at : at + 5]]
    for lead in (0, 1, *((2,) if said[1:2] == ["and"] else ())):
        part = said[lead : lead + 3]
        if len(part) < 3 or part[1] not in ("/", "\N{FRACTION SLASH}"):
            continue
        if all(one.isdecimal() for one in (*said[: min(lead, 1)], part[0], part[2])):
            top, bottom = int(part[0]), int(part[2])
            if 0 < top < bottom <= 100:
                return Span(at, at + lead + 3, (int(said[0]) if lead else 0) + top / bottom)
    return None


def _weekday(tokens: Sequence[Token], at: int, unit: str) -> bool:
    """一个周六, 一个星期三的: a day, and no week."""
    return unit in ("周", "星期", "礼拜") and at < len(tokens) and tokens[at].text in _DAYS


def _counted(tokens: Sequence[Token], at: int) -> bool:
    """A number stands before it, with 个 or without; 定个半小时的 has none."""
    place = at - 1 - (tokens[at - 1].text == "个")
    said = tokens[place].text if place >= 0 else "-"
    return said in _NUMERALS or said.isdecimal()


def _chinese(tokens: Sequence[Token], at: int) -> Span | None:
    half = tokens[at].text == "半"
    if half and at and (tokens[at - 1].text in "点大" or _counted(tokens, at)):
        return None  # 一个半小时 is told from its beginning
    found = Span(at, at + 1, 0.5) if half else number_at(tokens, at)
    if found is None:
        return None
    value, end = float(found.value), found.end
    counted = end < len(tokens) and tokens[end].text == "个"
    if counted:
        end += 1
        if end < len(tokens) and tokens[end].text == "半" and not half:
            value, end = value + 0.5, end + 1
    units = (*_SECONDS_ZH, ("钟", 3600)) if counted else _SECONDS_ZH
    for words, size in units:
        if (read := _read(tokens, end, words)) and not _weekday(tokens, read[0], words):
            end = read[0]
            after = tokens[end].text if end < len(tokens) else ""
            if after == "多" or (after == "之" and words == "分"):  # 一小时多, 百分之三十
                return None
            if words == "分" and at and tokens[at - 1].text == "点":  # 七点七十五分
                return None
            total = value * size
            if end < len(tokens) and tokens[end].text == "半" and not half:
                total, end = total + size / 2, end + 1
                end += size == 60 and end < len(tokens) and tokens[end].text == "钟"
            return Span(at, end, round(total), found.cost)
    return None
