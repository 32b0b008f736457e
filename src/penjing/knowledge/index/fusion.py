"""Two rankings become one: weighted reciprocal rank fusion (Cormack, Clarke and Buettcher, 2009).

Only ranks count, so that scores of two kinds need not be made comparable.
"""

from __future__ import annotations

from collections.abc import Sequence

CONSTANT = 20
"""The paper's k: how little the first place differs from the second. Both numbers are the best of
the dev questions of benchmarks/knowledge.py; the neighbours are hardly worse."""
MEANING = 0.6
"""How much the ranking by meaning counts; the one by words has the rest."""


def fused(by_words: Sequence[int], by_meaning: Sequence[int]) -> dict[int, float]:
    """Each number's score, best first; what leads both rankings gets 1."""
    scores: dict[int, float] = {}
    for ranking, weight in ((by_words, 1 - MEANING), (by_meaning, MEANING)):
        for place, number in enumerate(ranking):
            share = weight * (CONSTANT + 1) / (CONSTANT + 1 + place)
            scores[number] = scores.get(number, 0.0) + share
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0])))
