"""Days that come again: "every weekday", "on Mondays and Fridays", 每周一到周五. Pure.

A value is the weekdays as tools have them ("mon" to "sun"), in the order of the week.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from penjing.assistant.understand.span import Moment, Span, meaning
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.times import DAYS

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ALL, _WORKING, _FREE = tuple(range(7)), tuple(range(5)), (5, 6)
_GROUPS = {
    "day": _ALL, "morning": _ALL, "afternoon": _ALL, "evening": _ALL, "night": _ALL,
    "weekday": _WORKING, "workday": _WORKING, "weekend": _FREE,
}  # fmt: skip
_PARTS = frozenset({"morning", "afternoon", "evening", "night"})
_PLURAL = {f"{one}s": days for one, days in _GROUPS.items() if one not in (*_PARTS, "day")}
_SHORT = {"mon": 0, "tue": 1, "tues": 1, "wed": 2, "thu": 3, "thur": 3, "thurs": 3, "fri": 4,
          "sat": 5, "sun": 6}  # fmt: skip
_NAMES = {**DAYS, **_SHORT}
_NAMES_PLURAL = {f"{name}s": day for name, day in DAYS.items()}
_ZH = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "日": 6, "天": 6}
_WEEK_ZH = ("星期", "礼拜", "周", "週")
_GROUPS_ZH = (("工作日", _WORKING), ("平日", _WORKING), ("周末", _FREE), ("週末", _FREE),
              ("天", _ALL), ("日", _ALL), ("晚", _ALL), ("早", _ALL))  # fmt: skip


def recurrences(tokens: Sequence[Token], _moment: Moment) -> Iterable[Span]:
    """All of them."""
    for at in range(len(tokens)):
        for read in (_english, _chinese):
            if (found := read(tokens, at)) is not None:
                end, days = found
                yield Span(at, end, tuple(WEEK[day] for day in sorted(set(days))))


_Days = tuple[int, tuple[int, ...]]


def _english(tokens: Sequence[Token], at: int) -> _Days | None:
    word = tokens[at].text
    if word in ("every", "each") and at + 1 < len(tokens):
        group = meaning(tokens[at + 1], _GROUPS) or meaning(tokens[at + 1], _PLURAL)
        return (at + 2, group[0]) if group else _names(tokens, at + 1, {**_NAMES, **_NAMES_PLURAL})
    if word in ("daily", "nightly"):
        return at + 1, _ALL
    if (group := meaning(tokens[at], _PLURAL)) is not None and not group[1]:
        return at + 1, group[0]
    several = _names(tokens, at, {**_NAMES, **_NAMES_PLURAL})
    plural = several and any(one.text in _NAMES_PLURAL for one in tokens[at : several[0]])
    return several if several and (plural or _is_range(tokens, at)) else None


def _is_range(tokens: Sequence[Token], at: int) -> bool:
    return at + 1 < len(tokens) and tokens[at + 1].text in ("to", "through", "-")


def _names(tokens: Sequence[Token], at: int, names: dict[str, int]) -> _Days | None:
    """ "Monday", "Monday, Tuesday and Friday", "Monday to Friday"."""
    days: list[int] = []
    end = at
    while end < len(tokens) and (day := names.get(tokens[end].text)) is not None:
        days.append(day)
        end += 1
        after = end
        while after < len(tokens) and tokens[after].text in (",", "and"):
            after += 1
        if after < len(tokens) and after > end and tokens[after].text in names:
            end = after
        elif _is_range(tokens, end - 1) and end + 1 < len(tokens) and len(days) == 1:
            last = names.get(tokens[end + 1].text)
            return (end + 2, _from_to(day, last)) if last is not None else None
    return (end, tuple(days)) if days else None


def _from_to(first: int, last: int) -> tuple[int, ...]:
    return tuple((first + n) % 7 for n in range((last - first) % 7 + 1))


def _chinese(tokens: Sequence[Token], at: int) -> _Days | None:
    text = tokens[at].text
    if text == "每":
        begin = at + 1 + _stands(tokens, at + 1, "个")
        for words, days in _GROUPS_ZH:
            if _stands(tokens, begin, words):
                return begin + len(words) - (words in ("早", "晚")), days
        return _week_zh(tokens, begin)
    if _stands(tokens, at, "天天"):
        return at + 2, _ALL
    if _stands(tokens, at, "工作日"):
        return at + 3, _WORKING
    found = _week_zh(tokens, at)
    return found if found and len(set(found[1])) > 2 else None  # a span of days, not one of them


def _week_zh(tokens: Sequence[Token], at: int) -> _Days | None:
    """周一, 星期一三五, 周一、周三和周五, 周一到周五."""
    week = next((one for one in _WEEK_ZH if _stands(tokens, at, one)), "")
    if not week:
        return None
    days: list[int] = []
    end = at + len(week)
    while end < len(tokens) and (day := _ZH.get(tokens[end].text)) is not None:
        if days and end + 1 < len(tokens) and tokens[end + 1].text in "点时":
            break  # 每周一三点
        days.append(day)
        end += 1
        after = end + (end < len(tokens) and tokens[end].text in "、,和跟与到至-")
        through = after > end and tokens[end].text in "到至-"
        again = next((one for one in _WEEK_ZH if _stands(tokens, after, one)), "")
        named = after + len(again)
        if (after > end or again) and named < len(tokens) and tokens[named].text in _ZH:
            if through:
                return named + 1, _from_to(day, _ZH[tokens[named].text])
            end = named
    return (end, tuple(days)) if days else None


def _stands(tokens: Sequence[Token], at: int, words: str) -> int:
    """How many tokens a word of Chinese characters takes here; 0 where it does not stand."""
    said = "".join(one.text for one in tokens[at : at + len(words)])
    return len(words) if said == words else 0
