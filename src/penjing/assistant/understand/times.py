"""Times of day and dates, in English and Chinese. Pure; "tomorrow" is told from a `Moment`.

A time is "HH:MM". A bare "seven" is seven in the morning: whoever means the evening says so, before
the time or behind it ("tonight at nine", 明晚八点, "at 3 tomorrow afternoon"). An hour that its
part of the day never has ("nine in the afternoon") is not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from penjing.assistant.understand import clocks, parts, recurrences
from penjing.assistant.understand import dates as calendar
from penjing.assistant.understand.clocks import Clock
from penjing.assistant.understand.dates import DAYS, Day
from penjing.assistant.understand.parts import Hour, Part
from penjing.assistant.understand.span import Moment, Span, meaning, remembered
from penjing.assistant.understand.text import Token

WORDS = clocks.WORDS | parts.WORDS | calendar.WORDS | recurrences.WORDS
"""English words that may stand in a time or date."""
_UNSURE = 0.2
"""Of a bare number."""
_WITH_TODAY = 0.4
"""Of a time that takes the words for today with it: where there is a date they are that."""
_MISREAD = 0.15
"""What a time costs at least that was heard in other words ("for" as four)."""
_LEADING = frozenset({"at", "by", "for", ",", "on", "around", "的", "about"})
_TRAILING = frozenset({
    "on", "in", "the", "this", "at", "every", "each", ",", "next", "of", "and", "tomorrow",
    "today", "weekday", "weekdays", *DAYS, *(f"{name}s" for name in DAYS),
})  # fmt: skip
_UP, _ABED = 6 * 60, 23 * 60
"""Minutes after midnight between which people are up."""
_RISING = frozenset({"wake", "alarm", "起", "闹"})
"""Beside these a time is in the morning."""
_FARTHEST = 5
"""Tokens between a time and its part of the day."""


@dataclass(frozen=True)
class _Said:
    """A clock time with what stands around it."""

    clock: Clock
    hour: Hour
    part: Part | None
    start: int
    """With the words for its part of the day, where no date takes them."""
    end: int


@remembered
def times(tokens: Sequence[Token], moment: Moment) -> Iterable[Span]:
    """All times of day."""
    starts = set()
    for said in _all_said(tokens):
        starts.add(said.start)
        value = f"{said.hour.minutes // 60 % 24:02d}:{said.hour.minutes % 60:02d}"
        cost = said.clock.cost + (0 if said.clock.sure or said.part else _UNSURE)
        now = None if said.part is None else _today_beside(tokens, said, moment.now.date())
        start, end = said.start, said.end
        if now is not None:
            start, end = min(start, now.start), max(end, now.end)
            yield Span(start, end, value, cost + (0 if said.hour.next_day else _WITH_TODAY))
        if now is None or not said.hour.next_day:
            yield Span(said.start, said.end, value, cost)
    for part in parts.parts(tokens):
        if part.kind == "noon" and part.start not in starts:
            yield Span(part.start, part.end, "12:00", 0.05)


def has_part(tokens: Sequence[Token], start: int, end: int) -> bool:
    """The part of the day is said of the time in these tokens."""
    return any(
        said.part is not None and start <= said.clock.start and said.clock.end <= end
        for said in _all_said(tokens)
    )


def next_waking(tokens: Sequence[Token], moment: Moment, said: Iterable[Span]) -> Iterable[Span]:
    """Times of which nobody said whether they are in the morning, as the next when people are up:
    at noon "ten past three" is 15:10. On another day only the small hours are moved."""
    either = {
        (one.clock.start, one.clock.end)
        for one in _all_said(tokens)
        if one.clock.twelve and one.part is None
    }
    today = str(moment.now.date())
    other = any(one.value != today and one.cost < _MISREAD for one in dates(tokens, moment))
    other = other or any(one.cost < _MISREAD for one in recurrences.weekdays(tokens, moment))
    rising = any(one.text in _RISING for one in tokens)
    for one in said:
        if (one.start, one.end) in either and not rising:
            yield replace(one, value=_when_up(str(one.value), moment, other=other))
        else:
            yield one


def _when_up(clock: str, moment: Moment, *, other: bool) -> str:
    minutes = int(clock[:2]) * 60 + int(clock[3:])
    now = moment.now.hour * 60 + moment.now.minute
    ways = [one for one in (minutes % 720, minutes % 720 + 720) if _UP <= one < _ABED]
    if other or not ways:
        found = ways[0] if ways else minutes
    else:
        found = min(ways, key=lambda one: (one - now - 1) % 1440)
    return f"{found // 60:02d}:{found % 60:02d}"


@remembered
def dates(tokens: Sequence[Token], moment: Moment) -> Iterable[Span]:
    """All dates, as "YYYY-MM-DD". Of a time in the small hours ("friday night at one") it is the
    day after the one that is named; of tonight's none, as the time is the next to come."""
    small = any(said.hour.next_day and said.clock.cost < _MISREAD for said in _all_said(tokens))
    for day in _days(tokens, moment.now.date()):
        if small and day.today:
            continue
        found = day.date + timedelta(days=1) if small else day.date
        yield Span(day.start, day.end, str(found), day.cost)


def _days(tokens: Sequence[Token], today: date) -> Iterable[Day]:
    """Days with the part of the day that is said with them: "tomorrow afternoon", 明晚."""
    dated = {one.start: one.end for one in parts.parts(tokens) if one.dated}
    for day in calendar.days_said(tokens, today):
        yield replace(day, end=dated.get(day.end, day.end))


@remembered
def _all_said(tokens: Sequence[Token]) -> Iterable[_Said]:
    every = list(parts.parts(tokens))
    for clock in clocks.clocks(tokens):
        said = _said(tokens, clock, every)
        if said is not None:
            yield said


def _said(tokens: Sequence[Token], clock: Clock, every: Sequence[Part]) -> _Said | None:
    near = [one for one in every if _leads(tokens, one, clock) or _trails(tokens, one, clock)]
    if not near:
        return _Said(clock, Hour(clock.minutes), None, clock.start, clock.end)
    hours = {parts.hour_in(clock, one.kind) for one in near}
    hour = hours.pop()
    if hours or hour is None:
        return None  # "nine in the afternoon"
    start, end = clock.start, clock.end
    for one in near:
        if not one.dated and one.end <= start and one.end >= start - 1:
            start = one.start
        elif not one.dated and one.start == end:
            end = one.end
    return _Said(clock, hour, near[0], start, end)


def _leads(tokens: Sequence[Token], part: Part, clock: Clock) -> bool:
    between = tokens[part.end : clock.start]
    if part.end > clock.start or len(between) > _FARTHEST:
        return False
    return all(one.text in _LEADING or meaning(one, DAYS) is not None for one in between)


def _trails(tokens: Sequence[Token], part: Part, clock: Clock) -> bool:
    between = tokens[clock.end : part.start]
    if part.start < clock.end or len(between) > _FARTHEST:
        return False
    return all(one.text in _TRAILING or meaning(one, DAYS) is not None for one in between)


def _today_beside(tokens: Sequence[Token], said: _Said, today: date) -> Day | None:
    """ "tonight" right beside a time."""
    for day in _days(tokens, today):
        before = tokens[day.end : said.start]
        after = tokens[said.end : day.start]
        near = day.end <= said.start and all(one.text in _LEADING for one in before)
        near = near or (day.start >= said.end and all(one.text == "," for one in after))
        if day.today and near:
            return day
    return None
