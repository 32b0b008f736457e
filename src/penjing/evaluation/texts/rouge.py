"""ROUGE-1, ROUGE-2 and ROUGE-L of lines against references: F1 of shared words (Lin 2004).

Words as in `answers.py` of the tasks, but with articles: small letters, no punctuation, a Chinese
character is a word; no stemming. The mean over lines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from penjing.evaluation.texts.words import ngrams

MOST_WORDS = 2000
"""Of a line, for the longest common subsequence."""
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")


def words(line: str) -> list[str]:
    """What is counted."""
    return _WORD.findall(line.lower())[:MOST_WORDS]


def rouge_n(line: str, reference: str, n: int) -> float:
    """F1 of n-grams."""
    one, other = Counter(ngrams(words(line), n)), Counter(ngrams(words(reference), n))
    return _f1((one & other).total(), one.total(), other.total())


def rouge_l(line: str, reference: str) -> float:
    """F1 of the longest common subsequence."""
    one, other = words(line), words(reference)
    return _f1(_common(one, other), len(one), len(other))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    row = [0] * (len(other) + 1)
    for word in one:
        before = 0
        for at, wanted in enumerate(other, 1):
            before, row[at] = row[at], before + 1 if word == wanted else max(row[at], row[at - 1])
    return row[-1]


def _f1(shared: int, found: int, wanted: int) -> float:
    return 2 * shared / (found + wanted) if shared else 0.0
