"""Exact match and token F1 of a written answer, as SQuAD has them (Rajpurkar et al. 2016, 3.1).

Both sides in small letters, without punctuation and articles; F1 is of the words they share. In
Chinese and Japanese a character is a word. Of several right answers the nearest counts.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_IDEOGRAPHS = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")


def normalized(text: str) -> str:
    """Small letters, no punctuation, no English articles, single spaces."""
    plain = unicodedata.normalize("NFKC", text).lower()
    plain = "".join(one for one in plain if unicodedata.category(one)[0] not in "PS")
    return " ".join(_ARTICLES.sub(" ", plain).split())


def words(text: str) -> list[str]:
    """The words that F1 counts."""
    return _IDEOGRAPHS.sub(r" \1 ", normalized(text)).split()


def exact_match(answer: str, references: Sequence[str]) -> bool:
    """Whether an answer is one of the right ones, but for case, punctuation and articles."""
    return normalized(answer) in map(normalized, references)


def f1(answer: str, references: Sequence[str]) -> float:
    """Harmonic mean of precision and recall of words, against the nearest right answer."""
    return max((_f1(words(answer), words(one)) for one in references), default=0.0)


def _f1(answer: list[str], reference: list[str]) -> float:
    if not answer or not reference:
        return float(answer == reference)
    shared = sum((Counter(answer) & Counter(reference)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(answer), shared / len(reference)
    return 2 * precision * recall / (precision + recall)
