"""What scores are told, measured with our own forward pass on calibration text.

Inputs: one block's weights in memory at a time. Gradients: all weights in float32 and as many
numbers again, `gradient_bytes`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from penjing.core.progress import Progress
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.forward import TorchModel
from penjing.workshop.streamed import streamed_model

_PROCESS = 700 * 10**6
"""Python and torch."""

Windows = Sequence[Sequence[int]]


@torch.no_grad()
def mean_squares(
    checkpoint: Checkpoint, windows: Windows, progress: Progress
) -> dict[str, torch.Tensor]:
    """E[x_j^2] [columns] of the input of every matrix in a block, by tensor name."""
    sums: dict[str, torch.Tensor] = {}
    model = streamed_model(checkpoint)

    def product(x: torch.Tensor, name: str) -> torch.Tensor:
        squares = x.reshape(-1, x.shape[-1]).float().square().sum(0)
        sums[f"{name}.weight"] = sums.get(f"{name}.weight", torch.zeros(())) + squares
        return model.product(x, name)

    watched = model.variant({}, product)
    hidden = [model.embed(torch.tensor([list(window)])) for window in windows]
    with progress.task("what every channel carries", checkpoint.config.layers, unit="layers") as t:
        for layer in range(checkpoint.config.layers):
            hidden = [watched.block(layer, part) for part in hidden]
            t.advance(1)
    tokens = sum(map(len, windows))
    return {name: total / tokens for name, total in sums.items()}


def gradients(
    checkpoint: Checkpoint, windows: Windows, progress: Progress
) -> dict[str, torch.Tensor]:
    """dL/dW of every matrix in a block; L is the mean cross-entropy of the next token, in nats."""
    model = TorchModel.load(checkpoint)
    inner = [name for name, w in model.weights.items() if name.startswith("blk.") and w.dim() == 2]
    for name in inner:
        model.weights[name].requires_grad_()
    with progress.task("gradients", len(windows), unit="windows") as task:
        for window in windows:
            ids = torch.tensor([list(window)])
            logits = model.forward(ids[:, :-1])
            loss = functional.cross_entropy(logits[0], ids[0, 1:]) / len(windows)
            torch.autograd.backward(loss)
            task.advance(1)
    found = {name: model.weights[name].grad for name in inner}
    return {name: grad for name, grad in found.items() if grad is not None}


def gradient_bytes(checkpoint: Checkpoint, length: int) -> int:
    """Peak memory of `gradients` with windows of `length` tokens."""
    config = checkpoint.config
    weights = sum(source.parameters for source in checkpoint.tensors.values())
    kept = length * config.layers * (12 * config.hidden + 4 * config.ffn)
    kept += length * config.layers * config.heads * 3 * length
    return _PROCESS + 8 * weights + 4 * (kept + 4 * length * config.vocab)


def input_bytes(checkpoint: Checkpoint, tokens: int) -> int:
    """Peak memory of `mean_squares` on so many tokens."""
    config = checkpoint.config
    block = max(source.parameters for source in checkpoint.tensors.values())
    inside = 3 * config.hidden * config.ffn + 4 * config.hidden**2
    return _PROCESS + 4 * (block + inside + 2 * tokens * config.hidden)
