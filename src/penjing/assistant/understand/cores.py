"""Where all things of a kind are named: "all the lights", "the other lamps", 灯都. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from penjing.assistant.understand.group_names import singular
from penjing.assistant.understand.span import phrase
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.words import Phrases

_EVERY = Phrases((
    "all", "all the", "all my", "all our", "all of the", "all of my", "all of our", "all these",
    "all those", "all of them", "every", "every single", "each", "each of the", "every one of the",
    "所有", "所有的", "全部", "全部的", "一切", "每个", "每一个", "每盏", "每一盏", "全屋",
    "全屋的", "家里", "家里的", "家里所有", "家里所有的", "家里全部的", "屋里", "屋里的",
    "屋里所有的", "整个家的", "哪些", "哪几盏", "哪几个", "什么", "有没有", "有",
))  # fmt: skip
_ASKED = frozenset("哪什有")
"""Not part of the group: the intent's own sentences must have it."""
_OTHER = Phrases((
    "all other", "all the other", "every other", "the other", "the rest of the", "the remaining",
    "其他", "其他的", "其它", "其它的", "其余", "其余的", "别的", "剩下的", "其他所有",
    "其他所有的", "所有其他", "所有其他的", "其余所有的",
))  # fmt: skip
"""Before the noun of a group that has an exception."""
_BARE = Phrases((
    "all", "everything else", "all the rest", "the rest", "all others", "all the others",
    "the others", "all of them", "them all", "every one", "每个", "所有", "所有的", "都", "全",
    "全都", "全部", "全部都", "其他都", "其他的都", "其它都", "其它的都", "其余都", "其余的都",
    "别的都", "其他全部", "其他全", "其他的全部", "剩下的都", "其他", "其他的", "其余的",
))  # fmt: skip
"""Without any noun, beside an exception: all things of its kind."""
TOGETHER = Phrases((
    "都", "全", "全都", "全部", "统统", "通通", "全部都", "一起", "一块儿", "一并", "两个都",
    "两盏都", "都一起", "俩都",
))  # fmt: skip
"""Behind a Chinese noun: all of them."""


@dataclass(frozen=True)
class Kind:
    """What may be a group of a slot's things."""

    slot: str
    """Whose value it is."""
    nouns: tuple[tuple[str, ...], ...]
    """What all of them are called, as words."""
    things: Mapping[str, tuple[str, ...]]
    """Slot to the names of its things: of a group several, of an entity its own."""

    @functools.cached_property
    def heads(self) -> frozenset[str]:
        """How these begin."""
        return frozenset(noun[0] for noun in self.nouns)

    @property
    def bare(self) -> bool:
        """An exception alone may tell that it is meant."""
        return self.slot in self.things


def cores(tokens: Sequence[Token], kind: Kind, *, excepting: bool) -> Iterator[tuple[int, int]]:
    """Where all of some things are named, without what is excepted."""
    for at in range(len(tokens)):
        yield from ((at, end) for end in _plural(tokens, at, kind))
        for end in _EVERY.ends(tokens, at):
            begin = end if tokens[at].text in _ASKED else at
            yield from ((begin, last) for last in _nouns(tokens, end, kind, one_of_them=True))
        if not excepting:
            continue
        for end in _OTHER.ends(tokens, at):
            yield from ((at, last) for last in _nouns(tokens, end, kind, one_of_them=False))
        if kind.bare:
            yield from ((at, end) for end in _BARE.ends(tokens, at))


def _plural(tokens: Sequence[Token], at: int, kind: Kind) -> Iterator[int]:
    """ "lights"; in Chinese only with 都 behind it."""
    if tokens[at].text not in kind.heads and not tokens[at].fixes:
        return  # most of the time, and this is asked everywhere
    for noun in kind.nouns:
        end = at + len(noun)
        if phrase(tokens, at, noun) is None or (at and tokens[at - 1].text in ("every", "each")):
            continue
        if not tokens[at].chinese:
            yield end
        elif end < len(tokens):
            yield from TOGETHER.ends(tokens, end)[:1]


def _nouns(tokens: Sequence[Token], at: int, kind: Kind, *, one_of_them: bool) -> Iterator[int]:
    for noun in kind.nouns:
        for words in {noun, singular(noun)} if one_of_them else {noun}:
            end = at + len(words)
            if at < len(tokens) and phrase(tokens, at, words) is not None:
                together = TOGETHER.ends(tokens, end) if end < len(tokens) else []
                yield together[0] if together and tokens[at].chinese else end
