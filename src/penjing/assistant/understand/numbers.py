"""Numbers in digits and in words: English ("one hundred and five") and Chinese (三十五).

Pure; a number is read from a place in the tokens as far as it goes. What is only about a number
(三十多, 几十, 两三) is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from penjing.assistant.understand.span import Span, meaning
from penjing.assistant.understand.text import Token
from penjing.core import numerals, weekdays
from penjing.core.numerals import BIG, DIGITS, ORDINALS, SCALES, SMALL, TENS, TWENTIES

_NUMERALS = DIGITS.keys() | SCALES.keys() | TWENTIES.keys()
_COUNTED_ZH = {"俩": 2, "仨": 3}
"""With "of them" in the same character."""
_WEEKDAYS = frozenset(weekdays.CHINESE) | {"天"}
_COUNTING = frozenset("倒到我")
"""Before 数: it is the verb."""
_SOME = frozenset("几多余数")
"""Beside a number: about so many."""
_TENTHS = frozenset("乘除减度个倍成小公米万亿元块天周秒升克杯页楼")
"""Behind 三点五: it is 3.5 and no time of day."""
_WORDS = SMALL.keys() | TENS.keys() | BIG.keys() | {"half", "quarter", "quarters", "point"}
_IN_NUMBERS = {word: word for word in (*_WORDS, "and", "a", "-", "third")}
WORDS = frozenset({*_WORDS, "minus"})
"""English words that may stand in a number."""
_HEARD = frozenset({"to", "too", "for", "won", "ate"})
"""Heard for a number at most where one begins: "twenty to nine" is no 22."""
_PARTS = (
    (("and", "a", "half"), Fraction(1, 2)),
    (("and", "a", "quarter"), Fraction(1, 4)),
    (("and", "three", "quarters"), Fraction(3, 4)),
)
_MINUS = {"minus": -1, "负": -1}
_BEFORE_A_NUMBER = frozenset({
    "to", "at", "for", "by", "of", "level", "volume", "number", "channel", "about", "around",
    "times", "plus", "minus", "and", "or", "is", "in", "on",
})  # fmt: skip
_POINTING = frozenset({"the", "this", "that", "my", "our"})
_ADJECTIVES = frozenset({
    "cold", "warm", "hot", "cool", "old", "new", "big", "small", "left", "right", "other", "same",
    "red", "blue", "green", "white", "yellow", "bright", "dark", "first", "second", "last", "next",
    "loud", "quiet", "good", "bad", "usual", "kitchen", "bedroom", "hallway", "bathroom",
})  # fmt: skip
"""Before "one" it stands for a thing."""
_COUNTING_UNITS = dict.fromkeys((
    "second", "seconds", "minute", "minutes", "min", "mins", "hour", "hours", "day", "days",
    "week", "weeks", "percent", "%", "degree", "degrees", "o'clock", "am", "pm", "times", "plus",
    "minus", "lights", "people",
), 1)  # fmt: skip
_LONGEST = 14
"""Words of one number."""


def number_at(tokens: Sequence[Token], at: int) -> Span | None:
    """The longest number that begins at a token."""
    if at >= len(tokens):
        return None
    token = tokens[at]
    if token.text == "-" or meaning(token, _MINUS) is not None:
        return _negative(tokens, at)
    if token.text[0].isdecimal():
        return None if ":" in token.text else _digits(tokens, at)
    if token.text in _COUNTED_ZH:
        return Span(at, at + 1, _COUNTED_ZH[token.text])
    if token.text in _NUMERALS:
        return _chinese(tokens, at)
    return _english(tokens, at)


def ordinal_at(tokens: Sequence[Token], at: int) -> Span | None:
    """ "first", "twenty-first", "3rd": the longest ordinal up to 99 that begins at a token."""
    if at >= len(tokens):
        return None
    token, end = tokens[at], at + 1
    if token.text.isdecimal() and end < len(tokens):
        near = tokens[end].start == token.end and tokens[end].text in ("st", "nd", "rd", "th")
        return Span(at, end + 1, int(token.text)) if near else None
    tens = meaning(token, TENS)
    if tens is not None:
        end += end < len(tokens) and tokens[end].text == "-"
        unit = meaning(tokens[end], ORDINALS) if end < len(tokens) else None
        if unit is None or unit[0] > 9:
            return None
        return Span(at, end + 1, tens[0] + unit[0], tens[1] + unit[1])
    found = meaning(token, ORDINALS)
    return None if found is None else Span(at, at + 1, *found)


def is_weekday(tokens: Sequence[Token], at: int) -> bool:
    """The 一 of 周一 and the 三 of 周一、三 are days and no numbers; those of 两周一次 are."""
    if tokens[at].text not in _WEEKDAYS:
        return False
    first = at
    while first and tokens[first - 1].text in _WEEKDAYS:
        first -= 1
        if (
            first > 1
            and tokens[first - 1].text in "、,和到至"
            and tokens[first - 2].text in _WEEKDAYS
        ):
            first -= 1
    after = tokens[at + 1].text if at + 1 < len(tokens) else "-"
    if first < at and after in "点时分十百千":
        return False  # an hour behind the days: 周一三点
    if first > 1 and tokens[first - 2].text + tokens[first - 1].text in ("星期", "礼拜"):
        lead = 2
    elif first and tokens[first - 1].text == "周":
        lead = 1
    else:
        return False
    before = tokens[first - lead - 1].text if first > lead else ""
    if before == "个" and first > lead + 1:
        return tokens[first - lead - 2].text in "下上这本每逢一"  # and not 两个星期
    return before not in _NUMERALS and not before.isdecimal()


def _negative(tokens: Sequence[Token], at: int) -> Span | None:
    rest = number_at(tokens, at + 1) if at + 1 < len(tokens) else None
    if rest is None or rest.value < 0:
        return None
    if tokens[at].text == "-":  # the sign of the number behind it, not a range or a hyphen
        apart = tokens[at + 1].start != tokens[at].end
        if apart or (at and tokens[at - 1].end == tokens[at].start):
            return None
    return Span(at, rest.end, -rest.value, rest.cost)


def _digits(tokens: Sequence[Token], at: int) -> Span | None:
    """1500, 1,500, 1,5 (a decimal comma), 3.5万, 3万5, "3 thousand"."""
    groups, end = [tokens[at].text], at + 1
    while end + 1 < len(tokens) and tokens[end].text == "," and _touch(tokens, end):
        groups.append(tokens[end + 1].text)
        end += 2
    thousands = all(len(one.partition(".")[0]) == 3 for one in groups[1:]) and len(groups[0]) <= 3
    if len(groups) > 1 and thousands and groups[0] != "0" and "." not in "".join(groups[:-1]):
        value = Fraction("".join(groups))
    elif len(groups) == 2 and "." not in "".join(groups):
        value = Fraction(".".join(groups))
    else:
        value, end = Fraction(groups[0]), at + 1
    if _about(tokens, at, end):
        return None
    found = _scaled(tokens, at, end, value)
    part, end = _part_more(tokens, found.end)
    return found if found.value % 1 else Span(at, end, _plain(Fraction(found.value) + part))


def _part_more(tokens: Sequence[Token], at: int) -> tuple[Fraction, int]:
    """ "... and a half" behind digits, and where it ends."""
    said = [one.text for one in tokens[at : at + 3]]
    for words, part in _PARTS:
        if said[: len(words)] == [*words]:
            return part, at + len(words)
    return Fraction(0), at


def _touch(tokens: Sequence[Token], comma: int) -> bool:
    before, after = tokens[comma - 1], tokens[comma + 1]
    near = before.end == tokens[comma].start and tokens[comma].end == after.start
    return near and after.text[0].isdecimal() and ":" not in after.text


def _scaled(tokens: Sequence[Token], at: int, end: int, value: Fraction) -> Span:
    """With 万 or "thousand" behind the digits, and maybe more digits behind that."""
    if end >= len(tokens):
        return Span(at, end, _plain(value))
    scale = BIG.get(tokens[end].text) or SCALES.get(tokens[end].text, 0)
    if scale < 100:
        return Span(at, end, _plain(value))
    value, end = value * scale, end + 1
    rest = number_at(tokens, end) if end < len(tokens) and tokens[end].text.isdecimal() else None
    if rest is not None and tokens[end - 1].chinese and tokens[end].start == tokens[end - 1].end:
        single = rest.end == end + 1 and len(tokens[end].text) == 1
        more = Fraction(str(rest.value)) * (scale // 10 if single else 1)
        if more < scale:
            value, end = value + more, rest.end
    return Span(at, end, _plain(value))


def _about(tokens: Sequence[Token], at: int, end: int) -> bool:
    """More or less: 几十, 三十多, 十来个."""
    before = tokens[at - 1].text if at else ""
    after = tokens[end].text if end < len(tokens) else ""
    then = tokens[end + 1].text if end + 1 < len(tokens) else "-"
    counting = before == "数" and at > 1 and tokens[at - 2].text in _COUNTING
    return (
        (before in ("几", "数") and not counting)
        or after in _SOME
        or (after == "来" and then in "个分小度天块岁")
    )


def _chinese(tokens: Sequence[Token], at: int) -> Span | None:
    if is_weekday(tokens, at):
        return None
    before = at and tokens[at - 1].text in _NUMERALS and not is_weekday(tokens, at - 1)
    if before and not _parted(tokens, at):
        return None  # in the middle of one
    end = at
    while end < len(tokens) and tokens[end].text in _NUMERALS:
        if end > at and _parted(tokens, end):
            break
        end += 1
    run = "".join(one.text for one in tokens[at:end])
    if run in ("百", "千", "万", "亿") or _about(tokens, at, end):
        return None  # 百分之, 千万
    decimal = end
    if end < len(tokens) and tokens[end].text == "点":
        decimal = end + 1
        while decimal < len(tokens) and tokens[decimal].text in DIGITS:
            decimal += 1
    try:
        if decimal > end + 1 and _tenths(tokens, decimal):
            tail = "".join(one.text for one in tokens[end + 1 : decimal])
            while decimal < len(tokens) and tokens[decimal].text in "百千万亿":
                tail, decimal = tail + tokens[decimal].text, decimal + 1
            return Span(at, decimal, _plain(numerals.read(f"{run}点{tail}")))
        return Span(at, end, _plain(numerals.read(run)))
    except ValueError:
        return None  # 两三, 十七八: about so many


def _parted(tokens: Sequence[Token], at: int) -> bool:
    """A gap before a numeral, or the 一 of 一共: another number, or none, begins."""
    more = tokens[at].text == "一" and at + 1 < len(tokens) and tokens[at + 1].text in "共起总并"
    return more or tokens[at].start > tokens[at - 1].end


def _tenths(tokens: Sequence[Token], at: int) -> bool:
    if at >= len(tokens) or tokens[at].text in _TENTHS or tokens[at].text == "%":
        return True
    return tokens[at].text == "分" and at + 1 < len(tokens) and tokens[at + 1].text == "钟"


def _english(tokens: Sequence[Token], at: int) -> Span | None:
    if meaning(tokens[at], _IN_NUMBERS) is None:
        return None
    words, costs = list[str](), list[float]()
    for token in tokens[at : at + _LONGEST]:
        found = meaning(token, _IN_NUMBERS)
        if found is None or (words and token.text in _HEARD):
            break
        words.append(found[0])
        costs.append(found[1])
    read = numerals.english(words)
    if read is None or (read.used == 1 and (_hardly(tokens, at) or _is_thing(tokens, at))):
        return None
    return Span(at, at + read.used, _plain(read.value), sum(costs[: read.used]))


def _is_thing(tokens: Sequence[Token], at: int) -> bool:
    """The one of "the cold one" is a thing, and no number."""
    if tokens[at].text != "one" or at < 2 or tokens[at - 2].text not in _POINTING:
        return False
    after = next((one for one in tokens[at + 1 :] if not one.mark), None)
    return tokens[at - 1].text in _ADJECTIVES and (
        after is None or meaning(after, _COUNTING_UNITS) is None
    )


def _hardly(tokens: Sequence[Token], at: int) -> bool:
    """ "to" for two and "for" for four where nothing beside it counts: "dim it to, um"."""
    if tokens[at].text not in _HEARD:
        return False
    before = tokens[at - 1].text if at else ""
    after = next((one for one in tokens[at + 1 :] if not one.mark), None)
    counts = after is not None and (meaning(after, _COUNTING_UNITS) is not None)
    return before not in _BEFORE_A_NUMBER and not counts


def _plain(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)
