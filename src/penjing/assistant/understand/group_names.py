"""What several things are called together: "lights", 灯; and names that are nothing else. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penjing.assistant.understand.text import Token, tokens_of
from penjing.assistant.understand.words import Phrases

ARTICLES = frozenset({"the", "a", "my", "our", "that", "in", "one", "of"})
ALL_OF = Phrases((
    "everything", "all", "all of them", "all of these", "these", "those", "the following",
    "the lot", "all these", "them", "them all", "全部", "这些", "下面这些", "以下", "下列",
    "这几个", "这几样", "这几样东西", "这几盏", "所有的", "都",
))  # fmt: skip
"""Before a colon and a list of what is meant by it."""


def announced(tokens: Sequence[Token], start: int) -> int:
    """Where a list begins: with "both" before it, or with "everything:"."""
    if start and tokens[start - 1].text == "both":
        return start - 1
    colon = start - 1
    while colon > 0 and tokens[colon].text in ARTICLES:
        colon -= 1
    if colon > 0 and tokens[colon].text == ":":
        for begin in range(max(0, colon - 4), colon):
            if colon in ALL_OF.ends(tokens, begin):
                return begin
    return start


def singular(noun: Sequence[str]) -> tuple[str, ...]:
    """ "light" of "lights"."""
    return (*noun[:-1], noun[-1].removesuffix("s"))


def nouns_of(words: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """What a spec calls all things of a slot, as tokens."""
    every = (tuple(t.text for t in tokens_of(one)) for many in words.values() for one in many)
    return tuple(dict.fromkeys(one for one in every if one))


def collectives(names: Sequence[str], nouns: Sequence[tuple[str, ...]]) -> frozenset[str]:
    """Names that are nothing but what all things are called ("lights", "all lights"), where they
    are: a house that has a "lamp" and no "lamps" has a thing of that name."""
    plain = {word for noun in nouns for word in noun}
    single = {word for noun in nouns for word in singular(noun)}
    single -= {word for word in plain if word.isascii()}
    more = {"all", "every", "the", "of", "所", "有", "全", "部", "的"}
    found = {}
    for name in names:
        words = [one.text for one in tokens_of(name)]
        if words and all(one in plain | single | more for one in words):
            found[name] = not set(words) <= single
    return frozenset(found) if any(found.values()) else frozenset()
