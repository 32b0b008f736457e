"""A sentence as a vector of hashed words and pieces of words, slots as placeholders. Pure, numpy.

Words, pairs of words, and letters in threes (so that a typing error changes little); Chinese
characters alone, in twos and in threes. The same on every machine.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from penjing.assistant.understand.span import Span
from penjing.assistant.understand.text import Token

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

WIDTH = 4096
"""Numbers in a vector."""
_SMALL_WEIGHT = 0.35
_SMALL = frozenset({
    "the", "a", "an", "please", "i", "you", "me", "my", "to", "in", "of", "is", "it", "can",
    "could", "would", "will", "for", "be", "that", "this", "的", "了", "吧", "请", "我", "你", "是",
    "一", "下", "吗", "帮", "给",
})  # fmt: skip


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


def vector(words: Sequence[str]) -> npt.NDArray[np.float32]:
    """The vector of words, length 1 (or 0 for none)."""
    import numpy as np

    found = np.zeros(WIDTH, dtype=np.float32)
    for name, weight in _named(words):
        code = zlib.crc32(name.encode("utf-8", "replace"))
        found[code % WIDTH] += weight if code & 0x80000000 else -weight
    length = float(np.linalg.norm(found))
    return found / length if length > 0 else found


def _named(words: Sequence[str]) -> Iterable[tuple[str, float]]:
    for word in words:
        weight = _SMALL_WEIGHT if word in _SMALL else 1.0
        yield f"w {word}", weight * (0.8 if word.startswith("@") else 1.0)
        if word.isascii() and len(word) > 3 and not word.startswith("@"):
            padded = f"<{word}>"
            share = 0.7 / (len(padded) - 2) ** 0.5
            for place in range(len(padded) - 2):
                yield f"c {padded[place : place + 3]}", share * weight
    for one, other in itertools.pairwise(words):
        yield f"p {one} {other}", 0.6
    for trio in zip(words, words[1:], words[2:], strict=False):
        if any("\u3400" <= word <= "\u9fff" for word in trio):
            yield "t " + " ".join(trio), 0.4
