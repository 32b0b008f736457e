"""A tiny model, its weights rounded once, and what whole forward passes say of a plan."""

from __future__ import annotations

from functools import cache

import numpy as np
import tiny
import torch

from penjing.bundle.gguf_values import Value, ValueKind
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.forward import TorchModel
from penjing.workshop.search.means import Means
from penjing.workshop.search.rounder import Rounder
from penjing.workshop.search.wavefront import Plan, scored
from penjing.workshop.tensors import TensorSource

WINDOWS = np.random.default_rng(5).integers(3, 260, (2, 24)).tolist()
EXACT = Means(ram=10**8, dtype=torch.float64)


def full(family: str, layers: int = 2, *, head: bool = True) -> Checkpoint:
    """A tiny model with every optional tensor, and for Gemma a window and a cap."""
    plain = tiny.checkpoint(family, layers=layers)
    noise = np.random.default_rng(11)
    extra = {}
    for name, kind, _ in plain.architecture.expected(layers):
        if name in plain.tensors or name == "rope_freqs.weight":
            continue
        if name == "output.weight" and not head:
            continue
        weights = noise.normal(0, 0.2, kind.dimensions(plain.config)).astype(np.float32)
        extra[name] = TensorSource.of(name, weights)
    metadata = dict(plain.metadata)
    if family == "gemma3":
        metadata["gemma3.final_logit_softcapping"] = Value(ValueKind.FLOAT32, 1.5)
    return Checkpoint.of("full", metadata, {**plain.tensors, **extra})


@cache
def case(family: str, *, head: bool = True) -> tuple[Checkpoint, Rounder]:
    """A model and its rounded weights, rounded once for all tests."""
    checkpoint, noise = full(family, head=head), np.random.default_rng(1)
    importance = {
        name: noise.uniform(0.5, 2, checkpoint.tensors[name].shape[-1]).astype(np.float32)
        for name in checkpoint.quantizable
    }
    return checkpoint, Rounder(checkpoint, importance, keep=10**8)


def straight(checkpoint: Checkpoint, rounder: Rounder, plan: Plan) -> tuple[float, float]:
    """KLD and same-top from two whole forward passes in float64."""
    model = TorchModel.load(checkpoint, dtype=torch.float64)
    changes = {name: rounder(name, codec, slice(None)).double() for name, codec in plan.items()}
    tokens, positions = torch.tensor(WINDOWS), scored(len(WINDOWS[0]))
    with torch.no_grad():
        clean = model.forward(tokens, positions=positions)
        with model.replaced(changes):
            other = model.forward(tokens, positions=positions)
    p, q = clean.log_softmax(-1), other.log_softmax(-1)
    same = (clean.argmax(-1) == other.argmax(-1)).double().mean()
    return float((p.exp() * (p - q)).sum(-1).mean()), float(same)
