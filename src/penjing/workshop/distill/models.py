"""Student and teacher: one forward pass, two sets of weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch.nn import functional

from penjing.bundle.codecs import codec
from penjing.ggml.quantize import dequantize
from penjing.workshop.checkpoint import Bytes, Checkpoint
from penjing.workshop.distill.latent import Latent
from penjing.workshop.distill.schedule import Schedule
from penjing.workshop.forward import TorchModel
from penjing.workshop.quantize.grids import GRIDS
from penjing.workshop.quantize.whole import Store
from penjing.workshop.threads import workers

_EMBEDDING, _HEAD = "token_embd.weight", "output.weight"
_BETAS, _EPSILON = (0.9, 0.99), 1e-12  # few steps: the mean square must follow quickly


class Teacher:
    """The starting model. It is never changed."""

    def __init__(self, checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> None:
        self._model = TorchModel.load(checkpoint, dtype=dtype, device=device)
        name = _HEAD if _HEAD in self._model.weights else _EMBEDDING
        self.head = self._model.weights[name].to(dtype)
        """[vocab, width]"""

    @torch.no_grad()
    def hidden(self, ids: torch.Tensor) -> torch.Tensor:
        """Token ids [texts, T] -> what the head multiplies [texts, T, width]."""
        model = self._model
        return model.normed(model.hidden_from(0, model.embed(ids)))


class Student:
    """The rounded model, its matrices trained through their codecs."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        plan: Mapping[str, str],
        start: Store,
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.device, self._dtype = device, dtype
        self.latents: dict[str, Latent] = {}
        """What is trained through a codec, by tensor name."""
        self.vectors: dict[str, torch.Tensor] = {}
        """Norms and biases, trained as they are."""
        fixed = {}
        for name, source in checkpoint.tensors.items():
            kind = codec(plan[name]) if name in plan else source.codec
            if name in plan and kind.name in GRIDS:
                grid, (rows, row) = GRIDS[kind.name], source.shape
                scales = grid.decode(start.raw(source, kind), (rows, row)).scales
                self.latents[name] = Latent(grid, start.latent(name).to(device), scales.to(device))
            elif name in plan:
                values = dequantize(kind, start.raw(source, kind), source.shape)
                fixed[name] = torch.from_numpy(values).to(device, dtype)
            elif checkpoint.architecture.kind_of(name).hf and len(source.shape) == 1:
                self.vectors[name] = torch.from_numpy(source.load()).to(device)
            else:
                fixed[name] = torch.from_numpy(source.load()).to(device)
        self._model = TorchModel(checkpoint.architecture, checkpoint.config, fixed)

    @contextmanager
    def exact(self) -> Iterator[TorchModel]:
        """The network as it would be exported now, every trained tensor a leaf."""
        with workers() as side_by_side:
            values = side_by_side(lambda one: one.project(self._dtype), self.latents.values())
        leaves = dict(zip(self.latents, values, strict=True))
        vectors = {name: v.detach().requires_grad_() for name, v in self.vectors.items()}
        before = self._model.weights
        self._model.weights = {**before, **leaves, **vectors}
        self._leaves = vectors
        try:
            yield self._model
        finally:
            self._model.weights = before

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Token ids -> hidden states in float32; only inside `exact`."""
        config = self._model.config
        rows = functional.embedding(ids, self._model.weights[_EMBEDDING])
        return rows.float() * config.embedding_scale

    def head(self) -> torch.Tensor:
        """[vocab, width]; only inside `exact`."""
        weights = self._model.weights
        return weights[_HEAD if _HEAD in weights else _EMBEDDING]

    def receive(self) -> None:
        """Hand the gradients that the network left to what is trained."""
        with workers() as side_by_side:
            side_by_side(Latent.receive, self.latents.values())
        for name, vector in self.vectors.items():
            vector.grad = self._leaves[name].grad

    def forget_gradients(self) -> None:
        """Free them: they are as large as the model."""
        for tensor in self.trained().values():
            tensor.grad = None

    def trained(self) -> dict[str, torch.Tensor]:
        """Everything an optimizer moves, by a name of its own."""
        out = {f"vector {name}": vector for name, vector in self.vectors.items()}
        for name, latent in self.latents.items():
            weights, scales = latent.parameters()
            parts = zip(("weight", "stretch", "drift"), (*weights, *scales), strict=False)
            out.update({f"{part} {name}": tensor for part, tensor in parts})
        return out

    def optimizer(self, schedule: Schedule) -> torch.optim.Optimizer:
        """Adam; a weight's rate is in steps of its codec, so that all codecs move alike."""
        groups = [{"params": list(self.vectors.values()), "rate": schedule.norm_rate}]
        for latent in self.latents.values():
            weights, scales = latent.parameters()
            groups.append({"params": weights, "rate": schedule.weight_rate * latent.step})
            groups.append({"params": scales, "rate": schedule.scale_rate})
        return torch.optim.Adam(groups, lr=0.0, betas=_BETAS, eps=_EPSILON, fused=True)

    def stored(self) -> dict[str, Bytes]:
        """The bytes to export, by tensor name."""
        out = {}
        for name, latent in self.latents.items():
            out[name] = latent.grid.encode(latent.blocks())
        for name, vector in self.vectors.items():
            out[name] = np.ascontiguousarray(vector.cpu().numpy(), np.float32).view(np.uint8)
        return out
