"""The same weights in a codec that the engine reads fast, for files that are measured, not shipped.

llama.cpp has no fast products for Q1_0 and Q2_0 on x86: it reads text five times slower through
them than through Q4_0, which can hold their weights to the bit. A control of many two-bit tensors
costs a minute to read and its twin a fifth of that. The engine rounds activations a little
differently for the two codecs: the KLD between a file and its twin was 0.005 nats where controls
lie above 1 (benchmarks/RESULTS.md). What ships is always measured itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from penjing.bundle.codecs import Codec
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.quantize.grids import GRIDS, Blocks
from penjing.workshop.surveyed import unsurveyed
from penjing.workshop.tensors import Bytes, TensorSource

SLOW = ("Q1_0", "Q2_0")
"""Codecs whose levels Q4_0 has too, for groups that are several of its own."""
FAST = "Q4_0"
_AT_ONCE = 1 << 22  # weights taken apart at a time


@contextmanager
def fast_to_read(path: Path) -> Iterator[Path]:
    """A file of the same weights for as long as the block runs: a twin, or the file itself."""
    with unsurveyed(path) as checkpoint:
        slow = [n for n, source in checkpoint.tensors.items() if source.codec.name in SLOW]
        if not slow:
            yield path
            return

        def encoded(name: str, kind: Codec) -> Bytes | None:
            source = checkpoint.tensors[name]
            return None if kind == source.codec else _as_fast(source)

        twin = path.parent / "twin" / path.name
        twin.parent.mkdir(exist_ok=True)
        try:
            export_gguf(checkpoint, twin, dict.fromkeys(slow, FAST), encoded=encoded)
            yield twin
        finally:
            twin.unlink(missing_ok=True)


def _as_fast(source: TensorSource) -> Bytes:
    """The stored bytes of a matrix of a slow codec in the fast one, no weight changed."""
    row = source.shape[-1]
    stored = source.raw().reshape(-1, source.codec.nbytes((row,)))
    rows = len(stored)
    step = max(1, _AT_ONCE // row)
    parts = [_rows_as_fast(source.codec, stored[i : i + step], row) for i in range(0, rows, step)]
    return np.concatenate(parts)


def _rows_as_fast(codec: Codec, stored: Bytes, row: int) -> Bytes:
    slow, fast = GRIDS[codec.name], GRIDS[FAST]
    blocks = slow.decode(stored.reshape(-1), (len(stored), row))
    codes = (slow.table - fast.levels[0]).to(torch.uint8)[blocks.codes.int()]
    scale = blocks.scales.scale.repeat_interleave(slow.group // fast.group, 1)
    return fast.encode(Blocks(codes, fast.store(scale, None)))
