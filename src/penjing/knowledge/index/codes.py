"""Vectors in few bytes: eight bits a number and one scale. The vault keeps these bytes.

Rounding costs a cosine less than 0.005 (tests/knowledge/test_index.py). Each vector says which
model made it: those of two models are never compared.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_TAG, _SCALE = 4, 4


@dataclass(frozen=True)
class CodedVectors:
    """Many vectors."""

    codes: npt.NDArray[np.int8]
    """[count, dimension]."""
    scales: npt.NDArray[np.float32]
    """[count]: what a step of one is worth."""


def tag(embedder: str) -> bytes:
    """Four bytes that stand for an embedder's name."""
    return zlib.crc32(embedder.encode("utf-8")).to_bytes(_TAG, "little")


def pack(vectors: npt.NDArray[np.float32], embedder: str) -> list[bytes]:
    """Each vector as bytes."""
    scales = np.maximum(np.abs(vectors).max(axis=1), 1e-12).astype("<f4") / np.float32(127)
    codes = np.rint(vectors / scales[:, None]).astype(np.int8)
    head = tag(embedder)
    return [
        head + scale.tobytes() + code.tobytes() for scale, code in zip(scales, codes, strict=True)
    ]


def is_of(data: bytes, embedder: str, dimension: int) -> bool:
    """Whether these bytes are a vector that this embedder made."""
    return len(data) == _TAG + _SCALE + dimension and data[:_TAG] == tag(embedder)


def unpack(packed: Sequence[bytes], dimension: int) -> CodedVectors:
    """What `pack` made, of one embedder."""
    width = _TAG + _SCALE + dimension
    table = np.frombuffer(b"".join(packed), np.uint8).reshape(len(packed), width)
    scales = np.ascontiguousarray(table[:, _TAG : _TAG + _SCALE]).view("<f4").reshape(-1)
    codes = np.ascontiguousarray(table[:, _TAG + _SCALE :]).view(np.int8)
    return CodedVectors(codes, scales.astype(np.float32))
