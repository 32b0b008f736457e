"""The teacher: the model whose answers are wanted, one block of it in memory at a time."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch.nn import functional

from penjing.core.errors import BadInput
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.distill.features import Activations, attention_map
from penjing.workshop.distill.models import EMBEDDING, HEAD
from penjing.workshop.forward import TorchModel, Watch, require_computable
from penjing.workshop.hyperparameters import ModelConfig
from penjing.workshop.streamed import StreamedWeights
from penjing.workshop.tensors import TensorSource

_TOKENS = "tokenizer.ggml.tokens"


def require_same_tokens(student: Checkpoint, teacher: Checkpoint) -> None:
    """BadInput unless both mean the same by every token: otherwise what is taught is noise."""
    ours, theirs = (each.metadata[_TOKENS].data for each in (student, teacher))
    sizes = f"{student.name} has {len(ours)} tokens and {teacher.name} {len(theirs)}"
    if len(ours) != len(theirs):
        raise BadInput(f"{sizes}: distil from a model of the same tokenizer")
    other = next((at for at, pair in enumerate(zip(ours, theirs, strict=True))
                  if pair[0] != pair[1]), None)  # fmt: skip
    if other is not None:
        raise BadInput(
            f"token {other} is {ours[other]!r} in {student.name} and {theirs[other]!r} in "
            f"{teacher.name}: distil from a model of the same tokenizer"
        )
    logits = [_head(each).shape[0] for each in (student, teacher)]
    if logits[0] != logits[1]:
        raise BadInput(
            f"{student.name} gives {logits[0]} logits and {teacher.name} {logits[1]}: distil from "
            "a model of the same tokenizer"
        )


def _head(checkpoint: Checkpoint) -> TensorSource:
    return checkpoint.tensors[HEAD if HEAD in checkpoint.tensors else EMBEDDING]


def mapper(model: TorchModel, layers: Collection[int], seen: Activations) -> Watch:
    """Keeps where these layers look in `seen`."""
    config = model.config

    def keep(layer: int, q: torch.Tensor, k: torch.Tensor) -> None:
        if layer in layers:
            window = config.window if config.sliding[layer] else None
            seen.attention[layer] = attention_map(q, k, config.attention_scale, window)

    return keep


class Teacher:
    """The model whose answers are wanted, one block of it in memory at a time. Never changed."""

    def __init__(self, checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> None:
        require_computable(checkpoint)
        self._weights = StreamedWeights(checkpoint, dtype=dtype, device=device)
        self._model = TorchModel(checkpoint.architecture, checkpoint.config, self._weights)
        head = _head(checkpoint)
        self.head = torch.empty(head.shape, dtype=dtype, device=device)
        """[vocab, width]"""
        first = 0
        for part in head.pieces():
            self.head[first : first + len(part)] = torch.from_numpy(part)
            first += len(part)

    @property
    def config(self) -> ModelConfig:
        """Its sizes."""
        return self._model.config

    def hidden(self, ids: torch.Tensor) -> torch.Tensor:
        """Token ids [texts, T] -> what the head multiplies [texts, T, width]."""
        return self.seen(ids, ())[0]

    @torch.no_grad()
    def seen(
        self, ids: torch.Tensor, layers: Collection[int], *, maps: bool = False
    ) -> tuple[torch.Tensor, Activations]:
        """The same, and what these layers gave; with `maps` where they looked too."""
        model, seen = self._model, Activations()
        met, places = ids.unique(return_inverse=True)
        rows = self._weights.rows(EMBEDDING, met.cpu()).to(ids.device)
        hidden = functional.embedding(places, rows) * model.config.embedding_scale
        model.watch = mapper(model, layers, seen) if maps else None
        for layer in range(model.config.layers):
            hidden = model.block(layer, hidden)
            if layer in layers:
                seen.hidden[layer] = hidden
        last = model.normed(hidden)
        self._weights.release()
        return last, seen
