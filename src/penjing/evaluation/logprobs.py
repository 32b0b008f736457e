"""From logits to log-probabilities, and from two of them to what differs. Pure numpy.

Works in place on small blocks of rows that stay in the processor's cache: float32 throughout,
sums in float64. For logits of ordinary size the error of a log-probability is below 5e-6 nats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penjing.core.errors import EngineError

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_BLOCK_VALUES = 2**18
"""Values in a block, about 1 MB."""


def blocks(rows: int, vocabulary: int) -> Iterator[slice]:
    """Slices that walk `rows` rows a block at a time."""
    step = block_rows(vocabulary)
    for first in range(0, rows, step):
        yield slice(first, min(first + step, rows))


def block_rows(vocabulary: int) -> int:
    """Rows in a block."""
    return max(1, _BLOCK_VALUES // vocabulary)


def log_softmax(logits: Floats, out: Floats, scratch: Floats) -> Floats:
    """Log-probabilities of every row of [rows, vocabulary] into `out`, which is returned.

    Raises EngineError when a logit is not a finite number.
    """
    highest = logits.max(axis=1, keepdims=True)
    with np.errstate(over="ignore", invalid="ignore"):
        spread = highest - logits.min(axis=1, keepdims=True)
    if not np.isfinite(spread).all():
        raise EngineError("a logit is not a finite number")
    np.subtract(logits, highest, out=out)
    np.exp(out, out=scratch)
    total = scratch.sum(axis=1, keepdims=True, dtype=np.float64)
    np.subtract(out, np.log(total).astype(np.float32), out=out)
    return out


@dataclass(frozen=True)
class Differences:
    """What differs between a baseline and a model, one value for each row."""

    kld: Doubles
    """KL divergence of the model's distribution from the baseline's, nats."""
    same_top: npt.NDArray[np.bool_]
    """Whether both find the same token likeliest; of equals, the first counts."""
    mass: Doubles
    """What the baseline's probabilities sum to: 1, up to rounding."""


def compare(baseline: Floats, model: Floats, scratch: Floats) -> Differences:
    """Compare log-probabilities [rows, vocabulary]. Overwrites `model` and `scratch`.

    Rounding can leave a KLD a little below zero (above -1e-5); it is not clipped here. A baseline
    that is no distribution gives numbers that are none, and no warning: look at `mass`.
    """
    same_top = baseline.argmax(axis=1) == model.argmax(axis=1)
    with np.errstate(invalid="ignore", over="ignore"):
        np.subtract(baseline, model, out=model)
        np.exp(baseline, out=scratch)
        mass = scratch.sum(axis=1, dtype=np.float64)
        np.multiply(scratch, model, out=model)
    return Differences(kld=model.sum(axis=1, dtype=np.float64), same_top=same_top, mass=mass)


def negative_log_likelihood(log_probs: Floats, targets: npt.NDArray[np.int32]) -> Doubles:
    """Surprise, in nats, at the token that did follow; one value for each row."""
    return -log_probs[np.arange(len(targets)), targets].astype(np.float64)
