"""A tensor that is trained as it is: stored as floating-point numbers, nothing to round to.

The sibling of `latent.py`, for a model that is healed before it is rounded. Must not know models or
losses.
"""

from __future__ import annotations

import torch

from penjing.bundle.codecs import codec
from penjing.core.errors import PenjingError
from penjing.ggml.quantize import quantize
from penjing.workshop.tensors import Bytes

FLOATS = ("F32", "F16", "BF16")
"""Codecs of such a tensor."""
_STEP = 0.3
"""Of the weights' size: as levels of a four-bit codec lie apart, so that rates mean the same."""


class FloatLatent:
    """Weights behind a tensor in floating point."""

    def __init__(self, kind: str, weights: torch.Tensor) -> None:
        """`weights` [rows, row] float32 are copied."""
        self.kind = codec(kind)
        self.weight = weights.clone()
        """[rows, row], trained."""
        self.values = torch.empty(0)
        """What `project` gave, with the gradient that the network left on it."""

    @property
    def step(self) -> float:
        """The natural unit of a weight."""
        return _STEP * float(self.weight.square().mean().sqrt())

    def parameters(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Weights; there are no scales."""
        return [self.weight], []

    def stored(self) -> Bytes:
        """What is exported."""
        return quantize(self.kind, self.weight.detach().cpu().numpy())

    @torch.no_grad()
    def project(self, dtype: torch.dtype) -> torch.Tensor:
        """The values [rows, row], as a leaf that collects a gradient."""
        self.values = self.weight.detach().to(dtype, copy=True).requires_grad_()
        return self.values

    @torch.no_grad()
    def receive(self) -> None:
        """Take over the gradient of `values`; PenjingError when there is none."""
        if self.values.grad is None:
            raise PenjingError("a tensor got no gradient: go backward through what it projects")
        self.weight.grad = self.values.grad.float()
        self.forget()

    def forget(self) -> None:
        """Let go of the values and their gradient."""
        self.values.grad = None
        self.values = torch.empty(0)
