"""Sums that are told as a story: "split 96 pounds between 4 people", 三百二四个人平分. Pure.

What is found is said in signs: whoever calculates need not know the story.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from penjing.assistant.understand.numbers import number_at
from penjing.assistant.understand.text import Token
from penjing.core.numerals import ORDINALS

_TIMES = {
    "twos": 2, "threes": 3, "fours": 4, "fives": 5, "sixes": 6, "sevens": 7, "eights": 8,
    "nines": 9, "tens": 10, "elevens": 11, "twelves": 12,
}  # fmt: skip
"""As tables are learnt by heart: "seven eights"."""
_NOUNS = 3
"""Words between a number and what is done with it."""
_STORIES: tuple[tuple[str, str], ...] = (
    ("split|share|divide N ~ by|between|among|amongst|into|over M people|friends|ways|of? us?",
     "N / M"),
    ("split|share|divide N ~ M ways", "N / M"),
    ("N ~ split|shared|divided by|between|among|amongst|into|over M people|friends|ways|of? us?",
     "N / M"),
    ("N ~ split|shared|divided M ways", "N / M"),
    ("the|our|my? bill|bill's|tab|tab's|total|total's|dinner|dinner's|lunch|lunch's|taxi|taxi's"
     "|rent|rent's? is|was|comes|came? to? N ~ between|among|amongst|by|over M of? us|people"
     "|friends|ways|heads? ,? so|and? what|what's|how|how's? much? is|does? that|it? come|make? to?"
     " each|apiece", "N / M"),
    ("the? sum of N and M", "N + M"),
    ("the? sum|total of N , M ,? and O", "N + M + O"),
    ("the? difference between|of N and M", "N - M"),
    ("the? product of N and M", "N * M"),
    ("N and M make|makes|come|add|equal|equals to|up? to?", "N + M"),
    ("N lots|times of? M", "N * M"),
    ("double|twice N", "2 * N"),
    ("triple|treble N", "3 * N"),
    ("N percent|% off ~ M", "M - N %"),
    ("a|an? N percent|% tip on|for ~ M", "N % * M"),
    ("a|an? tip of N percent|% on|for ~ M", "N % * M"),
    ("N go|goes into M", "M / N"),
    ("F of ~ M", "M * F"),
    ("add up? N and M", "N + M"),
    ("add up? N , M ,? and O", "N + M + O"),
    ("add up? N and M and O", "N + M + O"),
    ("add up? N , M , O ,? and P", "N + M + O + P"),
    ("N , M ,? and O added|put|all? together|altogether", "N + M + O"),
    ("N , M , O ,? and P added|put|all? together|altogether", "N + M + O + P"),
    ("N 加 上? M 的 和 ,? 再? 乘 以? O", "(N + M) * O"),
    ("N 加 上? M 的 和 ,? 再? 除 以 O", "(N + M) / O"),
    ("N 减 去? M 的 差 ,? 再? 乘 以? O", "(N - M) * O"),
    ("N 减 去? M 的 差 ,? 再? 除 以 O", "(N - M) / O"),
    ("把? N 、|, M 、|,|和|跟|加 O 加|合 在? 一? 起|一|总 来?", "N + M + O"),
    ("N and M added|put together", "N + M"),
    ("N 个 M", "N * M"),
    ("N 成 M", "N * M"),
    ("N 块|元|个|颗|本|张? 钱? ,? M 个? 人 来? 平? 均? 分|摊 掉|了?", "N / M"),
    ("M 个? 人 来? 平? 均? 分|摊 掉|了? N 块|元|个|颗|本|张? 钱?", "N / M"),
    ("把? N 块|元|个|颗|本|张? 钱? 平? 均? 分 给|成 M 个? 人|份", "N / M"),
    ("N 块|元? 钱? 的? ,? 打 个? D 折", "N * D"),
    ("N 的 M 分 之 O", "N * O / M"),
    ("N 开 平 方", "N ^ (1 / 2)"),
    ("N 的 M 成", "N * M / 10"),
    ("N 的 M 倍", "N * M"),
    ("N 的 一 半", "N / 2"),
    ("N 翻 M 倍", "N * M"),
)  # fmt: skip
_UNITS = frozenset("分点秒时天号月年度岁刻钟")
"""Behind a number: it counts something else."""


def told(tokens: Sequence[Token], at: int) -> tuple[int, str] | None:
    """Where the story that begins at a token ends, and the sum that it tells."""
    found = [one for story, sign in _READ for one in _ways(tokens, at, story, {}, sign)]
    if tokens[at].text in _TIMES and at:
        return None
    many = number_at(tokens, at)
    if many and not many.cost and many.end < len(tokens) and tokens[many.end].text in _TIMES:
        found.append((many.end + 1, f"{_said(many.value)} * {_TIMES[tokens[many.end].text]}"))
    return max(found, default=None)


def _ways(
    tokens: Sequence[Token], at: int, story: Sequence[str], given: Mapping[str, str], sign: str
) -> Iterator[tuple[int, str]]:
    if not story:
        if set("NMOPFD") & set(sign) <= given.keys():
            yield at, "".join(given.get(one, one) for one in sign)
        return
    item, rest = story[0], story[1:]
    if item == "~":
        for end in range(at, min(at + _NOUNS, len(tokens)) + 1):
            if all(one.text.isalpha() and not one.chinese for one in tokens[at:end]):
                yield from _ways(tokens, end, rest, given, sign)
        return
    if item.endswith("?"):
        yield from _ways(tokens, at, rest, given, sign)
    if at >= len(tokens):
        return
    if item in "NMOPFD":
        read = _READS.get(item, _number)(tokens, at)
        if read is not None and (rest[:1] == ("分",) or not _counts_else(tokens, read[0])):
            yield from _ways(tokens, read[0], rest, {**given, item: read[1]}, sign)
    elif tokens[at].text in item.removesuffix("?").split("|"):
        yield from _ways(tokens, at + 1, rest, given, sign)


def _number(tokens: Sequence[Token], at: int) -> tuple[int, str] | None:
    found = number_at(tokens, at)
    return None if found is None or found.cost else (found.end, _said(found.value))


def _fraction(tokens: Sequence[Token], at: int) -> tuple[int, str] | None:
    """ "A fifth", "two thirds", "three quarters"."""
    many = (at + 1, "1") if tokens[at].text in ("a", "an") else _number(tokens, at)
    if many is None or many[0] >= len(tokens):
        return None
    parts = _PARTS.get(tokens[many[0]].text)
    return None if parts is None else (many[0] + 1, f"{many[1]} / {parts}")


def _discount(tokens: Sequence[Token], at: int) -> tuple[int, str] | None:
    """八折 leaves eight tenths, 七五折 seventy-five hundredths."""
    found = _number(tokens, at)
    if found is None or not found[1].replace(".", "").isdigit():
        return None
    many = Fraction(found[1])
    return found[0], f"{found[1]} / {10 if many < 10 else 100}"


_PARTS = {
    **{one: value for one, value in ORDINALS.items() if value > 2},
    **{f"{one}s": value for one, value in ORDINALS.items() if value > 2},
    "half": 2, "halves": 2, "quarter": 4, "quarters": 4,
}  # fmt: skip
"""What is cut into so many parts is called."""
_READS = {"F": _fraction, "D": _discount}
"""What a letter of a story stands for, but for numbers."""


def _counts_else(tokens: Sequence[Token], at: int) -> bool:
    return at < len(tokens) and tokens[at].text in _UNITS


def _said(value: float | Fraction) -> str:
    exact = Fraction(str(value))
    return f"{exact}" if exact.denominator == 1 else f"{float(exact)}"


_READ = tuple((tuple(story.split()), sign) for story, sign in _STORIES)
