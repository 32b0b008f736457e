"""How much each tensor matters: one is rounded, the rest stays, and the KLD is measured.

Rounding error reaches the output nearly linearly while it is small, so the KLD it causes grows with
its square: what was measured for one codec (the probe) gives the others in proportion to their
weighted error (HAWQ, Dong et al. 2019, arXiv:1905.03696, has the same second-order argument).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from penjing.bundle.codecs import CODECS, Codec
from penjing.core.errors import PenjingError
from penjing.core.progress import Progress
from penjing.workshop.checkpoint import Checkpoint, TensorSource
from penjing.workshop.forward import Prefix, TorchModel
from penjing.workshop.search.budget import Choice
from penjing.workshop.search.rounding import candidates, errors, round_trip, stand_ins

PROBES = ("Q4_0", "IQ4_NL", "Q2_0", "Q8_0")
"""Tried in this order: the first that fits the tensor and changes it is its probe."""

CALM, UPSET = "IQ4_NL", 4.0
"""A probe this many times worse than IQ4_NL hit a super weight that other codecs keep: what it then
costs says nothing of them, so IQ4_NL probes instead. (Usually Q4_0 is 1.4 times worse.)"""

Floats = npt.NDArray[np.float32]
Importance = Mapping[str, Floats]


@dataclass(frozen=True)
class Sensitivity:
    """What was measured for one tensor."""

    probe: str
    """The codec it was rounded to."""
    kld: float
    """Mean KLD that caused, nats."""
    errors: Mapping[str, float]
    """Weighted squared error of every codec it could have, on the same rows; own codec 0."""

    def loss(self, codec: str) -> float:
        """Predicted mean KLD of this tensor in `codec`, nats."""
        if self.errors[codec] == 0.0:
            return 0.0
        return self.kld * self.errors[codec] / max(self.errors[self.probe], 1e-30)


def measure(
    checkpoint: Checkpoint,
    model: TorchModel,
    importance: Importance,
    windows: Sequence[Sequence[int]],
    *,
    known: Mapping[str, Sensitivity],
    found: Callable[[Mapping[str, Sensitivity]], None],
    progress: Progress,
) -> dict[str, Sensitivity]:
    """Sensitivity of every quantizable tensor over `windows` (equally long token lists).

    `known` are results of an earlier run; `found` hears of new ones block by block, so that a run
    that is killed loses at most one block.
    """
    require_filled(checkpoint, importance)
    tokens = torch.tensor([list(window) for window in windows])
    prefix = model.prefix(tokens, positions=scored(tokens.shape[-1]))
    out = dict(known)
    names = [name for name in checkpoint.quantizable if name not in out]
    with progress.task("sensitivity of every tensor", len(names), unit="tensors") as task:
        for layer, group in _by_layer(names).items():
            rounded = {}
            partial = {}
            for name in group:
                source, weights = checkpoint.tensors[name], checkpoint.tensors[name].load()
                probe, changed = _probe(source, weights, importance[name])
                rows = stand_ins(weights, changed, importance[name])
                codecs = sorted({*candidates(source), probe}, key=lambda codec: codec.name)
                found_errors = errors(source, importance[name], codecs, rows)
                by_codec = {codec: each.total for codec, each in found_errors.items()}
                if by_codec.get(CALM, math.inf) < by_codec[probe.name] / UPSET:
                    probe = CODECS[CALM]
                    changed = round_trip(probe, weights, importance[name])
                partial[name] = (probe.name, by_codec)
                rounded[name] = torch.from_numpy(changed)
            for name, kld in _effects(model, tokens, prefix, layer, rounded).items():
                probe_name, by_codec = partial[name]
                out[name] = Sensitivity(probe_name, kld, by_codec)
            found(out)
            task.advance(len(group))
    return out


def scored(length: int) -> slice:
    """The positions of a window that count: not the first few, which have seen too little."""
    return slice(min(16, length // 4), None)


def choices(
    checkpoint: Checkpoint, measured: Mapping[str, Sensitivity], padded: Callable[[int], int]
) -> dict[str, list[Choice]]:
    """What the budget solver chooses from: every codec of every tensor with bytes and loss."""
    return {
        name: [
            Choice(codec.name, padded(codec.nbytes(source.shape)), measured[name].loss(codec.name))
            for codec in candidates(source)
        ]
        for name in checkpoint.quantizable
        for source in [checkpoint.tensors[name]]
    }


def require_filled(checkpoint: Checkpoint, importance: Importance) -> None:
    """Raise unless every quantizable tensor has a filled importance: never round uncalibrated."""
    for name in checkpoint.quantizable:
        row = importance.get(name)
        if row is None or not row.any():
            raise PenjingError(
                f"the importance of '{name}' was never filled: calibrate again with more text"
            )


def _probe(source: TensorSource, weights: Floats, importance: Floats) -> tuple[Codec, Floats]:
    """The probe codec and the rounded weights."""
    for name in PROBES:
        codec = CODECS[name]
        if codec == source.codec or not codec.fits(source.shape[-1]):
            continue
        rounded = round_trip(codec, weights, importance)
        if not np.array_equal(rounded, weights):
            return codec, rounded
    raise PenjingError(
        f"no codec changes '{source.name}' (rows of {source.shape[-1]}): it cannot be compressed"
    )


def _by_layer(names: Sequence[str]) -> dict[int | None, list[str]]:
    """Names by block number; None for the tensors outside the blocks."""
    out: dict[int | None, list[str]] = {}
    for name in names:
        layer = int(name.split(".")[1]) if name.startswith("blk.") else None
        out.setdefault(layer, []).append(name)
    return out


def _effects(
    model: TorchModel,
    tokens: torch.Tensor,
    prefix: Prefix,
    layer: int | None,
    rounded: Mapping[str, torch.Tensor],
) -> dict[str, float]:
    """Mean KLD of each changed tensor; those of a block go through the rest as one batch."""
    if layer is None:
        return {name: _outside(model, tokens, prefix, name, w) for name, w in rounded.items()}
    variants = []
    with torch.no_grad():
        for name, weights in rounded.items():
            with model.replaced({name: weights}):
                variants.append(model.block(layer, prefix.inputs[layer]))
    divergence = model.divergence_from(prefix, layer + 1, torch.stack(variants))
    means = divergence.flatten(1).mean(1)
    return dict(zip(rounded, map(float, means), strict=True))


def _outside(
    model: TorchModel, tokens: torch.Tensor, prefix: Prefix, name: str, weights: torch.Tensor
) -> float:
    """The embedding changes everything behind it, a separate output head only the end."""
    with model.replaced({name: weights}), torch.no_grad():
        if name == "token_embd.weight":
            return float(model.divergence_from(prefix, 0, model.embed(tokens)).mean())
        last = len(prefix.inputs) - 1
        return float(model.divergence_from(prefix, last, prefix.inputs[last]).mean())
