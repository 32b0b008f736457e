"""Perplexity: how well a model predicts a text by itself, with no baseline.

The same windows and the same numbers as in a comparison (`retention.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from penjing.core.progress import Progress, Silent
from penjing.core.protocols import LanguageModel
from penjing.core.report import Measurement, Report
from penjing.evaluation import statistics
from penjing.evaluation.append_log import Ledger, Signature, fingerprint, refill
from penjing.evaluation.logprobs import blocks, negative_log_likelihood
from penjing.evaluation.reading import vocabulary_of
from penjing.evaluation.reference import log_probs
from penjing.evaluation.windows import Windows, cut, start_token


@dataclass(frozen=True)
class Alone:
    """The outcome of measuring one model on a text."""

    report: Report
    """The numbers; text, engine, hardware and hashes are for the caller to fill in."""
    surprise: npt.NDArray[np.float64]
    """-ln Q(token that followed) [windows, positions], nats."""


def measure_alone(
    model: LanguageModel,
    tokens: Sequence[int],
    context: int,
    *,
    windows: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    folder: Path | None = None,
    identity: str = "",
) -> Alone:
    """Perplexity of `model` on at most `windows` windows of `tokens`.

    With a `folder` and an `identity` (the model's exact content, for example its sha256) a killed
    measurement goes on where it stopped.
    """
    pieces = cut(tokens, context, start=start_token(model), limit=windows)
    vocabulary = vocabulary_of(model, pieces)
    surprise = np.zeros((len(pieces), pieces.scored))
    ledger = _ledger(folder, identity, pieces) if folder and identity else None
    done = refill(surprise, ledger)
    label, left = f"reading with {model.name}", (len(pieces) - done) * context
    heard = progress or Silent()
    if done:
        heard.note(f"{label}: {done} of {len(pieces)} windows are read already")
    with heard.task(label, left, unit="tokens") as bar:
        for window in range(done, len(pieces)):
            targets = pieces.targets(window)
            found = log_probs(model, pieces, window, vocabulary)
            for rows, block in zip(blocks(pieces.scored, vocabulary), found, strict=True):
                surprise[window, rows] = negative_log_likelihood(block, targets[rows])
            if ledger:
                ledger.append([surprise[window]])
            bar.advance(context)
    estimate = statistics.through(math.exp, statistics.mean(surprise, seed=seed, floor=0.0))
    perplexity = Measurement(
        "perplexity", estimate.value, estimate.low, estimate.high, surprise.size
    )
    report = Report(
        model=model.name,
        baseline=None,
        text="",
        context=context,
        windows=len(pieces),
        seed=seed,
        engine="",
        measurements=(perplexity,),
    )
    return Alone(report, surprise)


def _ledger(folder: Path, identity: str, windows: Windows) -> Ledger:
    signature: Signature = {
        "kind": "surprise, float64",
        "identity": identity,
        "tokens": fingerprint(windows.ids.tobytes()),
        "context": windows.context,
    }
    return Ledger(folder / "alone", signature, row_bytes=windows.scored * 8, rows=len(windows))
