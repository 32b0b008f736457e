"""Parts of the day, and which hour a clock means in them: nine in the evening, 晚上两点. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from penjing.assistant.understand.clocks import Clock
from penjing.assistant.understand.span import PhraseTable, meaning
from penjing.assistant.understand.text import Token

Kind = Literal["early", "morning", "noon", "afternoon", "evening", "night"]
WORDS_EN: dict[str, Kind] = {
    "morning": "morning", "mornings": "morning", "afternoon": "afternoon",
    "afternoons": "afternoon", "evening": "evening", "evenings": "evening", "night": "night",
    "nights": "night",
}  # fmt: skip
_PHRASES = PhraseTable[Kind](
    ("in the early morning", "early"), ("early in the morning", "early"),
    ("in the morning", "morning"), ("in the afternoon", "afternoon"),
    ("in the evening", "evening"), ("at night", "night"), ("in the night", "night"),
    ("凌晨", "early"), ("清晨", "early"), ("早上", "morning"), ("早晨", "morning"),
    ("早间", "morning"), ("上午", "morning"), ("中午", "noon"), ("下午", "afternoon"),
    ("午后", "afternoon"), ("傍晚", "evening"), ("晚上", "night"), ("晚间", "night"),
    ("夜里", "night"), ("夜晚", "night"), ("半夜", "night"), ("深夜", "night"),
)  # fmt: skip
"""Said by themselves."""
_WITH_A_DAY = PhraseTable[Kind](
    ("tonight", "night"), ("this morning", "morning"), ("this afternoon", "afternoon"),
    ("this evening", "evening"), ("早", "morning"), ("晚", "night"), ("夜", "night"),
)  # fmt: skip
"""Said with a day, or as one: 今晚."""
_DAYS_ZH = frozenset("今明天日号一二三四五六每后")
_NOT_AFTER = frozenset("上晨间里些点饭餐会班")
"""晚上, 晚些 and 晚点 are words of their own."""
WORDS = frozenset({*WORDS_EN, "tonight"})
"""English words that may stand in a part of the day."""


@dataclass(frozen=True)
class Part:
    """A part of the day somewhere in a sentence."""

    start: int
    """First token."""
    end: int
    """One past the last."""
    kind: Kind
    """Which."""
    dated: bool
    """It belongs to the words for a day."""


def parts(tokens: Sequence[Token]) -> Iterable[Part]:
    """All parts of the day."""
    for at, token in enumerate(tokens):
        for end, kind, _ in _PHRASES.read(tokens, at):
            yield Part(at, end, kind, dated=False)
        for end, kind, _ in _WITH_A_DAY.read(tokens, at):
            if not token.chinese or _glued(tokens, at):
                yield Part(at, end, kind, dated=True)
        found = meaning(token, WORDS_EN)
        if found is not None and at and tokens[at - 1].text not in ("the", "at", "this", "early"):
            yield Part(at, at + 1, found[0], dated=True)


def _glued(tokens: Sequence[Token], at: int) -> bool:
    after = tokens[at + 1].text if at + 1 < len(tokens) else ""
    return at > 0 and tokens[at - 1].text in _DAYS_ZH and after not in _NOT_AFTER


@dataclass(frozen=True)
class Hour:
    """What a clock means in a part of the day."""

    minutes: int
    """After midnight."""
    next_day: bool = False
    """It is in the small hours: of the day after the one that is named."""


_FROM_TO: dict[Kind, tuple[int, int]] = {
    "early": (0, 7), "morning": (0, 12), "noon": (11, 16), "afternoon": (12, 20),
    "evening": (16, 24), "night": (17, 24),
}  # fmt: skip
"""Hours that each of them has, the last not included."""
_SMALL_HOURS = 5


def hour_in(clock: Clock, kind: Kind) -> Hour | None:
    """Which time a clock shows in a part of the day; None when it never does."""
    first, last = _FROM_TO[kind]
    dark = kind in ("evening", "night")
    ways = [clock.minutes % 720, clock.minutes % 720 + 720] if clock.twelve else [clock.minutes]
    if dark and ways[0] < (_SMALL_HOURS if kind == "night" else 1) * 60:
        return Hour(ways[0], next_day=True)
    fits = [one for one in ways if first * 60 <= one < last * 60]
    return Hour(fits[0]) if fits else None
