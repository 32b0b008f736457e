"""Retention: what a model kept of its baseline, position by position and as numbers with intervals.

The baseline's distribution P comes from a recording (`reference.py`), the model's Q from its own
logits on the same windows. Metrics, as llama.cpp's perplexity tool defines them:

    perplexity, baseline_perplexity   exp of the mean surprise at the token that did follow
    perplexity_ratio                  the first over the second; its interval is a paired one
    kld_mean, _median, _p99, _max     sum over the vocabulary of P ln(P / Q), nats
    same_top                          share of positions where P and Q have the same likeliest token
    prob_delta_rms                    root mean square of Q - P for the token that did follow

Every interval is a 95% interval over positions of texts of this kind (see `statistics.py`), except
that of the maximum, which data bound from below only. Must not know files, commands or engines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penjing.core.errors import BadInput, IntegrityError
from penjing.core.progress import Progress, Silent
from penjing.core.protocols import LanguageModel
from penjing.core.report import Measurement, Report
from penjing.evaluation import statistics
from penjing.evaluation.append_log import Ledger, Signature, fingerprint, refill
from penjing.evaluation.logprobs import block_rows, blocks, compare, negative_log_likelihood
from penjing.evaluation.reading import require_same_vocabulary, vocabulary_of
from penjing.evaluation.reference import Reference, log_probs
from penjing.evaluation.statistics import Estimate

Table = npt.NDArray[np.float64]

_ROUNDING = 1e-3
"""A sum of probabilities further from 1, or a KLD further below 0, than this is no rounding."""


@dataclass(frozen=True)
class Positions:
    """What happened at each scored position; every array is [windows, positions]."""

    surprise: Table
    """-ln Q(token that followed), nats."""
    baseline_surprise: Table
    """-ln P(token that followed), nats."""
    kld: Table
    """KL divergence of Q from P, nats, never below zero."""
    same_top: npt.NDArray[np.bool_]
    """Whether P and Q have the same likeliest token."""

    @property
    def prob_delta(self) -> Table:
        """Q - P for the token that followed."""
        return np.exp(-self.surprise) - np.exp(-self.baseline_surprise)


@dataclass(frozen=True)
class Kept:
    """The outcome of measuring one model against a recorded baseline."""

    report: Report
    """The numbers; text, engine, hardware and hashes are for the caller to fill in."""
    positions: Positions
    """Where they come from, for plots and paired comparisons."""


def measure(
    model: LanguageModel,
    reference: Reference,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    identity: str = "",
) -> Kept:
    """Measure `model` against `reference`.

    With an `identity` (the model's exact content, for example its sha256) a killed measurement
    goes on where it stopped. Raises BadInput when the vocabularies differ, EngineError when a
    logit is not a finite number.
    """
    positions = _compare_windows(model, reference, progress or Silent(), identity)
    report = Report(
        model=model.name,
        baseline=reference.name,
        text="",
        context=reference.windows.context,
        windows=len(reference.windows),
        seed=seed,
        engine="",
        measurements=summarise(positions, seed=seed),
    )
    return Kept(report, positions)


def summarise(positions: Positions, *, seed: int = 0) -> tuple[Measurement, ...]:
    """Every metric with its interval."""
    kld, n = positions.kld, positions.kld.size
    surprise, before = positions.surprise, positions.baseline_surprise

    def mean(values: Table, floor: float | None = None, ceiling: float | None = None) -> Estimate:
        return statistics.mean(values, seed=seed, floor=floor, ceiling=ceiling)

    def row(metric: str, estimate: Estimate, unit: str = "") -> Measurement:
        return Measurement(metric, estimate.value, estimate.low, estimate.high, n, unit)

    return (
        row("perplexity", statistics.through(math.exp, mean(surprise, floor=0.0))),
        row("baseline_perplexity", statistics.through(math.exp, mean(before, floor=0.0))),
        row("perplexity_ratio", statistics.through(math.exp, mean(surprise - before))),
        row("kld_mean", mean(kld, floor=0.0), "nats"),
        row("kld_median", statistics.quantile(kld, 0.5, floor=0.0), "nats"),
        row("kld_p99", statistics.quantile(kld, 0.99, floor=0.0), "nats"),
        row("kld_max", statistics.maximum(kld), "nats"),
        row("same_top", statistics.share(positions.same_top), "share"),
        row(
            "prob_delta_rms",
            statistics.through(math.sqrt, mean(positions.prob_delta**2, 0.0, 1.0)),
            "share",
        ),
    )


def paired_difference(
    a: npt.ArrayLike, b: npt.ArrayLike, *, seed: int = 0, metric: str = "difference", unit: str = ""
) -> Measurement:
    """The mean of a - b, two values of the same positions [windows, positions], for example the
    KLD of two candidates. Pairing removes what both share: an interval without zero in it says
    that they differ, even where their own intervals overlap.
    """
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if left.shape != right.shape:
        raise BadInput(
            f"positions of shape {left.shape} and {right.shape} cannot be paired: "
            "measure both on the same windows"
        )
    estimate = statistics.mean(left - right, seed=seed)
    return Measurement(metric, estimate.value, estimate.low, estimate.high, left.size, unit)


def _compare_windows(
    model: LanguageModel, reference: Reference, progress: Progress, identity: str
) -> Positions:
    windows = reference.windows
    vocabulary = vocabulary_of(model, windows)
    require_same_vocabulary(model.name, vocabulary, reference.name, reference.vocabulary)
    table = np.zeros((len(windows), 4, windows.scored))
    ledger = _ledger(reference, identity, table[0].nbytes) if identity else None
    done = refill(table, ledger)
    label, left = f"comparing {model.name}", (len(windows) - done) * windows.context
    if done:
        progress.note(f"{label}: {done} of {len(windows)} windows are read already")
    with progress.task(label, left, unit="tokens") as bar:
        for window in range(done, len(windows)):
            table[window] = _compare_window(model, reference, window)
            if ledger:
                ledger.append([table[window]])
            bar.advance(windows.context)
    surprise, before, kld, same_top = (table[:, column] for column in range(4))
    return Positions(surprise, before, kld, same_top > 0.5)


def _compare_window(model: LanguageModel, reference: Reference, window: int) -> Table:
    """Surprise, the baseline's surprise, KLD and same-top of a window [4, positions]."""
    windows, vocabulary = reference.windows, reference.vocabulary
    targets = windows.targets(window)
    out = np.empty((4, windows.scored))
    scratch = np.empty((block_rows(vocabulary), vocabulary), dtype=np.float32)
    pairs = zip(
        blocks(windows.scored, vocabulary),
        reference.read(window),
        log_probs(model, windows, window, vocabulary),
        strict=True,
    )
    for rows, before, after in pairs:
        out[0, rows] = negative_log_likelihood(after, targets[rows])
        out[1, rows] = negative_log_likelihood(before, targets[rows])
        found = compare(before, after, scratch[: len(after)])
        out[2, rows], out[3, rows] = found.kld, found.same_top
        # written so that NaN fails it
        if not (np.abs(found.mass - 1.0).max() < _ROUNDING and found.kld.min() > -_ROUNDING):
            raise IntegrityError(
                f"the recorded baseline in {reference.folder} is damaged: delete it and run again"
            )
    out[2] = np.maximum(out[2], 0.0)
    return out


def _ledger(reference: Reference, identity: str, row_bytes: int) -> Ledger:
    signature: Signature = {
        "kind": "surprise, baseline surprise, KLD, same-top, float64",
        "identity": identity,
        "baseline": fingerprint(repr(sorted(reference.signature.items())).encode()),
    }
    name = "measured-" + fingerprint(repr(sorted(signature.items())).encode())[:16]
    return Ledger(
        reference.folder / name, signature, row_bytes=row_bytes, rows=len(reference.windows)
    )
