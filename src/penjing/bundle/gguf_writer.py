"""Writes a GGUF version 3 file, one tensor in memory at a time, whole or not at all.

Keys, kinds and order are kept as given, so a file that was read and written again is the same
bytes (up to padding a foreign writer may have chosen). Knows nothing of what the keys mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from penjing.bundle import gguf_values as gv
from penjing.bundle.codecs import Codec
from penjing.bundle.gguf_values import Value, ValueKind
from penjing.core.errors import FormatError
from penjing.core.files import require_space, writing

TensorData = bytes | bytearray | memoryview | npt.NDArray[Any]

_DTYPES = {
    "F32": "<f4", "F16": "<f2", "BF16": "<u2", "F64": "<f8",
    "I8": "|i1", "I16": "<i2", "I32": "<i4", "I64": "<i8",
}  # fmt: skip
"""What an array may be made of besides raw bytes; numpy has no bfloat16, so its bits."""


@dataclass(frozen=True)
class OutTensor:
    """One tensor to write."""

    name: str
    """ggml's name, at most 63 bytes of UTF-8."""
    shape: tuple[int, ...]
    """numpy order: the last is the row length."""
    codec: Codec
    """How `data` stores it."""
    data: Callable[[], TensorData]
    """Gives the stored bytes: `codec.nbytes(shape)` of them, or an array of the codec's own type.

    Called once, when it is this tensor's turn.
    """

    @property
    def nbytes(self) -> int:
        """Bytes without padding."""
        return self.codec.nbytes(self.shape)


def write_gguf(
    path: Path,
    metadata: Mapping[str, Value],
    tensors: Sequence[OutTensor],
    *,
    on_bytes: Callable[[int], None] | None = None,
) -> int:
    """Write a file and give its size in bytes; `on_bytes` hears how many were written.

    FormatError if the parts do not make a GGUF, StorageError if the disk refuses.
    """
    path = Path(path)
    header = _header(metadata, tensors)
    alignment = _alignment(metadata)
    require_space(path.parent, _total(len(header), tensors, alignment))
    with writing(path) as file:
        written = _put(file, header, alignment if tensors else 1, on_bytes)
        for tensor in tensors:
            written += _put(file, _stored(tensor), alignment, on_bytes)
    return written


def gguf_bytes(metadata: Mapping[str, Value], tensors: Sequence[OutTensor]) -> int:
    """The exact size `write_gguf` would give, without making any tensor's data."""
    return _total(len(_header(metadata, tensors)), tensors, _alignment(metadata))


def _total(header_bytes: int, tensors: Sequence[OutTensor], alignment: int) -> int:
    if not tensors:
        return header_bytes
    data = sum(gv.padded(tensor.nbytes, alignment) for tensor in tensors)
    return gv.padded(header_bytes, alignment) + data


def _alignment(metadata: Mapping[str, Value]) -> int:
    value = metadata.get(gv.ALIGNMENT_KEY)
    if value is None:
        return gv.DEFAULT_ALIGNMENT
    if value.kind != ValueKind.UINT32 or not gv.is_alignment(value.data):
        raise FormatError(f"{gv.ALIGNMENT_KEY} {value.plain!a} is not a UINT32 power of two >= 8")
    return int(value.data)


def _header(metadata: Mapping[str, Value], tensors: Sequence[OutTensor]) -> bytes:
    """Everything before the data section, unpadded; refuses what no reader would take."""
    parts = [gv.MAGIC, gv.U32.pack(3), gv.U64.pack(len(tensors)), gv.U64.pack(len(metadata))]
    for key, value in metadata.items():
        parts += [_text(key, "metadata key", gv.MAX_KEY_BYTES), gv.U32.pack(value.kind)]
        parts.append(value.encoded())
    names: set[str] = set()
    offset, alignment = 0, _alignment(metadata)
    for tensor in tensors:
        if tensor.name in names:
            raise FormatError(f"the tensor {tensor.name!a} would be written twice")
        names.add(tensor.name)
        parts.append(_tensor_entry(tensor, offset))
        offset += gv.padded(tensor.nbytes, alignment)
    header = b"".join(parts)
    if (
        len(header) > gv.MAX_HEADER_BYTES
        or len(tensors) > gv.MAX_TENSORS
        or len(metadata) > gv.MAX_KEYS
    ):
        raise FormatError("the metadata or the tensor table is larger than any reader takes")
    return header


def _tensor_entry(tensor: OutTensor, offset: int) -> bytes:
    shape = tensor.shape
    if not 1 <= len(shape) <= gv.MAX_DIMENSIONS or min(shape) < 1:
        raise FormatError(f"tensor {tensor.name!a} has the shape {shape}: 1 to 4 sizes above zero")
    if not tensor.codec.fits(shape[-1]):
        raise FormatError(
            f"tensor {tensor.name!a} has rows of {shape[-1]} and {tensor.codec.name} needs "
            f"a multiple of {tensor.codec.width}: choose another codec"
        )
    entry = _text(tensor.name, "tensor name", gv.MAX_NAME_BYTES) + gv.U32.pack(len(shape))
    entry += b"".join(gv.U64.pack(size) for size in reversed(shape))
    return entry + gv.U32.pack(tensor.codec.type_id) + gv.U64.pack(offset)


def _text(text: str, what: str, limit: int) -> bytes:
    data = gv.encode_text(text)
    if not 1 <= len(data) <= limit or b"\0" in data:
        raise FormatError(f"the {what} {text[:80]!a} is not 1 to {limit} bytes without a NUL")
    return gv.U64.pack(len(data)) + data


def _stored(tensor: OutTensor) -> memoryview:
    """The tensor's bytes, checked to be as many and of the type its codec means."""
    data = tensor.data()
    if isinstance(data, np.ndarray):
        if data.dtype != np.uint8 and data.dtype != np.dtype(_DTYPES.get(tensor.codec.name, "u1")):
            raise FormatError(
                f"tensor {tensor.name!a} is {tensor.codec.name} and was given as {data.dtype}"
            )
        stored = np.ascontiguousarray(data).reshape(-1).view(np.uint8).data
    else:
        stored = memoryview(data).cast("B")
    if stored.nbytes != tensor.nbytes:
        raise FormatError(
            f"tensor {tensor.name!a} was given as {stored.nbytes} bytes and "
            f"{tensor.codec.name} {tensor.shape} is {tensor.nbytes}"
        )
    return stored


def _put(
    file: IO[bytes],
    data: bytes | memoryview,
    alignment: int,
    on_bytes: Callable[[int], None] | None,
) -> int:
    file.write(data)
    written = gv.padded(len(data), alignment)
    file.write(bytes(written - len(data)))
    if on_bytes:
        on_bytes(written)
    return written
