"""Sums that are told as a story: "split 96 pounds between 4 people", 三百二四个人平分. Pure.

What is found is said in signs: whoever calculates need not know the story.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from penjing.assistant.understand.numbers import number_at
from penjing.assistant.understand.text import Token

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
    ("the? sum of N and M", "N + M"),
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
    ("N 个 M", "N * M"),
    ("N 成 M", "N * M"),
    ("N 块|元|个|颗|本|张? 钱? ,? M 个? 人 来? 平? 均? 分|摊 掉|了?", "N / M"),
    ("M 个? 人 来? 平? 均? 分|摊 掉|了? N 块|元|个|颗|本|张? 钱?", "N / M"),
    ("把? N 块|元|个|颗|本|张? 钱? 平? 均? 分 给|成 M 个? 人|份", "N / M"),
    ("N 块|元? 打 M 折", "N * M / 10"),
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
        if set("NM") & set(sign) <= given.keys():
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
    if item in "NM":
        number = number_at(tokens, at)
        if number is not None and not number.cost and not _counts_else(tokens, number.end):
            one = {**given, item: _said(number.value)}
            yield from _ways(tokens, number.end, rest, one, sign)
    elif tokens[at].text in item.removesuffix("?").split("|"):
        yield from _ways(tokens, at + 1, rest, given, sign)


def _counts_else(tokens: Sequence[Token], at: int) -> bool:
    return at < len(tokens) and tokens[at].text in _UNITS


def _said(value: float | Fraction) -> str:
    exact = Fraction(str(value))
    return f"{exact}" if exact.denominator == 1 else f"{float(exact)}"


_READ = tuple((tuple(story.split()), sign) for story, sign in _STORIES)
