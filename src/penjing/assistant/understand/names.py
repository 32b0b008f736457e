"""Names in a sentence: colours, fixed lists, places, and what a tool says exists right now.

A name may be garbled: misspelt letters, one wrong Chinese character in three. The value is always
the exact name. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from penjing.assistant.understand.span import Span
from penjing.assistant.understand.spelling import edits
from penjing.assistant.understand.text import Token, tokens_of

COLOURS: Mapping[str, tuple[str, ...]] = {
    "red": ("红色", "红", "红的"),
    "orange": ("橙色", "橘色", "橙", "橙的", "橘", "橘的"),
    "yellow": ("黄色", "黄", "黄的"),
    "green": ("绿色", "绿", "绿的"),
    "cyan": ("turquoise", "青色", "青"),
    "blue": ("蓝色", "蓝", "蓝的"),
    "purple": ("violet", "紫色", "紫", "紫的"),
    "pink": ("粉色", "粉红色", "粉红", "粉的", "粉"),
    "white": ("白色", "白", "白的", "白光"),
    "warm white": ("暖白", "暖白色", "暖色", "暖光"),
    "cold white": ("cool white", "冷白", "冷白色"),
}
_SMALL = frozenset({"the", "a", "an", "my", "our", "的", "'s"})
"""Words that may stand inside a name or be missing from it."""


_NUMBERS = (
    ("1", "one", "一"), ("2", "two", "二"), ("3", "three", "三"), ("4", "four", "四"),
    ("5", "five", "五"), ("6", "six", "六"), ("7", "seven", "七"), ("8", "eight", "八"),
    ("9", "nine", "九"), ("10", "ten", "十"),
)  # fmt: skip
"""Ways to write a number that stands in a name."""
_ONE = frozenset({"one", "ones"})
_WITH_ONE = 0.1
"""Of a short name with "one" behind it: "the bedroom one"."""
_POINTING = frozenset("个这那哪几什么啥某别其他她它我你您去在到")
"""Characters that nobody mishears for those of a name."""
_FIGURES = frozenset("零〇一二两三四五六七八九十百千0123456789")


@dataclass(frozen=True)
class Name:
    """One way to call a value."""

    value: str
    """The exact name."""
    words: tuple[str, ...]
    """Without small words."""
    cost: float = 0.0
    """0 for a whole name, more for what it is called for short."""


@dataclass(frozen=True)
class Lexicon:
    """Names to look for, made ready once."""

    firsts: Mapping[str, tuple[Name, ...]]
    """By first word."""
    lasts: Mapping[str, tuple[Name, ...]]
    """Of several Latin words, by the last one."""
    chinese: tuple[Name, ...]
    """Of three Chinese characters or more."""
    words: frozenset[str]
    """All Latin words, for telling typing errors."""
    tells: frozenset[str]
    """First and last words: without one of them in it, and `chinese` aside, a sentence has none."""


@dataclass(frozen=True)
class Spoken:
    """A sentence made ready to look for names in it."""

    tokens: Sequence[Token]
    forms: tuple[tuple[int, tuple[str, ...]], ...]
    """Places of words that are no small ones, with what each may be."""
    tells: frozenset[str]
    """All of these."""
    heard: frozenset[str]
    """All words as they stand."""


def spoken(tokens: Sequence[Token]) -> Spoken:
    """Make a sentence ready, once for all lexicons."""
    forms = tuple(
        (at, _forms(one))
        for at, one in enumerate(tokens)
        if one.text not in _SMALL and not one.mark
    )
    every = frozenset(form for _, many in forms for form in many)
    return Spoken(tokens, forms, every, frozenset(one.text for one in tokens))


def lexicon(names: Mapping[str, Sequence[str]], *, short: bool = False, which: str = "") -> Lexicon:
    """A lexicon of values and their synonyms; with `short`, also of names less their last word, and
    where several things are called so, `which` is the value of that."""
    found = [
        Name(value, words)
        for value, synonyms in names.items()
        for name in (value, *synonyms)
        for words in _numbered(_words(name))
    ]
    if short:
        found += _shortened(found, which)
    firsts: dict[str, list[Name]] = {}
    lasts: dict[str, list[Name]] = {}
    for one in found:
        firsts.setdefault(one.words[0], []).append(one)
        if len(one.words) > 1 and one.words[0].isascii():
            lasts.setdefault(one.words[-1], []).append(one)
    return Lexicon(
        {word: tuple(many) for word, many in firsts.items()},
        {word: tuple(many) for word, many in lasts.items()},
        tuple(one for one in found if len(one.words) >= 3 and _is_chinese(one.words[0])),
        frozenset(word for one in found for word in one.words),
        frozenset(firsts.keys() | lasts.keys()),
    )


def _numbered(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The same with its number in digits and in words: "light 2", "light two"; 3号灯, 三号灯."""
    if not words:
        return
    yield words
    for at, word in enumerate(words):
        for ways in _NUMBERS:
            if word in ways:
                beside = any(map(_is_chinese, words))
                yield from (
                    (*words[:at], way, *words[at + 1 :])
                    for way in ways
                    if way != word and (way.isdigit() or _is_chinese(way) == beside)
                )


def _shortened(names: Sequence[Name], which: str) -> list[Name]:
    """ "kitchen" for "kitchen light", where nothing else is called so."""
    taken = {one.words for one in names}
    short: dict[tuple[str, ...], set[str]] = {}
    for one in names:
        if len(one.words) >= 2 + _is_chinese(one.words[0]):
            short.setdefault(one.words[:-1], set()).add(one.value)
    return [
        Name(next(iter(values)) if len(values) == 1 else which, words, 0.3)
        for words, values in short.items()
        if (len(values) == 1 or which) and words not in taken
    ]


def _is_chinese(word: str) -> bool:
    return "\u3400" <= word[0] <= "\u9fff"


def _words(name: str) -> tuple[str, ...]:
    return tuple(one.text for one in tokens_of(name) if one.text not in _SMALL and not one.mark)


def names_in(tokens: Sequence[Token] | Spoken, known: Lexicon) -> Iterator[Span]:
    """All names of a lexicon in a sentence."""
    said = tokens if isinstance(tokens, Spoken) else spoken(tokens)
    # all but one of its characters are there, the last among them
    chinese = [
        one
        for one in known.chinese
        if one.words[-1] in said.heard and sum(char not in said.heard for char in one.words) <= 1
    ]
    told = not known.tells.isdisjoint(said.tells)
    for at, forms in said.forms if told or chinese else ():
        if told:
            yield from _spelt(said.tokens, at, forms, known)
        if chinese and said.tokens[at].chinese:
            for name in chinese:
                if (found := _garbled(said.tokens, at, name.words)) is not None:
                    yield Span(at, found[0], name.value, found[1] + name.cost)


def _spelt(
    tokens: Sequence[Token], at: int, forms: Sequence[str], known: Lexicon
) -> Iterator[Span]:
    """Names that begin, or in turn end, with a word."""
    for name in (one for form in forms for one in known.firsts.get(form, ())):
        if (found := _exact(tokens, at, name.words)) is not None:
            yield Span(at, found[0], name.value, found[1] + name.cost)
            if name.cost and found[0] < len(tokens) and tokens[found[0]].text in _ONE:
                yield Span(at, found[0] + 1, name.value, found[1] + _WITH_ONE)
    for name in (one for form in forms for one in known.lasts.get(form, ())):
        if (found := _turned(tokens, at, name.words)) is not None:
            yield Span(at, found[0], name.value, found[1] + name.cost)


def _forms(token: Token) -> tuple[str, ...]:
    """What a token may be: itself, without its plural, with one, or what it was meant to be."""
    text = token.text
    if token.chinese:
        return (text, text + "s")
    plain = [text, text.removesuffix("s"), text.removesuffix("'s"), text + "s"]
    for fix, _ in token.fixes:
        plain += [fix, fix.removesuffix("s")]
    return tuple(dict.fromkeys(plain))


def _turned(tokens: Sequence[Token], at: int, words: Sequence[str]) -> tuple[int, float] | None:
    """ "the light in the kitchen" for "kitchen light"."""
    if len(words) < 2 or not words[0].isascii() or at + 2 >= len(tokens):
        return None
    head = _price(tokens[at], words[-1])
    if head is None or tokens[at + 1].text not in ("in", "of"):
        return None
    place = at + 2
    while place < len(tokens) and tokens[place].text in _SMALL:
        place += 1
    rest = _exact(tokens, place, words[:-1]) if place < len(tokens) else None
    return None if rest is None else (rest[0], head + rest[1] + 0.02)


def _exact(tokens: Sequence[Token], at: int, words: Sequence[str]) -> tuple[int, float] | None:
    """Word for word; small words between them and typing errors are allowed."""
    place, cost = at, 0.0
    for number, word in enumerate(words):
        while number and place < len(tokens) and tokens[place].text in _SMALL:
            place += 1
        if place >= len(tokens):
            return None
        price = _price(tokens[place], word)
        if price is None:
            return None
        cost, place = cost + price, place + 1
    return place, cost


def _price(token: Token, word: str) -> float | None:
    if token.text == word:
        return 0.0
    if token.text in (word + "s", word + "'s") or token.text + "s" == word:
        return 0.02
    for text, cost in token.fixes:
        if text in (word, word + "s"):
            return cost
    return None


def _garbled(tokens: Sequence[Token], at: int, words: Sequence[str]) -> tuple[int, float] | None:
    """Chinese characters of which one is another, as speech recognition writes them."""
    said, end = "", at
    while end < len(tokens) and len(said) < len(words):
        if tokens[end].text not in _SMALL:
            if not tokens[end].chinese:
                return None
            said += tokens[end].text
        end += 1
    # the last character names the thing (灯, 门): it must be right
    if len(said) < len(words) or said[-1] != words[-1]:
        return None
    turned = {a for a, b in zip(said, "".join(words), strict=False) if a != b}
    turned |= {b for a, b in zip(said, "".join(words), strict=False) if a != b}
    if turned & (_FIGURES | _POINTING):
        return None  # 三号灯 is not 四号灯, and 个地方 is no 住地方
    return (end, 0.6) if edits(said, "".join(words), 1) == 1 else None
