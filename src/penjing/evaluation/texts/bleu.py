"""BLEU of lines against references: precision of 1- to 4-grams, with a brevity penalty.

Papineni et al. 2002, over the whole corpus, with NIST's smoothing ("exp"): sacrebleu's default, to
the last digit. Also of one line against several others, for self-BLEU.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from penjing.evaluation.texts.words import Rule, ngrams, words_of

ORDER = 4
Counts = npt.NDArray[np.int64]
"""[2 + 2 * ORDER]: tokens, tokens of the nearest reference, right n-grams, n-grams."""


def counts_of(tokens: Sequence[str], references: Sequence[Sequence[str]]) -> Counts:
    """What BLEU counts in one line; counts of lines add up."""
    nearest = min((abs(len(one) - len(tokens)), len(one)) for one in references)[1]
    right, total = [], []
    for n in range(1, ORDER + 1):
        found = Counter(ngrams(tokens, n))
        allowed: Counter[tuple[str, ...]] = Counter()
        for one in references:
            allowed |= Counter(ngrams(one, n))
        right.append(sum((found & allowed).values()))
        total.append(sum(found.values()))
    return np.array([len(tokens), nearest, *right, *total], np.int64)


def score(counts: Counts, *, short: bool = False) -> float:
    """BLEU, 0 to 100. `short`: orders that the line is too short for do not count."""
    length, wanted = int(counts[0]), int(counts[1])
    right, total = counts[2 : 2 + ORDER].tolist(), counts[2 + ORDER :].tolist()
    if not any(right) or not length:
        return 0.0
    penalty = math.exp(1 - wanted / length) if length < wanted else 1.0
    logs, smooth, orders = 0.0, 1.0, ORDER
    for n in range(ORDER):
        if not total[n]:
            if not short:
                return 0.0
            orders = n
            break
        if not right[n]:
            smooth *= 2
        logs += math.log(100 * right[n] / total[n] if right[n] else 100 / (smooth * total[n]))
    return penalty * math.exp(logs / orders)


def bleu(lines: Sequence[str], references: Sequence[str], rule: Rule) -> float:
    """BLEU of a corpus, a reference for each line."""
    pairs = zip(lines, references, strict=True)
    rows = [counts_of(words_of(a.rstrip(), rule), [words_of(b.rstrip(), rule)]) for a, b in pairs]
    return score(np.sum(rows, axis=0))


def self_bleu(lines: Sequence[str], rule: Rule, *, most: int, seed: int) -> float:
    """How alike the lines are: mean BLEU of each against all others (Zhu et al. 2018), 0 to 100.

    At most `most` lines, drawn by the seed.
    """
    drawn = np.random.default_rng(seed).permutation(len(lines))[:most]
    tokens = [words_of(lines[i], rule) for i in sorted(drawn.tolist())]
    if len(tokens) < 2:
        return math.nan
    scores = [
        score(counts_of(one, tokens[:at] + tokens[at + 1 :]), short=True)
        for at, one in enumerate(tokens)
    ]
    return float(np.mean(scores))
