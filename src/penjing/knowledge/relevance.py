"""Relevance: whether a passage has to do with a question at all, as one number. Pure.

What is nearest is not always near: without this, every question would get an answer. The weights
are fitted on the dev questions of benchmarks/knowledge.py, which reports how they do on the others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache

from penjing.core.folding import folded
from penjing.core.history import Excerpt

THRESHOLD = 0.5
"""A question has an answer when one of its best passages reaches this."""
FLOOR = 0.05
"""Beside such a passage, others need no more than this."""
_BIAS, _COSINE, _COVERAGE = -151.5, 171.9, 17.2
_STEM = 5
"""Letters by which forms of one word are known."""


def relevance(words: Sequence[str], excerpt: Excerpt, cosine: float) -> float:
    """0 to 1: a logistic function of the cosine and the share of the words that are there."""
    return 1 / (1 + math.exp(-(_BIAS + _COSINE * cosine + _COVERAGE * coverage(words, excerpt))))


def coverage(words: Sequence[str], excerpt: Excerpt) -> float:
    """The share of the question's words that stand in the passage or its heading."""
    if not words:
        return 0.0
    text = folded(f"{excerpt.location}\n{excerpt.text}").lower()
    found = sum(all(form.search(text) for form in _forms(word)) for word in words)
    return found / len(words)


@lru_cache(4096)
def _forms(word: str) -> tuple[re.Pattern[str], ...]:
    """What finds the word, or each part of one with a dash: at the start of a word, but for runs
    of Chinese, and to its end where it is short.
    """
    return tuple(_form(part) for part in re.findall(r"\w+", word))


def _form(part: str) -> re.Pattern[str]:
    if not part.isascii():
        return re.compile(re.escape(part))
    stem = (part.removesuffix("s") if len(part) > 3 else part)[:_STEM]
    return re.compile(rf"(?<![a-z0-9_]){stem}" + ("" if len(stem) == _STEM else r"s?(?![a-z0-9_])"))
