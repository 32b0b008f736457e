"""Second moments of what matrices read that lose columns: X X^T of heads and channels, on disk.

One block's weights and moments are in memory at a time; a run that is killed goes on behind the
last block. Must not know what they are for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from penjing.core.errors import FormatError
from penjing.core.files import writing
from penjing.core.progress import Progress
from penjing.core.strangers import open_plain
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.streamed import streamed_model

SIDES = ("ffn", "queries")
"""Sides of a matrix that are cut where it reads."""
_PROCESS = 700 * 10**6


@dataclass(frozen=True)
class Moments:
    """Of one model and one text."""

    folder: Path
    """Where they lie."""

    def of(self, name: str) -> torch.Tensor | None:
        """X X^T [columns, columns] float32 of this tensor's inputs; None: it was not watched."""
        path = self._path(name)
        if not path.exists():
            return None
        try:
            with open_plain(path) as file:
                return torch.from_numpy(np.load(file, allow_pickle=False))
        except (OSError, ValueError, EOFError) as error:
            raise FormatError(f"{path} is damaged: delete it") from error

    def keep(self, name: str, found: torch.Tensor) -> None:
        """Whole or not at all."""
        with writing(self._path(name)) as file:
            np.save(file, found.numpy(), allow_pickle=False)

    def _path(self, name: str) -> Path:
        return self.folder / f"moments-{name}.npy"


@torch.no_grad()
def measure_moments(
    checkpoint: Checkpoint, windows: Sequence[Sequence[int]], folder: Path, progress: Progress
) -> Moments:
    """Of every matrix whose columns are channels or heads, on these windows."""
    found, watched = Moments(folder), _watched(checkpoint)
    if all(found.of(name) is not None for name in watched):
        return found
    sums: dict[str, torch.Tensor] = {}
    model = streamed_model(checkpoint)

    def product(x: torch.Tensor, name: str) -> torch.Tensor:
        tensor = f"{name}.weight"
        if tensor in watched:
            rows = x.reshape(-1, x.shape[-1]).float()
            sums[tensor] = sums.get(tensor, torch.zeros(())) + rows.t() @ rows
        return model.product(x, name)

    seen = model.variant({}, product)
    hidden = [model.embed(torch.tensor([list(window)])) for window in windows]
    layers = checkpoint.config.layers
    with progress.task("how channels go together", layers, unit="layers") as task:
        for layer in range(layers):
            hidden = [seen.block(layer, part) for part in hidden]
            for name in list(sums):
                found.keep(name, sums.pop(name))
            task.advance(1)
    return found


def moments_bytes(checkpoint: Checkpoint, tokens: int) -> int:
    """Peak memory of `measure_moments` on so many tokens, and of repairing one matrix."""
    config = checkpoint.config
    block = 3 * config.hidden * config.ffn + 4 * config.hidden**2
    largest = max(config.ffn, config.heads * config.head_dim)
    return _PROCESS + 4 * (block + 2 * tokens * config.hidden) + 40 * largest**2


def moments_disk(checkpoint: Checkpoint) -> int:
    """Bytes they take."""
    return sum(4 * checkpoint.tensors[name].shape[1] ** 2 for name in _watched(checkpoint))


def _watched(checkpoint: Checkpoint) -> set[str]:
    return {
        name
        for name, source in checkpoint.tensors.items()
        if len(source.shape) == 2 and checkpoint.architecture.kind_of(name).shape[1] in SIDES
    }
