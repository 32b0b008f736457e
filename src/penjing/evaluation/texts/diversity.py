"""Distinct-n and repetition: how varied texts are, among themselves and within each.

distinct-n (Li et al. 2016): different n-grams over all n-grams. It falls with length, so compare
texts of like length. Repetition: the share of a text's 4-grams that stood in it before (Welleck et
al. 2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from penjing.evaluation.texts.words import Rule, ngrams, words_of


def distinct(lines: Sequence[str], n: int, rule: Rule) -> float:
    """Different n-grams of all lines, as a share; NaN where there are none."""
    every = [gram for line in lines for gram in ngrams(words_of(line, rule), n)]
    return len(set(every)) / len(every) if every else math.nan


def repetitions(lines: Sequence[str], rule: Rule, n: int = 4) -> list[float]:
    """Of each line that has n-grams, the share of them that stood in it before."""
    found = []
    for line in lines:
        grams = ngrams(words_of(line, rule), n)
        if grams:
            found.append(1 - len(set(grams)) / len(grams))
    return found


def repetition(lines: Sequence[str], rule: Rule) -> float:
    """The mean over lines; NaN where all are too short."""
    found = repetitions(lines, rule)
    return float(np.mean(found)) if found else math.nan
