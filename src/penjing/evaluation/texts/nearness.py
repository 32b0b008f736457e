"""Embedding similarity of texts and the questions they answer, beside a shuffled control.

The cosine of question and answer says little by itself: vectors of one model all point much the
same way. So the same answers are held against other questions, and it is counted how often the own
question is nearer than a random other one (0.5: no relation).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from penjing.core.protocols import Embedder
from penjing.core.report import Measurement
from penjing.evaluation import statistics
from penjing.evaluation.statistics import Estimate

MOST_TOGETHER = 64


def relevance(
    embedder: Embedder, lines: Sequence[str], questions: Sequence[str], *, seed: int
) -> tuple[tuple[Measurement, ...], tuple[Measurement, ...]]:
    """Cosine and how often the own question is nearer; and the cosine with other questions."""
    asked, said = _vectors(embedder, questions, "query"), _vectors(embedder, lines, "passage")
    table = said @ asked.T
    n = len(table)
    own = np.diag(table).astype(np.float64)
    others = (table.sum(axis=1) - own) / max(1, n - 1)
    nearer = (own[:, None] > table).sum(axis=1) / max(1, n - 1)
    return (
        _as_measurement("relevance", statistics.mean(own[:, None], seed=seed), n, ""),
        _as_measurement("own_question_nearer", statistics.mean(nearer[:, None], seed=seed), n),
    ), (_as_measurement("relevance", statistics.mean(others[:, None], seed=seed), n, ""),)


def _vectors(
    embedder: Embedder, texts: Sequence[str], kind: Literal["query", "passage"]
) -> npt.NDArray[np.float32]:
    parts = [
        embedder.embed(texts[first : first + MOST_TOGETHER], kind)
        for first in range(0, len(texts), MOST_TOGETHER)
    ]
    return np.concatenate(parts)


def _as_measurement(metric: str, found: Estimate, n: int, unit: str = "share") -> Measurement:
    return Measurement(metric, found.value, found.low, found.high, n, unit)
