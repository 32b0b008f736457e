"""Typed values of a language that is a file: numbers, percentages, temperatures, durations, times.

Numbers are phrases (the names of 0 to 99, of hundreds and thousands) put together from large to
small; all else is a number and words around it. What no file says is not read. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from penjing.assistant.understand.span import Extractor, Moment, Span
from penjing.assistant.understand.text import Token, tokens_of

_BARE = 0.15
"""What a number costs where a unit was expected."""
_UNSURE = 0.2
"""What an hour costs that nothing but its place tells."""
Phrase = tuple[str, ...]


def parts(phrase: str) -> list[str]:
    """The tokens of a phrase, Chinese characters one by one."""
    tokens = tokens_of(phrase)
    return [one.text for one in tokens if not one.mark or len(tokens) == 1]


class _Table:
    """Phrases to what they mean."""

    def __init__(self, entries: Iterable[tuple[Phrase, Any]]) -> None:
        self._by_first: dict[str, list[tuple[Phrase, Any]]] = {}
        for phrase, value in entries:
            if phrase:
                self._by_first.setdefault(phrase[0], []).append((phrase, value))
        for many in self._by_first.values():
            many.sort(key=lambda one: -len(one[0]))
        self.words = frozenset(
            word for many in self._by_first.values() for phrase, _ in many for word in phrase
        )

    def word(self, word: str) -> int | None:
        """What one word means as it stands."""
        return next((n for (*_, last), n in self._by_first.get(word, ()) if last == word), None)

    def at(self, tokens: Sequence[Token], at: int) -> tuple[int, Any, float] | None:
        """The longest phrase at a place: where it ends, what it means, what it costs."""
        if at >= len(tokens):
            return None
        said = [(tokens[at].text, 0.0), *tokens[at].fixes]
        for text, price in said:
            for phrase, value in self._by_first.get(text, ()):
                found = _rest(tokens, at + 1, phrase[1:])
                if found is not None:
                    return found[0], value, price + found[1]
        return None


def _rest(tokens: Sequence[Token], place: int, words: Sequence[str]) -> tuple[int, float] | None:
    """Where words that begin at a place end; hyphens between them are nothing."""
    cost = 0.0
    for word in words:
        while place < len(tokens) and tokens[place].text == "-":
            place += 1
        if place >= len(tokens):
            return None
        price = 0.0 if tokens[place].text == word else dict(tokens[place].fixes).get(word)
        if price is None:
            return None
        cost, place = cost + price, place + 1
    return place, cost


class Typed:
    """The typed values of one language."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        number = data.get("number", {})
        self._glued = bool(number.get("glued"))
        self._small = self._table(enumerate(number.get("upto99", ())))
        self._hundreds = self._table(
            (100 * n, one) for n, one in enumerate(number.get("hundreds", ()), 1)
        )
        self._thousand = self._table((1000, one) for one in number.get("thousand", ()))
        self._odd = self._named(number.get("phrases", {}))
        self._decimal = self._table((1, one) for one in number.get("decimal", ()))
        self._minus = self._table((1, one) for one in number.get("minus", ()))
        percentage, temperature = data.get("percentage", {}), data.get("temperature", {})
        self._percent = self._table((1, one) for one in percentage.get("units", ("%",)))
        self._shares = self._named(percentage.get("phrases", {}))
        self._degrees = self._table((1, one) for one in temperature.get("units", ("°",)))
        self._scales = self._table(
            [("c", one) for one in temperature.get("celsius", ())]
            + [("f", one) for one in temperature.get("fahrenheit", ())]
        )
        duration = data.get("duration", {})
        self._units = self._table(
            (int(seconds), one)
            for seconds, many in duration.get("units", {}).items()
            for one in many
        )
        self._lengths = self._named(duration.get("phrases", {}))
        self._joints = self._table((1, one) for one in duration.get("joints", ()))
        self._half = self._table((1, one) for one in duration.get("half", ()))
        time, day = data.get("time", {}), data.get("date", {})
        self._leads = self._table((1, one) for one in time.get("leads", ()))
        self._patterns = [
            (tuple(self._pattern(say)), int(minutes)) for say, minutes in time.get("patterns", ())
        ]
        self._fixed = self._named(time.get("fixed", {}))
        self._parts = self._table(
            [("am", one) for one in time.get("am", ())]
            + [("pm", one) for one in time.get("pm", ())]
        )
        self._near = self._named(day.get("near", {}))
        self._weekdays = self._table(enumerate(day.get("weekdays", ())))
        self._months = self._table(enumerate(day.get("months", ()), 1))
        self._between = [tuple(parts(one)) for one in day.get("between", ("",))]
        tables = [one for one in vars(self).values() if isinstance(one, _Table)]
        self.words: frozenset[str] = frozenset().union(*(one.words for one in tables)) - {"%", "°"}
        """All words that may stand in a value."""

    def _pattern(self, say: str) -> Iterator[str]:
        for one in say.split():
            yield from [one] if one[0] == "{" else parts(one)

    def _table(self, entries: Iterable[tuple[Any, str]]) -> _Table:
        return _Table(
            (tuple(parts(form)), value) for value, forms in entries for form in forms.split("|")
        )

    def _named(self, entries: Mapping[str, Any]) -> _Table:
        return self._table((value, phrase) for phrase, value in entries.items())

    def extractors(self) -> Mapping[str, Extractor]:
        """By kind of value."""
        return {
            "number": self.numbers,
            "percentage": self.percentages,
            "temperature": self.temperatures,
            "duration": self.durations,
            "time": self.times,
            "date": self.dates,
        }

    # -- numbers

    def number_at(self, tokens: Sequence[Token], at: int) -> Span | None:
        """The longest number that begins at a token."""
        if at >= len(tokens):
            return None
        if minus := self._minus.at(tokens, at):
            rest = self.number_at(tokens, minus[0])
            return Span(at, rest.end, -rest.value, minus[2] + rest.cost) if rest else None
        if tokens[at].text[0].isdigit():
            return self._digits(tokens, at)
        odd = self._odd.at(tokens, at)
        return Span(at, *odd) if odd else self._with_tenths(tokens, at)

    def _with_tenths(self, tokens: Sequence[Token], at: int) -> Span | None:
        found = self._named_number(tokens, at)
        comma = self._decimal.at(tokens, found.end) if found is not None else None
        tenth = self._small.at(tokens, comma[0]) if comma is not None else None
        if found is None or comma is None or tenth is None or not 0 <= tenth[1] < 10:
            return found
        return Span(at, tenth[0], found.value + tenth[1] / 10, found.cost + comma[2] + tenth[2])

    def _digits(self, tokens: Sequence[Token], at: int) -> Span | None:
        """21, 21.5 and 21,5."""
        text, end = tokens[at].text, at + 1
        if ":" in text:
            return None
        more = tokens[end : end + 2]
        near = len(more) == 2 and more[0].start == tokens[at].end and more[1].start == more[0].end
        if near and more[0].text == "," and more[1].text.isdigit() and text.isdigit():
            text, end = f"{text}.{more[1].text}", end + 2
        value = float(text)
        return Span(at, end, int(value) if value == int(value) else value)

    def _named_number(self, tokens: Sequence[Token], at: int) -> Span | None:
        if (whole := self._glued_number(tokens[at].text)) is not None:
            return Span(at, at + 1, whole)
        total, cost, end = 0, 0.0, at
        below = self._below_thousand(tokens, end)
        if below is not None:
            total, cost, end = below.value, below.cost, below.end
        if thousand := self._thousand.at(tokens, end):
            total, cost, end = max(total, 1) * 1000, cost + thousand[2], thousand[0]
            rest = self._below_thousand(tokens, end)
            if rest is not None and rest.value:
                total, cost, end = total + rest.value, cost + rest.cost, rest.end
        return Span(at, end, total, cost) if end > at else None

    def _below_thousand(self, tokens: Sequence[Token], at: int) -> Span | None:
        hundred = self._hundreds.at(tokens, at)
        small = self._small.at(tokens, hundred[0] if hundred else at)
        if hundred is not None:
            rest = small if small is not None and small[1] else (hundred[0], 0, 0.0)
            return Span(at, rest[0], hundred[1] + rest[1], hundred[2] + rest[2])
        return Span(at, small[0], small[1], small[2]) if small is not None else None

    def _glued_number(self, word: str) -> int | None:
        """ "zweihundertfünfzig", "dreitausend" are one word."""
        if not self._glued or len(word) > 80:
            return None
        for thousand in sorted(self._thousand.words, key=len, reverse=True):
            before, found, after = word.partition(thousand)
            if found:
                many = self._glued_below(before) if before else 1
                rest = self._glued_below(after) if after else 0
                return None if many is None or rest is None else many * 1000 + rest
        return self._glued_below(word)

    def _glued_below(self, word: str) -> int | None:
        for size in range(len(word), -1, -1):
            hundreds = self._hundreds.word(word[:size]) if size else 0
            small = self._small.word(word[size:]) if size < len(word) else 0
            if hundreds is not None and small is not None:
                return hundreds + small
        return None

    def numbers(self, tokens: Sequence[Token], _moment: Moment) -> Iterable[Span]:
        """All numbers."""
        for at in range(len(tokens)):
            if (found := self.number_at(tokens, at)) is not None:
                yield found

    # -- quantities

    def percentages(self, tokens: Sequence[Token], _moment: Moment) -> Iterable[Span]:
        """30 %, thirty percent, a half; a bare number costs a little."""
        for at in range(len(tokens)):
            if share := self._shares.at(tokens, at):
                yield Span(at, share[0], share[1], share[2] + 0.05)
            if (found := self.number_at(tokens, at)) is None:
                continue
            if unit := self._percent.at(tokens, found.end):
                yield Span(at, unit[0], found.value, found.cost + unit[2])
            elif not self._other_unit(tokens, found.end):
                yield Span(at, found.end, found.value, found.cost + _BARE)

    def _other_unit(self, tokens: Sequence[Token], at: int) -> bool:
        hours = {one for pattern, _ in self._patterns for one in pattern[1:] if one[0] != "{"}
        return bool(
            self._units.at(tokens, at)
            or self._degrees.at(tokens, at)
            or (at < len(tokens) and tokens[at].text in hours)
        )

    def temperatures(self, tokens: Sequence[Token], _moment: Moment) -> Iterable[Span]:
        """In degrees Celsius; Fahrenheit is converted. A bare number costs a little."""
        for at in range(len(tokens)):
            if (found := self.number_at(tokens, at)) is None:
                continue
            end, cost, value = found.end, found.cost, found.value
            if unit := self._degrees.at(tokens, end):
                end, cost = unit[0], cost + unit[2]
            elif self._other_unit(tokens, end) or self._percent.at(tokens, end):
                continue
            else:
                cost += _BARE
            if unit and (scale := self._scales.at(tokens, end)):
                end, cost = scale[0], cost + scale[2]
                value = round((value - 32) / 1.8, 1) if scale[1] == "f" else value
            yield Span(at, end, value, cost)

    def durations(self, tokens: Sequence[Token], _moment: Moment) -> Iterable[Span]:
        """In seconds: zehn Minuten, une heure et demie, dos horas y cuarto."""
        for at in range(len(tokens)):
            one = self._duration(tokens, at)
            while one is not None:
                yield one
                joint = self._joints.at(tokens, one.end)
                more = self._duration(tokens, joint[0] if joint else one.end)
                if more is None or more.value >= one.value:
                    break
                one = Span(at, more.end, one.value + more.value, one.cost + more.cost)

    def _duration(self, tokens: Sequence[Token], at: int) -> Span | None:
        if whole := self._lengths.at(tokens, at):
            return Span(at, whole[0], whole[1], whole[2])
        found = self.number_at(tokens, at)
        unit = self._units.at(tokens, found.end) if found is not None else None
        if found is None or unit is None:
            return None
        end, size, cost = unit
        value = found.value * size
        if half := self._half.at(tokens, end):
            value, end = value + size / 2, half[0]
        return Span(at, end, round(value), found.cost + cost)

    # -- times

    def times(self, tokens: Sequence[Token], _moment: Moment) -> Iterable[Span]:
        """All times of day, as "HH:MM"."""
        for at in range(len(tokens)):
            if fixed := self._fixed.at(tokens, at):
                yield Span(at, fixed[0], fixed[1], fixed[2])
            for begin in dict.fromkeys((at, (self._leads.at(tokens, at) or (at,))[0])):
                for end, minutes, cost in self._clock(tokens, begin, led=begin > at):
                    if (found := self._of_day(tokens, at, end, minutes, cost)) is not None:
                        yield found

    def _clock(
        self, tokens: Sequence[Token], at: int, *, led: bool
    ) -> Iterator[tuple[int, int, float]]:
        """Ends, minutes since midnight and costs of all ways to read a time at a place."""
        if at < len(tokens) and ":" in tokens[at].text and tokens[at].text[0].isdigit():
            hour, minute = (int(one) for one in tokens[at].text.split(":")[:2])
            if hour <= 24 and minute < 60:
                yield at + 1, hour * 60 + minute, 0.0
            return
        for pattern, shift in self._patterns:
            if (read := self._read(tokens, at, pattern)) is None:
                continue
            end, values, cost = read
            minute = values.get("{m}", 0)
            if "{m}" in values and abs(shift) == 1:
                yield end, values["{h}"] * 60 + shift * minute, cost
            else:
                yield end, values["{h}"] * 60 + minute + shift, cost
        hour_alone = self.number_at(tokens, at)
        if hour_alone is not None and 0 <= hour_alone.value <= 24:
            cost = 0.0 if led else _UNSURE
            if hour_alone.value == int(hour_alone.value):
                yield hour_alone.end, int(hour_alone.value) * 60, hour_alone.cost + cost

    def _read(
        self, tokens: Sequence[Token], at: int, pattern: Phrase
    ) -> tuple[int, dict[str, int], float] | None:
        place, cost = at, 0.0
        values: dict[str, int] = {}
        for part in pattern:
            if part in ("{h}", "{m}"):
                found = self.number_at(tokens, place)
                most = 24 if part == "{h}" else 59
                if found is None or found.value != int(found.value) or not 0 <= found.value <= most:
                    return None
                values[part], place, cost = int(found.value), found.end, cost + found.cost
            else:
                word = _rest(tokens, place, (part,))
                if word is None:
                    return None
                place, cost = word[0], cost + word[1]
        return place, values, cost

    def _of_day(
        self, tokens: Sequence[Token], at: int, end: int, minutes: int, cost: float
    ) -> Span | None:
        minutes %= 24 * 60
        if part := self._parts.at(tokens, end):
            end = part[0]
            if part[1] == "pm" and minutes < 12 * 60:
                minutes += 12 * 60
            elif part[1] == "am" and minutes >= 12 * 60:
                minutes -= 12 * 60 if minutes < 13 * 60 else 0
        hour, minute = divmod(minutes, 60)
        return Span(at, end, f"{hour % 24:02d}:{minute:02d}", cost)

    # -- dates

    def dates(self, tokens: Sequence[Token], moment: Moment) -> Iterable[Span]:
        """All dates, as "YYYY-MM-DD"; a weekday is the next one."""
        today = moment.now.date()
        for at in range(len(tokens)):
            if near := self._near.at(tokens, at):
                yield Span(at, near[0], str(today + timedelta(days=near[1])), near[2])
            if weekday := self._weekdays.at(tokens, at):
                days = (weekday[1] - today.weekday() - 1) % 7 + 1
                yield Span(at, weekday[0], str(today + timedelta(days=days)), weekday[2])
            day = self.number_at(tokens, at)
            for words in self._between if day is not None else ():
                end = _rest(tokens, day.end, words) if day is not None else None
                month = self._months.at(tokens, end[0]) if end is not None else None
                if day is not None and month is not None:
                    yield from _coming(at, month[0], today, month[1], day.value)


def _coming(at: int, end: int, today: date, month: int, day: float) -> Iterator[Span]:
    try:
        found = date(today.year, month, int(day))
        found = found if found >= today else date(today.year + 1, month, int(day))
    except ValueError:
        return  # there is no such day
    yield Span(at, end, str(found))
