"""Tiny models with every optional tensor, what they compute, and what the engine says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from exact import make_exact

from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.forward import TorchModel
from penjing.workshop.tensors import TensorSource

TOKENS = torch.tensor(np.random.default_rng(7).integers(3, 260, 48))


def whole(family: str, *, layers: int = 2, hidden: int = 64, tied: bool = False) -> Checkpoint:
    """A tiny model with every bias its family may have; with an own head unless `tied`."""
    plain = tiny.checkpoint(family, layers=layers, hidden=hidden)
    noise = np.random.default_rng(11)
    extra = dict(plain.tensors)
    for name, kind, _ in plain.architecture.expected(layers):
        if name in extra or name == "rope_freqs.weight" or (tied and name == "output.weight"):
            continue
        weights = noise.normal(0, 0.2, kind.dimensions(plain.config)).astype(np.float32)
        extra[name] = TensorSource.of(name, weights)
    return Checkpoint.of(f"whole-{family}", plain.metadata, extra)


def logits(checkpoint: Checkpoint) -> torch.Tensor:
    """What a checkpoint says to TOKENS, in float64 [T, vocab]."""
    with torch.no_grad():
        return TorchModel.load(checkpoint, dtype=torch.float64).forward(TOKENS)


class _Recording(TorchModel):
    """Keeps what each matrix multiplies."""

    seen: dict[str, torch.Tensor]

    def _linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        self.seen[f"{name}.weight"] = x.reshape(-1, x.shape[-1])
        return super()._linear(x, name)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        name = "output.weight" if "output.weight" in self.weights else "token_embd.weight"
        self.seen[name] = self._norm(hidden, "output_norm")
        return super().logits(hidden)


def mean_squares(checkpoint: Checkpoint) -> dict[str, np.ndarray[Any, Any]]:
    """Importance of every matrix that multiplies, over TOKENS, straight from its definition."""
    model = _Recording.load(checkpoint, dtype=torch.float64)
    model.seen = {}
    with torch.no_grad():
        model.forward(TOKENS)
    return {name: x.square().mean(0).numpy().astype(np.float32) for name, x in model.seen.items()}


def engine_logits(
    checkpoint: Checkpoint, path: Path, monkeypatch: pytest.MonkeyPatch
) -> np.ndarray[Any, Any]:
    """What the engine says of the exported F32 file."""
    make_exact(monkeypatch)
    export_gguf(checkpoint, path, {})
    with LlamaCpp.open(path, threads=1) as engine:
        return np.array(engine.score(TOKENS.tolist()))  # its own memory goes when it closes
