"""The words of a sentence that say when, apart from those that say what. Pure.

"In half an hour", "at 11 pm", 晚上十一点, "every weekday at 7", "for ten minutes", 开十分钟. Only
finds them: whether the rest is a plain command is for the gate to say, and how a sentence is cut is
tried, not known ("on Monday" may be the day or half of "turn it on").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from penjing.assistant.understand import quantities, times
from penjing.assistant.understand.beside import clauses
from penjing.assistant.understand.ended import end_of
from penjing.assistant.understand.heard import Doubt
from penjing.assistant.understand.recurrences import recurrences
from penjing.assistant.understand.span import Moment, Span
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.words import FILLER, JOINT, Phrases
from penjing.core.dialogue import When

MAX_CUTS = 6
"""Ways to part a sentence that are tried."""
_SURE = 0.15
_WITH_TODAY = 0.3  # what costs more took the words for the day with it: here they are the day
_NO = frozenset({
    "no", "nope", "not", "rather", "make", "it", "that", "instead", "but", "better", "actually",
    "i", "mean", "meant", "sorry", *"不是对改成换还到要应该错我说",
})  # fmt: skip
_LONGEST = 366 * 86_400
_LATE_DOUBTS = frozenset({"not_now", "on_condition", "not_used"})
"""What words for another time may be the reason of."""


@dataclass(frozen=True)
class Cut:
    """One way to part a sentence."""

    when: When
    """What the words say that were cut out."""
    gone: frozenset[int]
    """Tokens that say it."""
    rest: str
    """The sentence without them."""
    unsure: bool
    """The morning may be meant, or the evening."""
    leads: bool
    """They stand before all that is wanted."""


@dataclass(frozen=True)
class _Found:
    start: int
    end: int
    when: When
    unsure: bool = False

    @property
    def places(self) -> frozenset[int]:
        return frozenset(range(self.start, self.end))


def may_wait(doubt: Doubt | None, cut: Cut | None = None) -> bool:
    """What stands against a sentence may go with its words for another time; a "not" that may be
    of a remark only where it is plain that these are some time from now."""
    if doubt is None or doubt.of_values or doubt.kind in _LATE_DOUBTS:
        return True
    if doubt.kind == "with_exception":  # and what is left must be plain
        return cut is not None
    return doubt.kind == "said_not" and cut is not None and cut.when.after is not None


def joints(tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """Where two things may meet that are to be done at different times."""
    found = []
    for at in range(1, len(tokens)):
        ends = JOINT.ends(tokens, at)
        if ends and ends[0] < len(tokens):
            found.append((at, ends[0]))
    return found[:MAX_CUTS]


def cuts(text: str, tokens: Sequence[Token], moment: Moment) -> list[Cut]:
    """Ways to part a sentence, the one that takes most words out first."""
    begins = [*_after(tokens, moment), *_walls(tokens, moment)]
    lasts = [*_for(tokens, moment)]
    ways: list[tuple[_Found, ...]] = [(one,) for one in (*begins, *lasts)]
    ways += [(a, b) for a in begins for b in lasts if not a.places & b.places]
    ways.sort(key=lambda way: -sum(one.end - one.start for one in way))
    return [_cut(text, tokens, way) for way in ways[:MAX_CUTS]]


def says_no_more(tokens: Sequence[Token], cut: Cut) -> bool:
    """A time and nothing else, but for small words and a no ("no, at ten")."""
    return all(
        place in cut.gone or tokens[place].text in _NO or fills(tokens, place)
        for place in range(len(tokens))
    )


def clause_of(tokens: Sequence[Token], cut: Cut) -> tuple[int, int] | None:
    """The clause in which the words stand that were cut out; None where it is the sentence."""
    for a, b in clauses(tokens, 0, len(tokens)):
        if cut.gone <= set(range(a, b)):
            return None if (a, b) == (0, len(tokens)) else (a, b)
    return None


def _cut(text: str, tokens: Sequence[Token], way: tuple[_Found, ...]) -> Cut:
    gone = frozenset(place for one in way for place in one.places)
    when = way[0].when if len(way) == 1 else replace(way[0].when, lasts=way[1].when.lasts)
    apart = sorted(way, key=lambda one: one.start)
    spans = [(tokens[one.start].start, tokens[one.end - 1].end) for one in apart]
    kept, at = [], 0
    for start, end in spans:
        kept.append(text[at:start])
        at = end
    rest = " ".join(part for part in map(str.strip, (*kept, text[at:])) if part)
    rest = re.sub(r"([,，、])\s*[,，、]", r"\1", rest).strip(" ,，、")
    said = " … ".join(text[start:end] for start, end in spans)
    before = [one for n, one in enumerate(tokens[: apart[0].start]) if not fills(tokens, n)]
    return Cut(
        replace(when, words=said[:80]), gone, rest, any(one.unsure for one in way), not before
    )


def fills(tokens: Sequence[Token], place: int) -> bool:
    """Nothing is told by a token."""
    return tokens[place].mark or any(
        place < end
        for start in range(max(0, place - 5), place + 1)
        for end in FILLER.ends(tokens, start)
    )


# -- after a while, for a while

_IN = Phrases(("in", "after", "give it", "wait", "wait for", "wait about", "in about",
               "in another", "in exactly", "after about", "after another", "在", "过", "再过", "等",
               "等过", "等待"))  # fmt: skip
_THEN = Phrases(("from now", "later", "from this moment", "之后", "以后", "后", "过后"))
_THEN_TOO = Phrases(("from now", "time", "之后", "以后", "后", "过后"))
_NOT_THEN = frozenset("面天院台备门续")
_NOT_PASSED = frozenset({*"前内里以之", "ago"})
_DURING = Phrases(("for", "for about", "for another", "for exactly"))
_NOT_DURING = frozenset("后前内里了之以左右多来每过等近用在又再")


_SOME = frozenset("有哪某那这同")


def _durations(tokens: Sequence[Token], moment: Moment) -> Iterator[Span]:
    for one in quantities.durations(tokens, moment):
        some = one.start and tokens[one.start - 1].text in _SOME and tokens[one.start].text == "一"
        if one.cost < _SURE and 1 < one.value <= _LONGEST and not some:
            yield one  # "for a sec" is a manner of speaking, and so is 有一天


def _after(tokens: Sequence[Token], moment: Moment) -> Iterator[_Found]:
    """ "in half an hour", "ten minutes from now", 半小时后, 过十分钟."""
    for one in _durations(tokens, moment):
        begin = _begin(tokens, one.start, _IN)
        end = _end(tokens, one.end, _THEN_TOO if begin < one.start else _THEN)
        if begin > 0 and tokens[begin - 1].text in ("每", "前", "上", "every", "each", "the"):
            continue
        chinese = tokens[one.start].chinese or tokens[one.end - 1].chinese
        if end > one.end and end < len(tokens) and chinese and tokens[end].text in _NOT_THEN:
            continue
        follows = tokens[one.end].text if one.end < len(tokens) else ""
        led = begin < one.start and tokens[begin].text != "在" and follows not in _NOT_PASSED
        if end > one.end or led:
            yield _Found(begin, end, When(after=float(one.value)))


def _for(tokens: Sequence[Token], moment: Moment) -> Iterator[_Found]:
    """ "for ten minutes", 开十分钟."""
    for one in _durations(tokens, moment):
        begin = _begin(tokens, one.start, _DURING)
        lasts = When(lasts=float(one.value))
        before = tokens[begin - 1].text if begin else ""
        led = begin < one.start and before not in ("once", "not", "been", "only")
        told = before and (led or tokens[one.start].chinese) and one.end < len(tokens)
        if told and end_of(tokens, begin, one.end):
            yield _Found(begin, len(tokens), lasts)  # 空调开一个钟头就停; 放点歌，半小时后停
            continue
        if led:
            yield _Found(begin, one.end, lasts)
        if before and one.end < len(tokens) and tokens[one.end].text == "of":
            yield _Found(one.start, one.end + 1, lasts)  # "play an hour of rain sounds"
        if not tokens[one.end - 1].chinese or tokens[one.end - 1].text == "分":
            continue
        after = tokens[one.end].text if one.end < len(tokens) else ""
        about = {before, after} & (_NOT_DURING | {"着"})
        if not about and any(not fills(tokens, n) for n in range(begin)):
            yield _Found(one.start, one.end + (after == "的"), lasts)  # 放一个小时的雨声


def _begin(tokens: Sequence[Token], start: int, phrases: Phrases) -> int:
    """Where a phrase begins that ends at a token; the token itself without one."""
    for begin in range(max(0, start - 3), start):
        if start in phrases.ends(tokens, begin):
            return begin
    return start


def _end(tokens: Sequence[Token], end: int, phrases: Phrases) -> int:
    ends = phrases.ends(tokens, end) if end < len(tokens) else []
    return ends[0] if ends else end


# -- by the clock on the wall

_AT = Phrases(("at", "at about", "at exactly", "when it is", "when it's", "when its", "once it is",
               "once it's", "as soon as it is", "as soon as it's", "when it gets to",
               "在", "到", "等到", "等", "当", "到了", "等到了"))  # fmt: skip
_BETWEEN = Phrases(("at", ",", "on", "in the", "this", "the", "的", "，"))
_PART = re.compile(r"(?:in the |this )?(?:morning|afternoon|evening|night)")
_WHOSE = Phrases(("的时候", "时候", "时", "整", "的时候再", "时再", "再", "就", "才", "sharp"))
_NOT_WALL = frozenset({"by", "before", "after", "since", "until", "till", "from", "to", "between",
                       "for", "of", "past", "and", "not", "从", "自", "第", "每"})  # fmt: skip
_HAPPENS = frozenset({"is", "are", "was", "were", "leaves", "departs", "starts", "begins",
                      "closes", "opens", "lands", "arrives", "ends", "boards"})  # fmt: skip
"""Before a time: it is that of something else, "my flight is at nine"."""
_NOT_AFTER = frozenset({"前", "之", "以", "后", "左", "多", "到", "至", "degrees", "degree",
                        "percent", "%", "°", "minutes", "hours", "seconds", "times",
                        "度", "to", "and"})  # fmt: skip
_LATE = re.compile(r"tonight|evening|afternoon|night|pm|p m|下午|傍晚|晚|夜")
_EARLY = re.compile(r"morning|\bam\b|a m|早|凌晨|上午|晨|noon|中午")
_NIGHT = re.compile(r"night|夜|晚")


@dataclass(frozen=True)
class _Calendar:
    """What in a sentence may be a time on the wall."""

    tokens: Sequence[Token]
    now: datetime
    times: Sequence[Span]
    days: Sequence[Span]
    again: Sequence[Span]


def _walls(tokens: Sequence[Token], moment: Moment) -> Iterator[_Found]:
    """ "at 11 pm", "tomorrow at 7", "every weekday at 7", 晚上十一点, 每天早上七点."""
    longest: dict[int, Span] = {}
    for one in times.times(tokens, moment):
        old = longest.get(one.start)
        if one.cost < _WITH_TODAY and (old is None or one.end > old.end):
            longest[one.start] = one
    days, again = [*times.dates(tokens, moment)], [*recurrences(tokens, moment)]
    calendar = _Calendar(tokens, moment.now, [*longest.values()], days, again)
    for one in calendar.times:
        alone, grown = (one.start, one.end), _grown(tokens, one, [*days, *again])
        for begin, end in dict.fromkeys((grown, alone)):
            yield from _wall(calendar, one, begin, end)


def _wall(calendar: _Calendar, one: Span, begin: int, end: int) -> Iterator[_Found]:
    tokens = calendar.tokens
    own = _begin(tokens, begin, _AT)
    led = own < begin or _begin(tokens, one.start, _AT) < one.start
    bare = one.cost >= _SURE and (not led or tokens[one.start].chinese)
    inside = any(o.start < one.start and o.end >= one.end for o in calendar.times)
    held = own > 0 and own == begin and tokens[own - 1].text in _NOT_WALL
    held = held or (own > 0 and tokens[own - 1].text in _HAPPENS)
    until = "到" in {token.text for token in tokens[own:begin]} and not _idle(tokens, own)
    if inside or bare or held or until:
        return
    end = max([end, *(_WHOSE.ends(tokens, end) if end < len(tokens) else ())])
    if end < len(tokens) and tokens[end].text in _NOT_AFTER:
        return
    found = _at(calendar, one, own, end)
    if found is not None:
        yield found
        led = own < begin and tokens[own].text == "at"  # "on at ten" is of "turn it on"
        if own and tokens[own - 1].text == "on" and not led:  # or the day's own
            yield replace(found, start=own - 1)


def _idle(tokens: Sequence[Token], end: int) -> bool:
    return all(fills(tokens, n) for n in range(end))


def _grown(tokens: Sequence[Token], one: Span, days: Sequence[Span]) -> tuple[int, int]:
    """A time with the days and parts of days that stand around it."""
    begin, end = one.start, one.end
    moved = True
    while moved:
        moved = False
        for span in (*days, *_parts(tokens)):
            befores = {begin, *(n for n in range(max(0, begin - 3), begin)
                                if begin in _BETWEEN.ends(tokens, n))}  # fmt: skip
            if span.start < begin and (span.end in befores or span.end > begin >= span.start):
                begin, moved = span.start, True
            afters = {end, *(_BETWEEN.ends(tokens, end) if end < len(tokens) else ())}
            if span.end > end and (span.start in afters or span.start < end < span.end):
                end, moved = span.end, True
    return begin, end


def _parts(tokens: Sequence[Token]) -> Iterator[Span]:
    for at in range(len(tokens)):
        for length in (1, 2, 3):
            said = " ".join(one.text for one in tokens[at : at + length])
            if at + length <= len(tokens) and _PART.fullmatch(said):
                yield Span(at, at + length, said)


def _at(calendar: _Calendar, time: Span, start: int, end: int) -> _Found | None:
    """What a time and the days around it say; None where it is over."""
    tokens, moment = calendar.tokens, calendar.now
    flat = " ".join(one.text for one in tokens[start:end])
    flat = re.sub(r"(?<=[\u3400-\u9fff]) (?=[\u3400-\u9fff])", "", flat)
    clock, either = _on_the_wall(str(time.value), flat, tokens[time.start].text)
    bare = time.cost >= _SURE and clock >= "13:00"  # "at 20" may be no time at all
    if (again := _longest(calendar.again, start, end)) is not None:
        return _Found(start, end, When(time=clock, days=again.value))
    today, now = moment.date(), f"{moment:%H:%M}"
    said = _longest(calendar.days, start, end)
    day = date.fromisoformat(said.value) if said is not None else today
    unsure = bare
    if day == today and clock <= now:  # over
        evening = _later(clock)
        if either and evening > now:
            clock, unsure = evening, True
        elif said is None or (clock < "06:00" and _NIGHT.search(flat)):
            day, unsure = today + timedelta(days=1), bare or (said is None and either)
        else:
            return None
    return _Found(start, end, When(time=clock, date=str(day)), unsure)


def _longest(spans: Sequence[Span], start: int, end: int) -> Span | None:
    inside = [one for one in spans if one.start >= start and one.end <= end]
    return max(inside, key=lambda one: one.end - one.start, default=None)


def _later(clock: str) -> str:
    return f"{int(clock[:2]) % 12 + 12:02d}{clock[2:]}"


def _on_the_wall(clock: str, flat: str, first: str) -> tuple[str, bool]:
    """A time with the part of the day that is told of it; and whether either half may be meant."""
    hour = int(clock[:2])
    late, early = _LATE.search(flat), _EARLY.search(flat)
    if late and not early and 1 <= hour <= 11 and not (_NIGHT.search(flat) and hour < 5):
        return _later(clock), False
    told = late or early or "midnight" in flat or "noon" in flat
    return clock, not told and 1 <= hour <= 12 and not first.startswith("0")
