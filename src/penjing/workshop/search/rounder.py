"""Rounded weights on demand: encoded once, kept as stored bytes, decoded where they are needed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from penjing.bundle.codecs import CODECS, Codec
from penjing.ggml.quantize import dequantize
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.quantize.stored import encode_stored, round_rows
from penjing.workshop.streamed import load_rows
from penjing.workshop.tensors import Bytes


class Rounder:
    """A `Rounded` for `wavefront.py`: scales by importance, nothing else. Threads may share it."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        importance: Mapping[str, npt.NDArray[np.float32]],
        *,
        keep: int = 0,
    ) -> None:
        self._tensors, self._importance = checkpoint.tensors, importance
        self._give_back = checkpoint.release
        self._room = keep
        """Bytes of encoded tensors that are kept, those used last; 0: each use rounds anew."""
        self._kept: OrderedDict[tuple[str, str], Bytes] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, name: str, codec: str, rows: slice | torch.Tensor) -> torch.Tensor:
        """Some rows of the matrix after it was stored in `codec`, [rows, row length] float32."""
        source, kind = self._tensors[name], CODECS[codec]
        if kind == source.codec:
            return load_rows(source, rows)
        if kind.nbytes(source.shape) > self._room:
            return round_rows(kind, source, self._importance[name], rows)
        row = source.shape[-1]
        stored = self.raw(name, kind).reshape(-1, kind.nbytes((row,)))
        some = stored[rows if isinstance(rows, slice) else rows.numpy()]
        return torch.from_numpy(dequantize(kind, some.reshape(-1), (len(some), row)))

    def raw(self, name: str, codec: Codec) -> Bytes:
        """The stored bytes of the whole tensor: what an exporter writes."""
        with self._lock:
            if (name, codec.name) in self._kept:
                self._kept.move_to_end((name, codec.name))
                return self._kept[name, codec.name]
        made = self._encoded(name, codec)
        with self._lock:
            self._kept[name, codec.name] = made
            while sum(each.nbytes for each in self._kept.values()) > self._room:
                self._kept.popitem(last=False)
        return made

    def _encoded(self, name: str, codec: Codec) -> Bytes:
        made = encode_stored(codec, self._tensors[name], self._importance[name])
        self._give_back()  # what was mapped of the file for it
        return made
