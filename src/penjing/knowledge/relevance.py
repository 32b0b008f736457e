"""Whether a passage has to do with a question at all, as one number. Pure.

What is nearest is not always near: without this, every question would get an answer. The weights
are fitted on the dev questions of benchmarks/knowledge.py, which reports how they do on the others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from penjing.core.history import Excerpt
from penjing.vault.terms import segmented

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
    text = f"{excerpt.location}\n{excerpt.text}".lower()
    there = {_stem(word) for word in re.findall(r"\w+", segmented(text) or text)}
    found = sum(all(_stem(one) in there for one in re.findall(r"\w+", word)) for word in words)
    return found / len(words)


def _stem(word: str) -> str:
    if not word.isascii():
        return word
    return (word.removesuffix("s") if len(word) > 3 else word)[:_STEM]
