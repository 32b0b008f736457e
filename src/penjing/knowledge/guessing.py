"""Which encoding some bytes are in that are no Unicode: that of the likeliest text. Pure.

Each candidate reads a sample; what it reads costs so many bits as a text of its language would
(Shannon, 1948), and the cheapest wins where it is cheap enough and clearly cheaper than the next.
Otherwise nobody knows: what would be garbage is refused, not kept.
"""

from __future__ import annotations

import codecs
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from penjing.knowledge import scripts

_SAMPLE = 24_000
"""Bytes of lines that are more than ASCII."""
_BEFORE = 40
_BEYOND = re.compile(rb"[\x80-\xff]")
_BROKEN = 20.0
"""Bits of a byte that the candidate cannot read, and of a character that its language has not."""
_ASCII = 6.0
_LARGE = 1.0
"""Bits of a letter's being a large one."""
_TORN = 10.0
"""Bits where a word is of two scripts, or of small letters and then large ones."""
_DEAREST = 7.5
"""Bits for each byte beyond ASCII; noise costs ten, honest tables up to seven."""
_CLEARLY = 5.0
"""Bits by which the cheapest must be cheaper than what reads otherwise."""
_DECLARED = 40.0
"""Bits that a page's own word is worth."""


@dataclass(frozen=True)
class _Candidate:
    codec: str
    bits: Callable[[str], float]
    """What a character costs that is not ASCII."""
    torn: re.Pattern[str]
    rare: float = 0.0
    """Bits more, for being seldom met."""


def guessed(data: bytes, declared: str = "") -> str | None:
    """The codec, by Python's name; None where it is not clear."""
    pieces = list(_sample(data))
    length = len(b"\n".join(pieces))
    costs: list[tuple[float, str, str]] = []
    for one in _candidates():
        text = "\n".join(piece.decode(one.codec, "replace") for piece in pieces)
        total = _cost(one, text) - (_DECLARED if one.codec == declared else 0.0)
        costs.append((total, one.codec, text))
    costs.sort()
    least, codec, text = costs[0]
    other = next((cost for cost, _, said in costs if said != text), math.inf)
    plain = sum(char < "\x80" for char in text)
    if least - _ASCII * plain > _DEAREST * (length - plain) or other - least < _CLEARLY:
        return None
    return codec


def _sample(data: bytes) -> Iterator[bytes]:
    """Lines with bytes beyond ASCII, from a little before the first of these."""
    at = left = 0
    left = _SAMPLE
    while left > 0 and (found := _BEYOND.search(data, at)):
        begin = data.rfind(b"\n", max(found.start() - _BEFORE, at), found.start()) + 1
        begin = begin or max(found.start() - _BEFORE, at)
        end = data.find(b"\n", found.start())
        end = len(data) if end < 0 else end
        piece = data[begin : min(end, begin + left)]
        left -= len(piece)
        at = end
        yield piece


def _cost(one: _Candidate, text: str) -> float:
    """Bits of a text; its last character may be cut in two, and costs nothing."""
    counts = Counter(text)
    ascii_ = sum(count for char, count in counts.items() if char < "\x80")
    bits = sum(count * one.bits(char) for char, count in counts.items() if char >= "\x80")
    torn = sum(1 for _ in one.torn.finditer(text))
    return one.rare + bits + _ASCII * ascii_ + _TORN * torn


@cache
def _candidates() -> tuple[_Candidate, ...]:
    east = re.compile("(?!)")
    found = [
        _Candidate("gb18030", _of(_chinese, "gb18030"), east),
        _Candidate("big5", _of(_traditional, "big5"), east, 1),
        _Candidate("big5hkscs", _of(_traditional, "big5hkscs"), east, 4),
        _Candidate("cp932", _of(_japanese, "cp932"), east, 1),
        _Candidate("euc_jp", _of(_japanese, "euc_jp"), east, 2),
        _Candidate("cp949", _of(_korean, "cp949"), east, 1),
    ]
    for letters, more, names in (
        (scripts.RUSSIAN, scripts.UKRAINIAN, {"cp1251": 3, "koi8-r": 5, "koi8-u": 6, "cp866": 7,
                                              "iso8859-5": 8, "mac-cyrillic": 9}),
        (scripts.GREEK, "", {"cp1253": 8, "iso8859-7": 10}),
        (scripts.HEBREW, "", {"cp1255": 15, "iso8859-8": 17}),
        (scripts.ARABIC, "", {"cp1256": 15, "iso8859-6": 17}),
        (scripts.THAI, "", {"cp874": 15, "tis-620": 16}),
    ):  # fmt: skip
        table = _ranked(letters, more)
        small = "".join(char for char in letters + more if char.islower())
        own = re.escape(letters + more + (letters + more).upper())
        parts = [f"[a-zA-Z][{own}]", f"[{own}][a-zA-Z]"]
        parts += [f"[{small}][{small.upper()}]"] if small else []
        torn = re.compile("|".join(parts))
        found += [_Candidate(name, _of(table, name), torn, rare) for name, rare in names.items()]
    alone = re.compile("[^\\W\\d_a-zA-Z]{3}|[a-zß-öø-ÿ][À-ÖØ-Þ]|[^\\W\\d_][¿¡]")
    for languages, names in (
        (scripts.WESTERN, {"cp1252": 0, "cp850": 8, "mac-roman": 9}),
        (scripts.ICELANDIC, {"cp1252": 9}),
        (scripts.CENTRAL, {"cp1250": 4, "iso8859-2": 6}),
        (scripts.TURKISH, {"cp1254": 3}),
        (scripts.BALTIC, {"cp1257": 6}),
    ):
        for letters in languages.values():
            table = _of_language(letters)
            found += [
                _Candidate(name, _of(table, name), alone, rare) for name, rare in names.items()
            ]
    return tuple(found)


def _of(table: Mapping[str, float] | Callable[[str], float], codec: str) -> Callable[[str], float]:
    codecs.lookup(codec)
    return table if callable(table) else lambda char: table.get(char, _BROKEN)


def _share(share: float, among: float) -> float:
    return math.log2(among / share)


def _signs(share: float) -> dict[str, float]:
    """What any language has beside letters, a few of them far more often."""
    rare = dict.fromkeys(scripts.SIGNS, _share(share / 6, len(scripts.SIGNS)))
    return rare | dict.fromkeys(scripts.OFTEN, _share(share, len(scripts.OFTEN)))


def _ranked(letters: str, more: str) -> Mapping[str, float]:
    """Letters by rank, as Zipf has it."""
    weights = {letter: 1 / (rank + 3) for rank, letter in enumerate(letters)}
    weights |= dict.fromkeys(more, 0.01)
    whole = sum(weights.values())
    table = _signs(0.06)
    for letter, weight in weights.items():
        table[letter] = _share(0.93 * weight / whole, 1)
        if len(letter.upper()) == 1:
            table.setdefault(letter.upper(), table[letter] + _LARGE)
    table.update(dict.fromkeys("№", _share(0.01, 1)))
    return table


def _of_language(letters: str) -> Mapping[str, float]:
    """Letters with accents of one language, all as often; others hardly ever."""
    signs = 0.7 if letters == scripts.WESTERN["English"] else 0.1
    table = _signs(signs)
    table.update(dict.fromkeys(letters, _share(0.95 - signs, len(letters))))
    for letter in letters.upper():
        table.setdefault(letter, _share(0.05, len(letters)))
    return table


def _chinese(char: str) -> float:
    if char in scripts.SIMPLIFIED:
        return _share(0.68, len(scripts.SIMPLIFIED))
    if char in scripts.EAST_SIGNS:
        return _share(0.08, len(scripts.EAST_SIGNS))
    lead = _lead(char, "gb2312")
    if 0xB0 <= lead <= 0xD7:
        return _share(0.2, 3755)
    if 0xD8 <= lead <= 0xF7:
        return _share(0.02, 3008)
    return _BROKEN


def _traditional(char: str) -> float:
    if char in scripts.TRADITIONAL:
        return _share(0.72, len(scripts.TRADITIONAL))
    if char in scripts.EAST_SIGNS:
        return _share(0.08, len(scripts.EAST_SIGNS))
    return _share(0.19, 5401) if 0xA4 <= _lead(char, "big5") <= 0xC6 else _BROKEN


def _japanese(char: str) -> float:
    if "\u3041" <= char <= "\u3093":
        return _share(0.46, 83)
    if "\u30a1" <= char <= "\u30f6":
        return _share(0.18, 86)
    if char in scripts.JAPANESE_KANJI:
        return _share(0.22, len(scripts.JAPANESE_KANJI))
    if char in scripts.EAST_SIGNS:
        return _share(0.06, len(scripts.EAST_SIGNS))
    if "\uff61" <= char <= "\uff9f":
        return _share(0.01, 63)
    lead = _lead(char, "euc_jp")
    return _share(0.07, 2965) if 0xB0 <= lead <= 0xCF else _BROKEN


def _korean(char: str) -> float:
    if char in scripts.HANGUL:
        return _share(0.8, len(scripts.HANGUL))
    if char in scripts.EAST_SIGNS:
        return _share(0.02, len(scripts.EAST_SIGNS))
    return _share(0.17, 2350) if 0xB0 <= _lead(char, "euc_kr") <= 0xC8 else _BROKEN


def _lead(char: str, codec: str) -> int:
    try:
        return char.encode(codec)[0]
    except UnicodeError:
        return 0
