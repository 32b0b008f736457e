"""Clock times as they are said, without the part of the day: "half past seven", 八点一刻. Pure.

Whether seven is in the morning or the evening is told in `times.py`, from what stands around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from penjing.assistant.understand.numbers import number_at
from penjing.assistant.understand.quantities import SECONDS
from penjing.assistant.understand.span import PhraseTable, meaning, phrase
from penjing.assistant.understand.text import Token

DAY = 24 * 60
_FIXED = PhraseTable(
    ("noon", 720), ("midday", 720), ("midnight", 0), ("12 noon", 720), ("12 midnight", 0),
    ("twelve noon", 720), ("twelve midnight", 0), ("正午", 720), ("正午十二点", 720), ("午夜", 0),
)  # fmt: skip
_QUARTERS = {"half": 30, "quarter": 15}
_WAYS = {"past": 1, "after": 1, "to": -1, "till": -1, "til": -1}
_OF_A_HALF = frozenset({"a", "the", "and", "one", "first", "second", "other"})
"""Before a half that is no half hour: "the second half"."""
_BEFORE_A_TIME = frozenset({"at", "by"})
_NO_TIME = frozenset({"%", "°", "percent", "degree", "degrees", "celsius", "fahrenheit", "/", "="})
_ABOUT = frozenset("多几来")
_COUNTED = frozenset("个次条位只盏号月日年元块岁分秒天周词字句首种样")
"""Behind a number: it counts these and is no hour."""
WORDS = frozenset({"o'clock", "noon", "midday", "midnight", "quarter", "half", "past"})
"""English words that may stand in a clock time."""


@dataclass(frozen=True)
class Clock:
    """A clock time somewhere in a sentence."""

    start: int
    """First token."""
    end: int
    """One past the last."""
    minutes: int
    """After midnight."""
    twelve: bool
    """It may be of either half of the day."""
    cost: float = 0.0
    """What reading it costs."""
    sure: bool = True
    """It says that it is a time: a bare number does not."""


def clocks(tokens: Sequence[Token]) -> Iterable[Clock]:
    """All clock times, overlapping ones too."""
    for at in range(len(tokens)):
        for end, minutes, cost in _FIXED.read(tokens, at):
            yield Clock(at, end, minutes, twelve=False, cost=cost)
        for read in (_around_the_hour, _half_hour, _plain, _four_digits, _chinese, _short_of):
            if (found := read(tokens, at)) is not None:
                yield found


def _hour(tokens: Sequence[Token], at: int, most: int) -> tuple[int, int, float] | None:
    """A whole hour: value, end, cost."""
    found = number_at(tokens, at)
    if found is None or found.value != int(found.value) or not 0 <= found.value <= most:
        return None
    return int(found.value), found.end, found.cost


def _around_the_hour(tokens: Sequence[Token], at: int) -> Clock | None:
    """ "half past seven", "a quarter to eight", "ten past six", "five minutes to nine"."""
    if at and tokens[at - 1].text in ("from", "between"):
        return None  # from five to eight
    begin = at + (tokens[at].text == "a")
    said = meaning(tokens[begin], _QUARTERS) if begin < len(tokens) else None
    end = begin + 1
    if said is None:
        found = _hour(tokens, at, 59)
        if found is None or not found[0]:
            return None
        said, end = (found[0], found[2]), found[1]
        end += end < len(tokens) and tokens[end].text in ("minutes", "minute")
    way = meaning(tokens[end], _WAYS) if end < len(tokens) else None
    hour = _hour(tokens, end + 1, 12) if way is not None else None
    if way is None or hour is None or not hour[0] or (said[0] == 30 and way[0] < 0):
        return None
    minutes = hour[0] * 60 + way[0] * said[0]
    minutes += 720 if minutes < 60 else 0  # quarter to one is after noon, or after midnight
    return _with_half(tokens, at, hour[1], minutes, twelve=True, cost=said[1] + hour[2])


def _half_hour(tokens: Sequence[Token], at: int) -> Clock | None:
    """ "half seven", as the British say it: half past seven."""
    before = tokens[at - 1].text if at else ""
    if tokens[at].text != "half" or before in _OF_A_HALF:
        return None
    hour = _hour(tokens, at + 1, 12)
    if hour is None or not hour[0] or (hour[1] < len(tokens) and _measures(tokens[hour[1]])):
        return None
    return _with_half(tokens, at, hour[1], hour[0] * 60 + 30, twelve=True, cost=hour[2])


def _plain(tokens: Sequence[Token], at: int) -> Clock | None:
    """19:30, "seven thirty", "seven oh five", "7 o'clock", a bare "seven"; with am or pm."""
    token = tokens[at]
    if token.text[0].isdecimal() and (":" in token.text or "." in token.text):
        return _digits(tokens, at)
    hour = _hour(tokens, at, 24)
    if hour is None or (at and tokens[at - 1].text == "第"):
        return None
    value, end, cost = hour
    more = _minutes(tokens, end) if not token.chinese else None
    if more is not None:
        found = _with_half(
            tokens, at, more[1], value * 60 + more[0], twelve=0 < value <= 12, cost=cost
        )
    else:
        whole = end < len(tokens) and meaning(tokens[end], {"o'clock": 1, "oclock": 1}) is not None
        sure = whole or (at > 0 and tokens[at - 1].text in _BEFORE_A_TIME)
        end += whole
        found = _with_half(
            tokens, at, end, value * 60, twelve=0 < value <= 12, cost=cost, sure=sure
        )
    if found is None or (found.end < len(tokens) and _measures(tokens[found.end])):
        return None
    return found


def _four_digits(tokens: Sequence[Token], at: int) -> Clock | None:
    """0550, 1430 hours: as soldiers and railways say it."""
    said = tokens[at].text
    behind = tokens[at + 1].text if at + 1 < len(tokens) else ""
    named = behind in ("hours", "hrs", "h")
    late = at > 0 and tokens[at - 1].text == "at" and "1300" <= said <= "2359"
    if len(said) != 4 or not said.isdecimal() or not (named or late or said[0] == "0"):
        return None
    hour, minute = int(said[:2]), int(said[2:])
    fits = hour < 24 and minute < 60
    return Clock(at, at + 1 + named, hour * 60 + minute, twelve=False) if fits else None


def _measures(token: Token) -> bool:
    """What stands before it counts something else."""
    counts = token.text in _NO_TIME or token.text in _COUNTED
    return counts or meaning(token, SECONDS) is not None


def _digits(tokens: Sequence[Token], at: int) -> Clock | None:
    """19:30, 7:05 pm, 7.30 pm."""
    dotted = "." in tokens[at].text
    first, second = tokens[at].text.split("." if dotted else ":")[:2]
    hour, minute = int(first), int(second)
    if hour > 24 or minute > 59 or (dotted and len(second) != 2):
        return None
    sure = not dotted
    minutes = hour * 60 + minute
    found = _with_half(tokens, at, at + 1, minutes, twelve=0 < hour <= 12, sure=sure)
    return None if found and found.end < len(tokens) and _measures(tokens[found.end]) else found


def _minutes(tokens: Sequence[Token], at: int) -> tuple[int, int] | None:
    """Minutes right behind an hour: value and end."""
    begin = at + (at < len(tokens) and tokens[at].text == "-")
    if begin < len(tokens) and tokens[begin].text in ("oh", "o"):
        unit = number_at(tokens, begin + 1)
        fits = unit is not None and 0 < unit.value < 10 and unit.value == int(unit.value)
        return (int(unit.value), unit.end) if unit is not None and fits else None
    found = number_at(tokens, begin)
    if found is None or found.value != int(found.value):
        return None
    padded = tokens[begin].text.isdecimal() and len(tokens[begin].text) == 2
    apart = begin > at and tokens[begin].text.isdecimal()  # 7-30 is a range
    fits = (10 <= found.value < 60 or (padded and found.value < 10)) and not apart
    return (int(found.value), found.end) if fits else None


def _with_half(
    tokens: Sequence[Token],
    at: int,
    end: int,
    minutes: int,
    *,
    twelve: bool,
    cost: float = 0.0,
    sure: bool = True,
) -> Clock | None:
    """With am or pm behind it; None when they contradict the hour."""
    half, length = _half(tokens, end)
    if not half:
        return Clock(at, end, minutes % DAY, twelve, cost, sure) if minutes <= DAY else None
    if half == "am":
        minutes -= 720 if minutes >= 720 else 0
    elif minutes < 720:
        minutes += 720
    fits = twelve or (half == "pm" and minutes >= 780)
    return Clock(at, end + length, minutes, twelve=False, cost=cost) if fits else None


def _half(tokens: Sequence[Token], at: int) -> tuple[str, int]:
    """am, pm, a.m., p.m., and how many tokens it takes."""
    said = [one.text for one in tokens[at : at + 4]]
    if said[:1] in (["am"], ["pm"]):
        return said[0], 1
    if said[:3] in (["a", ".", "m"], ["p", ".", "m"]):
        return said[0] + "m", 4 if said[3:] == ["."] else 3
    if said[:2] in (["a", "m"], ["p", "m"]):
        return said[0] + "m", 2
    return "", 0


_SURELY = frozenset("要得把叫提记给让帮喊通请别准会能")


def _chinese(tokens: Sequence[Token], at: int) -> Clock | None:
    """七点半, 八点一刻, 八点过五分, 八点差五分, 十五点二十分, 7点30."""
    hour = _hour(tokens, at, 24)
    if hour is None or hour[1] >= len(tokens) or tokens[hour[1]].text not in "点时":
        return None
    end, minutes = hour[1] + 1, hour[0] * 60
    after = tokens[end].text if end < len(tokens) else ""
    if after in _ABOUT:
        return None
    if after and after in "钟整":
        end += 1
    elif after == "半":
        minutes, end = minutes + 30, end + 1
    else:
        sign = {"过": 1, "差": -1}.get(after, 0)
        more = _part_of_an_hour(tokens, end + abs(sign))
        if more is not None:
            minutes, end = minutes + (sign or 1) * more[0], more[1]
    if minutes < 0 or (end < len(tokens) and tokens[end].text in _ABOUT):
        return None
    return Clock(at, end, minutes % DAY, twelve=0 < hour[0] <= 12)


def _not_surely(tokens: Sequence[Token], at: int) -> Sequence[Token]:
    """The tokens up to 一定要: its 一 is no part of a number, as in 四点五十一定要."""
    for n in range(at, min(at + 5, len(tokens) - 2)):
        if tokens[n].text == "一" and tokens[n + 1].text == "定" and tokens[n + 2].text in _SURELY:
            return tokens[:n]
    return tokens


def _part_of_an_hour(tokens: Sequence[Token], at: int) -> tuple[int, int] | None:
    """一刻, 五分, 零五: minutes and end; what is followed by 钟 is how long, not when."""
    for words, minutes in (("一刻", 15), ("三刻", 45)):
        if phrase(tokens, at, list(words)) is not None:
            return minutes, at + len(words)
    found = _hour(_not_surely(tokens, at), at, 59)
    if found is None:
        return None
    end = found[1]
    if end < len(tokens) and tokens[end].text == "分":
        if end + 1 < len(tokens) and tokens[end + 1].text == "钟":
            return None
        end += 1
    return found[0], end


def _short_of(tokens: Sequence[Token], at: int) -> Clock | None:
    """差五分八点, 差一刻八点."""
    if tokens[at].text != "差":
        return None
    part = _part_of_an_hour(tokens, at + 1)
    if part is None:
        found = _hour(tokens, at + 1, 59)
        if found is None or phrase(tokens, found[1], ["分", "钟"]) is None:
            return None
        part = found[0], found[1] + 2
    end = part[1] + (part[1] < len(tokens) and tokens[part[1]].text == "到")
    hour = _hour(tokens, end, 24)
    if hour is None or not hour[0] or hour[1] >= len(tokens) or tokens[hour[1]].text not in "点时":
        return None
    minutes = hour[0] * 60 - part[0]
    end = hour[1] + 1
    end += end < len(tokens) and tokens[end].text in ("钟", "整")
    return Clock(at, end, minutes + (720 if minutes < 60 else 0), twelve=hour[0] <= 12)
