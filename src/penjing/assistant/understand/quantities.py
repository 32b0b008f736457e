"""Percentages, temperatures, durations and plain numbers, in English and Chinese. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from penjing.assistant.understand.numbers import number_at
from penjing.assistant.understand.span import Moment, Span, meaning, phrase
from penjing.assistant.understand.text import Token

_FRACTIONS = (("half", 50), ("a half", 50), ("a quarter", 25), ("three quarters", 75),
              ("一半", 50), ("四分之一", 25), ("四分之三", 75))  # fmt: skip
_EXTREMES = (("full", 100), ("maximum", 100), ("max", 100), ("minimum", 1), ("最亮", 100),
             ("最大", 100), ("最暗", 1), ("最小", 1))  # fmt: skip
_PERCENT = {"percent": 1, "%": 1, "percents": 1}
SECONDS = {
    "second": 1, "seconds": 1, "sec": 1, "secs": 1, "minute": 60, "minutes": 60, "min": 60,
    "mins": 60, "hour": 3600, "hours": 3600, "hr": 3600, "hrs": 3600, "day": 86400,
    "days": 86400, "week": 604800, "weeks": 604800,
}  # fmt: skip
_SECONDS_ZH = (("秒钟", 1), ("秒", 1), ("分钟", 60), ("分", 60), ("小时", 3600), ("钟头", 3600),
               ("天", 86400), ("星期", 604800), ("周", 604800))  # fmt: skip
WORDS = frozenset(
    {*SECONDS, *_PERCENT, "degree", "degrees", "celsius", "fahrenheit", "half", "quarter",
     "quarters", "maximum"} - {"%"}
)  # fmt: skip
"""English words that may stand in a quantity."""


def _read(tokens: Sequence[Token], at: int, words: str) -> tuple[int, float] | None:
    """Where a phrase that begins at a token ends, and what it costs."""
    parts = words.split() if words.isascii() else list(words)
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
        if (read := _read(tokens, at, "百分之")) and (found := number_at(tokens, read[0])):
            yield Span(at, found.end, found.value)
        for words, value in (*_FRACTIONS, *_EXTREMES):
            if read := _read(tokens, at, words):
                yield Span(at, read[0], value, read[1] + 0.05)
        if (found := number_at(tokens, at)) is None:
            continue
        end = found.end
        if end < len(tokens) and (unit := meaning(tokens[end], _PERCENT)):
            yield Span(at, end + 1, found.value, found.cost + unit[1])
        elif end + 1 < len(tokens) and _read(tokens, end, "per cent"):
            yield Span(at, end + 2, found.value, found.cost)
        elif end < len(tokens) and tokens[end].text == "成" and token.chinese:
            yield Span(at, end + 1, found.value * 10)
        elif not _has_other_unit(tokens, end):
            yield Span(at, end, found.value, found.cost + 0.15)


def _has_other_unit(tokens: Sequence[Token], at: int) -> bool:
    if at >= len(tokens):
        return False
    units = {**SECONDS, "degree": 1, "degrees": 1, "°": 1, "o'clock": 1, "am": 1, "pm": 1}
    return meaning(tokens[at], units) is not None or tokens[at].text in "度分秒小天点周倍月号日"


def temperatures(tokens: Sequence[Token], _moment: Moment) -> Iterable[Span]:
    """In degrees Celsius; Fahrenheit is converted. A bare number costs a little."""
    for at in range(len(tokens)):
        if (found := number_at(tokens, at)) is None:
            continue
        value, end, cost = found.value, found.end, found.cost
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


def durations(tokens: Sequence[Token], _moment: Moment) -> Iterable[Span]:
    """In seconds: ten minutes, an hour and a half, 半小时, 一个半小时, 两分三十秒."""
    for at in range(len(tokens)):
        one = _one_duration(tokens, at)
        while one is not None:
            yield one
            end = one.end + (one.end < len(tokens) and tokens[one.end].text in ("and", "零", ","))
            more = _one_duration(tokens, end)
            if more is None or more.value >= one.value:
                break
            one = Span(at, more.end, one.value + more.value, one.cost + more.cost)


def _one_duration(tokens: Sequence[Token], at: int) -> Span | None:
    if at >= len(tokens):
        return None
    return _english_duration(tokens, at) or _chinese_duration(tokens, at)


_SET = (("half an hour", 1800), ("half hour", 1800), ("a half hour", 1800),
        ("a quarter of an hour", 900), ("quarter of an hour", 900),
        ("three quarters of an hour", 2700), ("half a minute", 30),
        ("an hour and a half", 5400), ("一刻钟", 900), ("三刻钟", 2700))  # fmt: skip


def _english_duration(tokens: Sequence[Token], at: int) -> Span | None:
    for words, seconds_of in _SET:
        if read := _read(tokens, at, words):
            return Span(at, read[0], seconds_of, read[1])
    found = number_at(tokens, at)
    if found is None and tokens[at].text in ("a", "an"):
        found = Span(at, at + 1, 1)
    if found is None:
        return None
    value, end = float(found.value), found.end
    if read := _read(tokens, end, "and a half"):
        value, end = value + 0.5, read[0]
    if end < len(tokens) and tokens[end].text == "-":
        end += 1
    unit = meaning(tokens[end], SECONDS) if end < len(tokens) else None
    if unit is None:
        return None
    seconds, end, cost = value * unit[0], end + 1, found.cost + unit[1]
    if read := _read(tokens, end, "and a half"):
        seconds, end = seconds + unit[0] / 2, read[0]
    return Span(at, end, round(seconds), cost)


def _chinese_duration(tokens: Sequence[Token], at: int) -> Span | None:
    half = tokens[at].text == "半"
    found = Span(at, at + 1, 0.5) if half else number_at(tokens, at)
    if found is None:
        return None
    value, end = float(found.value), found.end
    if end < len(tokens) and tokens[end].text == "个":
        end += 1
        if end < len(tokens) and tokens[end].text == "半" and not half:
            value, end = value + 0.5, end + 1
    for words, size in _SECONDS_ZH:
        if read := _read(tokens, end, words):
            end = read[0]
            total = value * size
            if end < len(tokens) and tokens[end].text == "之":  # 百分之三十
                return None
            if end < len(tokens) and tokens[end].text == "半" and not half:
                total, end = total + size / 2, end + 1
            return Span(at, end, round(total), found.cost)
    return None
