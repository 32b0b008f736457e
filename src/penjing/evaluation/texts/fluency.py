"""Fluency: perplexity of texts under another model, beside the same words shuffled.

Each text is read by itself from its first token on, by the model that was named: numbers compare
under one model only. What is said again and again is likely as well: look at repetition beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from penjing.core.continuations import Continuer, Fork
from penjing.core.progress import Progress, Silent
from penjing.core.protocols import LanguageModel
from penjing.core.report import Measurement
from penjing.evaluation import statistics
from penjing.evaluation.tasks.likelihood import log_likelihoods
from penjing.evaluation.texts.measure import LEAST_LINES
from penjing.evaluation.texts.words import rule_for

Doubles = npt.NDArray[np.float64]
_TOGETHER = 32


def fluency(
    model: LanguageModel,
    continuer: Continuer,
    lines: Sequence[str],
    *,
    seed: int,
    progress: Progress | None = None,
) -> tuple[Measurement, Measurement] | None:
    """Perplexity of the mean line, and of the shuffled control; None where no line has two tokens.

    A line's surprise is the mean over its tokens (nats), so that long ones do not count more.
    """
    heard = progress or Silent()
    with heard.task(f"fluency under {model.name}", 2 * len(lines), unit="texts") as bar:
        found = _surprise(model, continuer, lines, bar.advance)
        other = _surprise(model, continuer, shuffled(lines, seed), bar.advance)
    if not len(found) or not len(other):
        return None
    metric = "fluency_perplexity"
    return _perplexity(metric, found, seed), _perplexity(metric, other, seed)


def shuffled(lines: Sequence[str], seed: int) -> list[str]:
    """The same words of each line in another order; of Chinese, the same characters."""
    rng = np.random.default_rng(seed)
    apart = "" if rule_for(lines) == "zh" else " "
    words = [list(line) if not apart else line.split() for line in lines]
    return [apart.join(one[i] for i in rng.permutation(len(one))) for one in words]


def _surprise(
    model: LanguageModel,
    continuer: Continuer,
    lines: Sequence[str],
    advance: Callable[[float], None],
) -> Doubles:
    found: list[float] = []
    for first in range(0, len(lines), _TOGETHER):
        some = lines[first : first + _TOGETHER]
        tokens = [model.tokenize(line)[: continuer.longest] for line in some]
        forks = [Fork(tuple(one[:1]), (tuple(one[1:]),)) for one in tokens if len(one) > 1]
        for fork, each in zip(forks, log_likelihoods(continuer, forks), strict=True):
            found.append(-float(each.sums[0]) / len(fork.branches[0]))
        advance(len(some))
    return np.array(found)


def _perplexity(metric: str, surprise: Doubles, seed: int) -> Measurement:
    estimate = statistics.mean(surprise[:, None], seed=seed, floor=0.0)
    found = statistics.through(math.exp, estimate)
    if len(surprise) < LEAST_LINES or found.high is None:
        return Measurement(metric, found.value, None, None, len(surprise))
    return Measurement(metric, found.value, found.low, found.high, len(surprise))
