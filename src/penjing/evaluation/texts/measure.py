"""What texts are like: nearness to references, and how varied they are.

Intervals: 1000 resamples of lines (Koehn 2004). A shuffled control stands beside what compares with
references: the same numbers when every line is held against another line's reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from penjing.core.report import Measurement
from penjing.evaluation.texts import bleu, chrf, diversity, rouge
from penjing.evaluation.texts.words import Rule, words_of

RESAMPLES = 1000
LEAST_LINES = 4
"""Below this no interval is given: resamples are too often one line again and again."""
MOST_ALIKE = 200
"""Lines that self-BLEU holds against each other."""
Table = npt.NDArray[Any]


@dataclass(frozen=True)
class TextReport:
    """What was found."""

    texts: str
    """Where they come from."""
    references: str | None
    """Where the references come from."""
    n: int
    """Lines."""
    rule: Rule
    """How words were parted."""
    seed: int
    """Of intervals, of the control and of the lines of self-BLEU."""
    measurements: tuple[Measurement, ...]
    """The numbers: BLEU and chrF from 0 to 100, the others shares."""
    control: tuple[Measurement, ...]
    """The same against other lines' references, other questions and shuffled words."""
    under: str | None = None
    """The model that fluency was measured under."""
    embedder: str | None = None
    """The model that relevance was measured with."""

    def with_more(
        self,
        found: Sequence[Measurement],
        control: Sequence[Measurement],
        *,
        under: str | None = None,
        embedder: str | None = None,
    ) -> TextReport:
        """With what a model said of the texts, and which."""
        return replace(
            self,
            measurements=(*self.measurements, *found),
            control=(*self.control, *control),
            under=under or self.under,
            embedder=embedder or self.embedder,
        )

    def find(self, metric: str) -> Measurement:
        """The measurement of that name. Raises KeyError."""
        return {one.metric: one for one in self.measurements}[metric]

    def document(self) -> dict[str, Any]:
        """The report as plain data for JSON; a value is NaN where there was nothing to count."""
        return asdict(self)


def against(
    lines: Sequence[str], references: Sequence[str], rule: Rule, seed: int
) -> tuple[Measurement, ...]:
    """BLEU, chrF and ROUGE of lines, a reference each."""
    pairs = list(zip(lines, references, strict=True))
    counted = [
        bleu.counts_of(words_of(a.rstrip(), rule), [words_of(b.rstrip(), rule)]) for a, b in pairs
    ]
    letters = [chrf.counts_of(a, b) for a, b in pairs]
    shares: dict[str, Callable[[str, str], float]] = {
        "rouge1": lambda a, b: rouge.rouge_n(a, b, 1),
        "rouge2": lambda a, b: rouge.rouge_n(a, b, 2),
        "rougeL": rouge.rouge_l,
    }
    return (
        _measured("bleu", np.array(counted), bleu.score, seed, ""),
        _measured("chrf", np.array(letters), chrf.score, seed, ""),
        *(
            _mean(name, np.array([function(a, b) for a, b in pairs]), seed)
            for name, function in shares.items()
        ),
    )


def varied(lines: Sequence[str], rule: Rule, seed: int) -> Iterator[Measurement]:
    """distinct-1 and -2, self-BLEU and repetition of lines."""
    n = len(lines)
    for order in (1, 2):
        value = diversity.distinct(lines, order, rule)
        yield Measurement(f"distinct{order}", value, None, None, n, "share")
    alike = bleu.self_bleu(lines, rule, most=MOST_ALIKE, seed=seed)
    yield Measurement("self_bleu", alike, None, None, min(n, MOST_ALIKE), "")
    if repeated := diversity.repetitions(lines, rule):
        yield _mean("repetition", np.array(repeated), seed)


def measure_texts(
    name: str,
    lines: Sequence[str],
    references_name: str | None,
    references: Sequence[str] | None,
    rule: Rule,
    *,
    seed: int,
) -> TextReport:
    """All of it."""
    near: tuple[Measurement, ...] = ()
    control: tuple[Measurement, ...] = ()
    if references is not None:
        near = against(lines, references, rule, seed)
        if len(lines) > 1:
            control = against(lines, shifted(references, seed), rule, seed)
    every = (*near, *varied(lines, rule, seed))
    return TextReport(name, references_name, len(lines), rule, seed, every, control)


def shifted(references: Sequence[str], seed: int) -> list[str]:
    """Every line's reference is another line's."""
    by = int(np.random.default_rng(seed).integers(1, len(references)))
    return [*references[by:], *references[:by]]


def _measured(
    metric: str, rows: Table, score: Callable[[Table], float], seed: int, unit: str
) -> Measurement:
    rng, n = np.random.default_rng(seed), len(rows)
    if n < LEAST_LINES:
        return Measurement(metric, score(rows.sum(axis=0)), None, None, n, unit)
    scores = [score(rows[rng.integers(0, n, n)].sum(axis=0)) for _ in range(RESAMPLES)]
    low, high = (float(np.quantile(scores, q)) for q in (0.025, 0.975))
    value = score(rows.sum(axis=0))
    return Measurement(metric, value, min(low, value), max(high, value), n, unit)


def _mean(metric: str, values: Table, seed: int) -> Measurement:
    return _measured(metric, values, lambda total: float(total / len(values)), seed, "share")
