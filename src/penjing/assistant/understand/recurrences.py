"""Days that come again: "every weekday", "mondays and fridays", 每周一三五, 周一到周五. Pure.

A value is the weekdays as tools have them ("mon" to "sun"), in the order of the week. What need not
come again ("on monday and friday", 周末) is told apart: whoever acts on it asks. Every other day,
every second week and the like are not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from penjing.assistant.understand.dates import DAYS, DAYS_ZH, SHORT_DAYS
from penjing.assistant.understand.parts import WORDS_EN
from penjing.assistant.understand.span import Moment, PhraseTable, Span, meaning, phrase
from penjing.assistant.understand.text import Token
from penjing.core.weekdays import NAMES as WEEK

_EVERY = tuple(range(7))
_WORKING = tuple(range(5))
_WEEKEND = (5, 6)
_PLURALS = {f"{name}s": day for name, day in DAYS.items()}
_SETS = PhraseTable(
    ("every day", _EVERY), ("each day", _EVERY), ("everyday", _EVERY), ("daily", _EVERY),
    ("every single day", _EVERY), ("every day of the week", _EVERY),
    ("every weekday", _WORKING), ("each weekday", _WORKING), ("every working day", _WORKING),
    ("every workday", _WORKING), ("weekdays", _WORKING), ("on weekdays", _WORKING),
    ("on working days", _WORKING), ("on workdays", _WORKING), ("every weekend", _WEEKEND),
    ("each weekend", _WEEKEND), ("weekends", _WEEKEND), ("on weekends", _WEEKEND),
    ("at weekends", _WEEKEND), ("nightly", _EVERY),
    ("每天", _EVERY), ("每日", _EVERY), ("天天", _EVERY), ("每一天", _EVERY),
    ("每个工作日", _WORKING), ("工作日每天", _WORKING), ("工作日", _WORKING), ("平日", _WORKING),
    ("每个周末", _WEEKEND), ("每周末", _WEEKEND), ("每个周末两天", _WEEKEND),
    ("每周末两天", _WEEKEND),
    ("every single weekday", _WORKING), ("every single weekend", _WEEKEND),
    ("seven days a week", _EVERY), ("7 days a week", _EVERY),
)  # fmt: skip
_MAYBE = PhraseTable(
    ("on the weekend", _WEEKEND), ("at the weekend", _WEEKEND), ("the weekend", _WEEKEND),
    ("weekday", _WORKING), ("weekend", _WEEKEND), ("周末", _WEEKEND), ("双休日", _WEEKEND),
    ("周末两天", _WEEKEND), ("周末这两天", _WEEKEND), ("双休日两天", _WEEKEND),
    ("双休两天", _WEEKEND),
)  # fmt: skip
_OF_A_WEEK = ("周", "星期", "礼拜")
_EACH_ZH = ("每个", "每逢", "每", "逢")
WORDS = frozenset(
    {*_PLURALS, "every", "each", "daily", "weekday", "weekdays", "weekend", "weekends"}
)
"""English words that may stand in days that come again."""


def recurrences(tokens: Sequence[Token], _moment: Moment) -> Iterable[Span]:
    """All that say that they come again."""
    for at in range(len(tokens)):
        yield from _sets(tokens, at, _SETS)
        yield from _every_part(tokens, at)
    yield from (span for span, sure in _lists(tokens) if sure)


def weekdays(tokens: Sequence[Token], moment: Moment) -> Iterable[Span]:
    """All sets of days, also those that may be meant once."""
    yield from recurrences(tokens, moment)
    for at in range(len(tokens)):
        yield from _sets(tokens, at, _MAYBE)
    yield from (span for span, sure in _lists(tokens) if not sure)


def _sets(tokens: Sequence[Token], at: int, sets: PhraseTable[tuple[int, ...]]) -> Iterable[Span]:
    for end, chosen, cost in sets.read(tokens, at):
        yield _span(tokens, at, end, chosen, cost)


def _lists(tokens: Sequence[Token]) -> Iterable[tuple[Span, bool]]:
    for at in range(len(tokens)):
        yield from _listed(tokens, at)
        yield from _listed_zh(tokens, at)


def _span(
    tokens: Sequence[Token], at: int, end: int, chosen: Iterable[int], cost: float = 0.0
) -> Span:
    """With "mornings" behind it, which the time looks at."""
    end += _part_at(tokens, end)
    return Span(at, end, tuple(WEEK[day] for day in sorted(set(chosen))), cost)


def _part_at(tokens: Sequence[Token], at: int) -> bool:
    return at < len(tokens) and meaning(tokens[at], WORDS_EN) is not None


def _every_part(tokens: Sequence[Token], at: int) -> Iterable[Span]:
    """ "every morning", 每早, 每晚."""
    if tokens[at].text in ("every", "each") and at + 1 < len(tokens):
        found = meaning(tokens[at + 1], WORDS_EN)
        if found is not None:
            yield _span(tokens, at, at + 1, _EVERY, found[1])
        elif tokens[at + 1].text == "weekday":
            yield _span(tokens, at, at + 2, _WORKING)
    if tokens[at].text == "weekday" and _part_at(tokens, at + 1):
        yield _span(tokens, at, at + 1, _WORKING)
    if tokens[at].text == "每" and at + 1 < len(tokens) and tokens[at + 1].text in "早晚":
        after = tokens[at + 2].text if at + 2 < len(tokens) else ""
        if after not in ("上", "晨", "间"):
            yield Span(at, at + 2, WEEK)
        else:
            yield Span(at, at + 1, WEEK)


def _listed(tokens: Sequence[Token], at: int) -> Iterable[tuple[Span, bool]]:
    """ "every monday and friday", "on tuesdays", "monday to friday"; and whether it is sure."""
    sure = tokens[at].text in ("every", "each")
    begin = at + (sure or tokens[at].text in ("on", "from"))
    names = DAYS | SHORT_DAYS | _PLURALS
    end, chosen, cost, step = begin, list[int](), 0.0, ""
    while end < len(tokens) and (found := meaning(tokens[end], names)) is not None:
        if step == "to":
            sure = True
            chosen += [(chosen[-1] + n) % 7 for n in range(1, (found[0] - chosen[-1]) % 7 + 1)]
        else:
            chosen.append(found[0])
        sure, cost, end = sure or tokens[end].text in _PLURALS, cost + found[1], end + 1
        step, after = _joint(tokens, end)
        if after >= len(tokens) or meaning(tokens[after], names) is None:
            break
        end = after
    if chosen and (sure or len(set(chosen)) > 1):
        yield _span(tokens, at, end, chosen, cost), sure


def _joint(tokens: Sequence[Token], at: int) -> tuple[str, int]:
    """What joins two days: to or and, and where the next may stand."""
    said = [one.text for one in tokens[at : at + 3]]
    if said[:1] in (["to"], ["through"], ["thru"], ["till"], ["-"]):
        return "to", at + 1
    end = at
    while end < len(tokens) and tokens[end].text in (",", "and", "every", "on", "&"):
        end += 1
    return "and", end if end > at else len(tokens)


def _listed_zh(tokens: Sequence[Token], at: int) -> Iterable[tuple[Span, bool]]:
    """每周一, 每个星期一和星期五, 每周一三五, 周一到周五; and whether it is sure."""
    begin, every = at, False
    for words in _EACH_ZH:
        if phrase(tokens, at, list(words)) is not None:
            begin, every = at + len(words), True
            break
    unit = next((one for one in _OF_A_WEEK if phrase(tokens, begin, list(one)) is not None), "")
    if not unit or (not every and begin and tokens[begin - 1].text in "下上这本个每逢"):
        return
    end, chosen, joint = begin + len(unit), list[int](), ""
    while end < len(tokens) and (day := DAYS_ZH.get(tokens[end].text)) is not None:
        if chosen and _clock_follows(tokens, end):
            break
        if chosen and joint and joint in "到至-":
            every = True
            chosen += [(chosen[-1] + n) % 7 for n in range(1, (day - chosen[-1]) % 7 + 1)]
        else:
            chosen.append(day)
        end, joint = end + 1, ""
        after = end
        end = after = _again(tokens, after, unit)
        if after < len(tokens) and tokens[after].text in "到至-和跟与及、,":
            joint, after = tokens[after].text, after + 1
            after += next(
                (len(one) for one in _OF_A_WEEK if phrase(tokens, after, list(one)) is not None), 0
            )
            if after < len(tokens) and tokens[after].text in DAYS_ZH:
                end = after
            else:
                break
    then = tokens[end].text if end < len(tokens) else ""
    if not chosen or then in ("次", "回") or _two_ways(tokens, end, len(chosen)):
        return
    if every or len(set(chosen)) > 1:
        yield _span(tokens, at, end, chosen), every


def _again(tokens: Sequence[Token], at: int, unit: str) -> int:
    """Where the next day may stand when nothing joins it: 周二周四."""
    place = at + len(unit)
    named = tokens[place].text if place < len(tokens) else ""
    return place if named in DAYS_ZH and phrase(tokens, at, list(unit)) is not None else at


def _clock_follows(tokens: Sequence[Token], at: int) -> bool:
    """The 三 of 每周一三点 is an hour."""
    after = tokens[at + 1].text if at + 1 < len(tokens) else ""
    return after in ("点", "时", "天", "个", "次")


def _two_ways(tokens: Sequence[Token], at: int, count: int) -> bool:
    """每周一二十点: on Mondays at 20:00, or on two days at ten."""
    apart = tokens[at - 1].text in "日天"
    return count > 1 and not apart and at < len(tokens) and tokens[at].text == "十"
