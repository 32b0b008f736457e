"""A checkpoint's weights as torch tensors, of which only a few are in memory at a time.

`TorchModel` asks for weights by name; here it gets them from the file, one block after another.
Walking through the blocks in order therefore costs the memory of one. Must not know what is done
with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from penjing.ggml.quantize import dequantize
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.forward import TorchModel, require_computable
from penjing.workshop.tensors import TensorSource


class StreamedWeights(Mapping[str, torch.Tensor]):
    """Weights by GGUF name, loaded when asked for.

    Kept: vectors (norms, biases), the matrices of the block that was asked for last, and embedding
    or head once somebody wants the whole of it. `rows` gives a part of a matrix and keeps nothing.
    What is mapped of the file is given back from block to block.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self._sources = checkpoint.tensors
        self._give_back = checkpoint.release
        self._dtype = dtype
        """Of the blocks' matrices; all else has at least 32 bits."""
        self._device = device
        self._kept: dict[str, torch.Tensor] = {}
        self._block: dict[str, torch.Tensor] = {}
        self._layer = ""

    def __getitem__(self, name: str) -> torch.Tensor:
        source = self._sources[name]
        if not (name.startswith("blk.") and len(source.shape) == 2):
            if name not in self._kept:
                precise = torch.promote_types(self._dtype, torch.float32)
                self._kept[name] = self._load(source, precise)
            return self._kept[name]
        layer = name.split(".")[1]
        if layer != self._layer:
            self._block, self._layer = {}, layer
            self._give_back()
        if name not in self._block:
            self._block[name] = self._load(source, self._dtype)
        return self._block[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def __contains__(self, name: object) -> bool:
        return name in self._sources

    @property
    def held(self) -> int:
        """Bytes in memory now."""
        tensors = (*self._kept.values(), *self._block.values())
        return sum(tensor.nbytes for tensor in tensors)

    def rows(self, name: str, index: slice | torch.Tensor) -> torch.Tensor:
        """Some rows of a matrix, [rows, row length], with at least 32 bits."""
        part = load_rows(self._sources[name], index)
        return part.to(self._device, torch.promote_types(self._dtype, torch.float32))

    def release(self) -> None:
        """Let go of the block."""
        self._block, self._layer = {}, ""

    def _load(self, source: TensorSource, dtype: torch.dtype) -> torch.Tensor:
        return torch.from_numpy(source.load()).to(self._device, dtype)


def load_rows(source: TensorSource, index: slice | torch.Tensor) -> torch.Tensor:
    """Some rows of a stored matrix as float32 [rows, row length]; the others are not decoded."""
    rows, row = source.shape
    stored = source.raw().reshape(rows, source.codec.nbytes((row,)))
    chosen = stored[index if isinstance(index, slice) else index.numpy()]
    return torch.from_numpy(dequantize(source.codec, chosen.reshape(-1), (len(chosen), row)))


def streamed_model(
    checkpoint: Checkpoint,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> TorchModel:
    """The same model as `TorchModel.load`, with weights that come when they are needed.

    Not for training: what is asked for twice may be two tensors.
    """
    require_computable(checkpoint)
    weights = StreamedWeights(checkpoint, dtype=dtype, device=device)
    return TorchModel(checkpoint.architecture, checkpoint.config, weights)
