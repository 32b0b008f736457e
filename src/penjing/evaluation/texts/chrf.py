"""chrF of lines against references: an F2 of character 1- to 6-grams without spaces.

Popovic 2015, as sacrebleu's chrF2 has it, to the last digit: precisions and recalls are averaged
over the orders that both sides have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

ORDER = 6
_BETA = 2
Counts = npt.NDArray[np.int64]
"""[ORDER, 3]: n-grams of the line, of the reference, of both."""


def counts_of(line: str, reference: str) -> Counts:
    """What chrF counts in one line; counts of lines add up."""
    one, other = "".join(line.split()), "".join(reference.split())
    rows = []
    for n in range(1, ORDER + 1):
        found = Counter(one[i : i + n] for i in range(len(one) - n + 1))
        wanted = Counter(other[i : i + n] for i in range(len(other) - n + 1))
        rows.append(
            [sum(found.values()) if wanted else 0, wanted.total(), (found & wanted).total()]
        )
    return np.array(rows, np.int64)


def score(counts: Counts) -> float:
    """chrF2, 0 to 100."""
    precisions: list[float] = []
    recalls: list[float] = []
    for found, wanted, both in counts.tolist():
        if found and wanted:
            precisions.append(both / found)
            recalls.append(both / wanted)
    if not precisions:
        return 0.0
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    if precision + recall == 0:
        return 0.0
    factor = _BETA**2
    mean = (1 + factor) * precision * recall / (factor * precision + recall)
    return 100 * mean


def chrf(lines: Sequence[str], references: Sequence[str]) -> float:
    """chrF2 of a corpus, a reference for each line."""
    return score(np.sum([counts_of(a, b) for a, b in zip(lines, references, strict=True)], axis=0))
