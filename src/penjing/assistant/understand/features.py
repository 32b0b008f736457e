"""A sentence as weighted features at hash places: words and pairs of words, and pieces of words.

Three parts that share no place. Words. Pairs: each word with its neighbour (the edges of the
sentence are neighbours too) and with those that follow within reach, in their order. Letters:
pieces of two to five, the edges of the word among them, so that a typing error changes little;
Chinese characters stand together as one long word. Slots are placeholders, and words only. The
same on every machine. Pure, numpy; knows nothing of intents.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from penjing.assistant.understand.span import Span
from penjing.assistant.understand.text import Token

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]
    Reals = npt.NDArray[np.float32]
    Codes = npt.NDArray[np.uint64]

_BITS = 15
PART = 2**_BITS
"""Places of words; as many follow for pairs of words, and for letters."""
PLACES = 3 * PART
_REACH = 8
"""How far apart two words may stand to be a pair."""
_LONGEST = 5
"""Letters of a piece; the shortest has two."""
_SMALL_WEIGHT = 0.35
_SMALL = frozenset({
    "the", "a", "an", "please", "i", "you", "me", "my", "to", "in", "of", "is", "it", "can",
    "could", "would", "will", "for", "be", "do", "that", "this",
    "的", "了", "吧", "请", "我", "你", "是",
    "一", "下", "吗", "帮", "给",
})  # fmt: skip
_MAX_WORDS = 400
"""Of a sentence; the rest is not looked at."""
_LEFT, _RIGHT, _NEXT, _BASE = (
    0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5,
)  # fmt: skip
"""Odd numbers that mix bits well (of splitmix64 and xxHash)."""


@dataclass(frozen=True)
class Counted:
    """What stands in a sentence."""

    places: Integers
    """In order, each once."""
    counts: Reals
    """How often; small words count less."""


def words_of(tokens: Sequence[Token], spans: Mapping[str, Sequence[Span]]) -> list[str]:
    """The words of a sentence, with `@slot` for what a slot was read from."""
    every = sorted(
        ((span, slot) for slot, many in spans.items() for span in many if span.cost < 0.5),
        key=lambda one: (one[0].start - one[0].end, one[0].cost),
    )
    taken: dict[int, tuple[Span, str]] = {}
    for span, slot in every:
        if not any(place in taken for place in range(span.start, span.end)):
            taken.update(dict.fromkeys(range(span.start, span.end), (span, slot)))
    words: list[str] = []
    for place, token in enumerate(tokens):
        if place in taken:
            span, slot = taken[place]
            if span.start == place:
                words.append(f"@{slot}")
        elif not token.mark:
            words.append(token.fixes[0][0] if token.fixes else token.text)
    return words


def counted(words: Sequence[str]) -> Counted:
    """The features of words; none of no words."""
    import numpy as np

    words = words[:_MAX_WORDS]
    if not words:
        return Counted(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))
    weights = np.array([_SMALL_WEIGHT if one in _SMALL else 1.0 for one in words], dtype=np.float32)
    codes = np.array(
        [zlib.crc32(one.encode("utf-8", "replace")) for one in ("<", *words, ">")], dtype=np.uint64
    )
    pairs = _of_pairs(codes)
    letters, share = _of_letters(words, weights)
    places, back = np.unique(
        np.concatenate([_placed(codes[1:-1]), PART + pairs, 2 * PART + letters]),
        return_inverse=True,
    )
    counts = np.bincount(back, np.concatenate([weights, np.ones(len(pairs)), share]))
    return Counted(places, counts.astype(np.float32))


def _of_pairs(codes: Codes) -> Integers:
    import numpy as np

    inner = codes[1:-1]
    first, second = _pairs(len(inner))
    beside = codes[:-1] * np.uint64(_NEXT) + codes[1:]
    within = inner[first] * np.uint64(_LEFT) + inner[second] * np.uint64(_RIGHT)
    return _placed(np.concatenate([beside, within]))


@lru_cache(_MAX_WORDS)
def _pairs(count: int) -> tuple[Integers, Integers]:
    """Which of so many words stand within reach of which after them."""
    import numpy as np

    first, second = np.triu_indices(count, 1)
    near = second - first <= _REACH
    return first[near].astype(np.int64), second[near].astype(np.int64)


def _of_letters(words: Sequence[str], weights: Reals) -> tuple[Integers, Reals]:
    import numpy as np

    joined, share = _joined(words, weights)
    many = [_pieces(one) for one in joined]
    if not many:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
    return np.concatenate(many), np.repeat(share, [len(one) for one in many])


@lru_cache(8192)
def _pieces(word: str) -> Integers:
    """The places of the pieces of a word: the same few thousand words are said again and again."""
    import numpy as np

    letters = np.frombuffer(word.encode("utf-32-le", "replace"), dtype="<u4").astype(np.uint64)
    code = letters
    found = [np.zeros(0, dtype=np.uint64)]
    for size in range(2, min(_LONGEST, len(letters)) + 1):
        code = code[:-1] * np.uint64(_BASE) + letters[size - 1 :]
        found.append(code + np.uint64(size))
    return _placed(np.concatenate(found))


def _joined(words: Sequence[str], weights: Reals) -> tuple[list[str], Reals]:
    """`<turn>`, `<off>`, and the weight of each: neighbouring Chinese characters share their edges
    and are one; slots end a word."""
    import numpy as np

    found: list[str] = []
    share: list[float] = []
    within = False
    for word, weight in zip(words, weights, strict=True):
        chinese = "\u3400" <= word[:1] <= "\u9fff"
        if within and not chinese:
            found[-1] += ">"
        if chinese and within:
            found[-1] += word
        elif not word.startswith("@"):
            found.append(f"<{word}" if chinese else f"<{word}>")
            share.append(1.0 if chinese else float(weight))
        within = chinese
    if within:
        found[-1] += ">"
    return found, np.array(share, dtype=np.float32)


def _placed(codes: Codes) -> Integers:
    """The place of each code among those of its part."""
    import numpy as np

    mixed = codes ^ (codes >> np.uint64(29))
    mixed = mixed * np.uint64(_LEFT)
    mixed ^= mixed >> np.uint64(32)
    return np.asarray((mixed * np.uint64(_RIGHT)) >> np.uint64(64 - _BITS), dtype=np.int64)
