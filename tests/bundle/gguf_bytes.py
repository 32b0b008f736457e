"""Builds GGUF files byte by byte, so that reader and writer cannot share a mistake."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import numpy as np
import pytest

from penjing.bundle.gguf_reader import GGUFFile
from penjing.bundle.gguf_values import ValueKind
from penjing.core.errors import FormatError

K = ValueKind
U64_MAX = 2**64 - 1


def text(data: str | bytes) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    return struct.pack("<Q", len(data)) + data


def key(name: str, kind: int, payload: bytes) -> bytes:
    return text(name) + struct.pack("<I", kind) + payload


def items(kind: int, count: int, payload: bytes) -> bytes:
    return struct.pack("<IQ", kind, count) + payload


def entry(name: str | bytes, sizes: list[int], type_id: int, offset: int, n: int | None = None):
    """A line of the tensor table; `sizes` in the file's order, row length first."""
    head = text(name) + struct.pack("<I", len(sizes) if n is None else n)
    return head + struct.pack(f"<{len(sizes)}QIQ", *sizes, type_id, offset)


def gguf_file(
    keys: list[bytes] = (),
    tensors: list[bytes] = (),
    data: bytes = b"",
    *,
    version: int = 3,
    counts: tuple[int, int] | None = None,
    align: int = 32,
) -> bytes:
    n_tensors, n_keys = counts or (len(tensors), len(keys))
    head = b"GGUF" + struct.pack("<IQQ", version, n_tensors, n_keys)
    head += b"".join(keys) + b"".join(tensors)
    return head + (bytes(-len(head) % align) + data if data else b"")


INNER = items(K.UINT8, 1, b"\x07") + items(K.STRING, 1, text("x"))
SAMPLE_KEYS = [
    key("general.architecture", K.STRING, text("llama")),
    key("a.uint8", K.UINT8, struct.pack("<B", 200)),
    key("a.int8", K.INT8, struct.pack("<b", -3)),
    key("a.uint16", K.UINT16, struct.pack("<H", 60000)),
    key("a.int16", K.INT16, struct.pack("<h", -300)),
    key("a.uint32", K.UINT32, struct.pack("<I", 2**32 - 1)),
    key("a.int32", K.INT32, struct.pack("<i", -(2**31))),
    key("a.float32", K.FLOAT32, struct.pack("<f", 1e-5)),
    key("a.bool", K.BOOL, b"\x01"),
    key("a.uint64", K.UINT64, struct.pack("<Q", U64_MAX)),
    key("a.int64", K.INT64, struct.pack("<q", -(2**63))),
    key("a.float64", K.FLOAT64, struct.pack("<d", 0.1)),
    key("b.words", K.ARRAY, items(K.STRING, 3, text("a") + text("") + text("盆景"))),
    key("b.numbers", K.ARRAY, items(K.INT32, 3, struct.pack("<3i", 1, -2, 3))),
    key("b.flags", K.ARRAY, items(K.BOOL, 2, b"\x00\x01")),
    key("b.nothing", K.ARRAY, items(K.STRING, 0, b"")),
    key("c.nested", K.ARRAY, items(K.ARRAY, 2, INNER)),
]
SAMPLE_TENSORS = [
    entry("blk.0.w", [64, 3], 2, 0),  # Q4_0: 3 rows of 2 blocks of 18 bytes = 108
    entry("norm", [8], 0, 128),  # F32: 32 bytes
]
SAMPLE_DATA = bytes(range(108)) + bytes(20) + np.arange(8, dtype="<f4").tobytes()
SAMPLE = gguf_file(SAMPLE_KEYS, SAMPLE_TENSORS, SAMPLE_DATA)


def refused(path: Path, match: str) -> None:
    """Refused as a FormatError of one line that names the file, without delay."""
    started = time.process_time()
    with pytest.raises(FormatError, match=match) as caught:
        GGUFFile.open(path)
    assert time.process_time() - started < 0.5
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
