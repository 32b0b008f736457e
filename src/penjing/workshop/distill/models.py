"""The student: a model whose weights are trained, a few of their values in memory at a time."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import torch
from torch.nn import functional

from penjing.bundle.codecs import Codec, codec
from penjing.ggml.quantize import dequantize, quantize
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.distill.floating import FLOATS, FloatLatent
from penjing.workshop.distill.latent import Latent
from penjing.workshop.distill.schedule import Schedule
from penjing.workshop.forward import TorchModel
from penjing.workshop.quantize.grids import GRIDS
from penjing.workshop.tensors import Bytes, TensorSource
from penjing.workshop.threads import workers

EMBEDDING, HEAD = "token_embd.weight", "output.weight"
ENDS = (EMBEDDING, HEAD, "output_norm.weight")
"""What lies before the first block and behind the last."""
_EPSILON = 1e-12  # gradients are means over many positions, and small
_ABSOLUTE = 1e3
"""Adafactor multiplies a rate by its tensor's size, or by this where that is less: ours are as they
stand."""


class Start(Protocol):
    """What a student begins with: a `Store`, or a file as it stands."""

    def raw(self, source: TensorSource, kind: Codec) -> Bytes:
        """Stored bytes."""

    def latent(self, name: str) -> torch.Tensor:
        """Weights before rounding, float32."""


class StoredWeights:
    """A student begins with what its file holds. Satisfies `Start`."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._tensors = checkpoint.tensors

    @staticmethod
    def raw(source: TensorSource, kind: Codec) -> Bytes:
        """As stored, or encoded anew."""
        return source.raw() if source.codec == kind else quantize(kind, source.load())

    def latent(self, name: str) -> torch.Tensor:
        """The weights, float32."""
        return torch.from_numpy(self._tensors[name].load())


class Student:
    """The rounded model, its matrices trained through their codecs.

    Not an embedding that is no head too: a step meets few of its rows, and it is large.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        plan: Mapping[str, str],
        start: Start,
        *,
        device: torch.device,
        dtype: torch.dtype,
        floats: bool = False,
    ) -> None:
        """With `floats` what is stored in floating point is trained too, as it is."""
        self.device, self._dtype = device, dtype
        self.latents: dict[str, Latent | FloatLatent] = {}
        """What is trained through a codec, by tensor name."""
        self.vectors: dict[str, torch.Tensor] = {}
        """Norms and biases, trained as they are."""
        fixed, tied = {}, HEAD not in checkpoint.tensors
        for name, source in checkpoint.tensors.items():
            kind = codec(plan[name]) if name in plan else source.codec
            moves = name in plan and (tied or name != EMBEDDING)
            if moves and floats and kind.name in FLOATS:
                self.latents[name] = FloatLatent(kind.name, start.latent(name).to(device))
            elif moves and kind.name in GRIDS:
                grid, (rows, row) = GRIDS[kind.name], source.shape
                scales = grid.decode(start.raw(source, kind), (rows, row)).scales
                self.latents[name] = Latent(grid, start.latent(name).to(device), scales.to(device))
            elif name in plan:
                values = dequantize(kind, start.raw(source, kind), source.shape)
                fixed[name] = torch.from_numpy(values).to(device, dtype)
            elif checkpoint.architecture.kind_of(name).hf and len(source.shape) == 1:
                self.vectors[name] = torch.tensor(source.load(), device=device, requires_grad=True)
            else:
                fixed[name] = torch.from_numpy(source.load()).to(device)
        self._fixed = fixed
        self._architecture, self.config = checkpoint.architecture, checkpoint.config

    @contextmanager
    def exact(self, names: Iterable[str]) -> Iterator[TorchModel]:
        """These tensors as they would be exported now, each that is trained a leaf.

        The model that comes has no others that are trained.
        """
        latents = {name: self.latents[name] for name in names if name in self.latents}
        with workers() as side_by_side:
            values = side_by_side(lambda latent: latent.project(self._dtype), latents.values())
        leaves = dict(zip(latents, values, strict=True))
        weights = ChainMap(leaves, self._fixed, self.vectors)
        try:
            yield TorchModel(self._architecture, self.config, weights)
        finally:
            for latent in latents.values():
                latent.forget()

    def block(self, layer: int) -> list[str]:
        """The tensors of one block that are trained."""
        lead = f"blk.{layer}."
        return [name for name in (*self.latents, *self.vectors) if name.startswith(lead)]

    def embed(self, model: TorchModel, ids: torch.Tensor) -> torch.Tensor:
        """Token ids -> hidden states in float32; `model` has the ends."""
        rows = functional.embedding(ids, model.weights[EMBEDDING])
        return rows.float() * self.config.embedding_scale

    def embed_backward(self, model: TorchModel, ids: torch.Tensor, given: torch.Tensor) -> None:
        """Add the gradient of what `embed` gave to that of the rows."""
        rows = model.weights[EMBEDDING]
        if not rows.requires_grad:
            return
        if rows.grad is None:
            rows.grad = torch.zeros_like(rows)
        given = (given * self.config.embedding_scale).flatten(0, -2)
        rows.grad.index_add_(0, ids.flatten(), given.to(rows.dtype))

    @staticmethod
    def head(model: TorchModel) -> torch.Tensor:
        """[vocab, width]; `model` has the ends."""
        weights = model.weights
        return weights[HEAD if HEAD in weights else EMBEDDING]

    def receive(self, names: Iterable[str]) -> None:
        """Hand the gradients that the network left on these to what is trained."""
        with workers() as side_by_side:
            latents = [self.latents[name] for name in names if name in self.latents]
            side_by_side(lambda latent: latent.receive(), latents)

    def trained(self) -> dict[str, torch.Tensor]:
        """Everything an optimizer moves, by a name of its own."""
        out = {f"vector {name}": vector for name, vector in self.vectors.items()}
        for name, latent in self.latents.items():
            weights, scales = latent.parameters()
            parts = zip(("weight", "stretch", "drift"), (*weights, *scales), strict=False)
            out.update({f"{part} {name}": tensor for part, tensor in parts})
        return out

    def optimizer(
        self, schedule: Schedule, more: Mapping[str, torch.Tensor] | None = None
    ) -> torch.optim.Optimizer:
        """Adafactor (Shazeer and Stern 2018, arXiv:1804.04235) without relative rates: the mean
        square of a matrix's gradient is kept as that of its rows and columns. A weight's rate is in
        steps of its codec, so that all codecs move alike. `more` is trained along."""
        rates = [(list(self.vectors.values()), schedule.norm_rate)]
        for latent in self.latents.values():
            weights, scales = latent.parameters()
            rates += [(weights, schedule.weight_rate * latent.step), (scales, schedule.scale_rate)]
        for tensor in (more or {}).values():
            size = float(tensor.detach().square().mean().sqrt())
            rates.append(([tensor], schedule.norm_rate * size))
        groups = [{"params": moved, "rate": rate / _ABSOLUTE} for moved, rate in rates]
        return torch.optim.Adafactor(groups, lr=0.0, eps=(_EPSILON, _ABSOLUTE))

    def stored(self) -> dict[str, Bytes]:
        """The bytes to export, by tensor name."""
        out = {}
        for name, latent in self.latents.items():
            out[name] = latent.stored()
        for name, vector in self.vectors.items():
            out[name] = np.ascontiguousarray(vector.detach().cpu().numpy(), np.float32).view(
                np.uint8
            )
        return out
