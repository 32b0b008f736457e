"""Opens a GGUF file without trusting it.

Every count, length and dimension is checked against the bytes that are left before anything is
allocated or looped over, so a hostile file costs no more than its own size. Little-endian GGUF
versions 2 and 3. Knows nothing of what the keys mean (only of `general.alignment`).
"""

from __future__ import annotations

import mmap
import os
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from penjing.bundle import gguf_values as gv
from penjing.bundle.codecs import codec_by_id
from penjing.bundle.gguf_values import StringArray, TensorInfo, Value, ValueKind
from penjing.bundle.lookalikes import what_it_looks_like
from penjing.core.errors import BadInput, FormatError
from penjing.core.strangers import open_plain, read_errors

_LEAST_KEY_BYTES = 8 + 1 + 4 + 1
_LEAST_TENSOR_BYTES = 8 + 1 + 4 + 8 + 4 + 8


@dataclass(frozen=True)
class GGUFFile:
    """An open GGUF file: metadata and tensor table in memory, weights mapped from disk.

    Metadata stays usable after `close`; views given by `raw` keep the mapping alive by themselves.
    The file must not be shortened by others while it is open (replacing it is fine).
    """

    path: Path
    """Where it was opened."""
    version: int
    """2 or 3."""
    alignment: int
    """Every tensor begins at a multiple of this."""
    metadata: Mapping[str, Value]
    """In the file's order."""
    tensors: Mapping[str, TensorInfo]
    """In the file's order."""
    file_bytes: int
    """Size of the whole file."""
    data_offset: int
    """Where the data section begins; tensor offsets count from here."""
    _map: mmap.mmap = field(repr=False, compare=False)

    @classmethod
    def open(cls, path: Path | str) -> GGUFFile:
        """Map and check a file.

        BadInput if it cannot be read, FormatError if it is not a sound GGUF.
        """
        path = Path(path)
        mapped = _map_file(path)
        try:
            return _parse(path, mapped)
        except FormatError as error:
            mapped.close()
            raise FormatError(f"{path}: {error}") from error
        except BaseException:
            mapped.close()
            raise

    def raw(self, name: str) -> npt.NDArray[np.uint8]:
        """The bytes of a tensor: a read-only 1-D view of the file, nothing is copied."""
        info = self.tensor(name)
        if self._map.closed:
            raise BadInput(f"{self.path} was closed: open it again to read '{name}'")
        start = self.data_offset + info.offset
        return np.frombuffer(self._map, np.uint8, count=info.nbytes, offset=start)

    def tensor(self, name: str) -> TensorInfo:
        """The description of a tensor; FormatError if the file has none of this name."""
        info = self.tensors.get(name)
        if info is None:
            raise FormatError(f"{self.path} has no tensor '{name}': it is not a complete model")
        return info

    def get(self, key: str, default: Any = None) -> Any:
        """Plain Python data of a metadata value (arrays as tuples), or `default`."""
        value = self.metadata.get(key)
        return default if value is None else value.plain

    def release(self) -> None:
        """Give back the memory of what was read; what is read again comes from the disk again.

        Views stay valid. Where the system has no such call, nothing happens.
        """
        if not self._map.closed and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Let go of the file. Calling it twice is harmless."""
        try:
            self._map.close()
        except BufferError:  # views of weights are alive: the mapping ends with the last of them
            return

    def __enter__(self) -> GGUFFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _map_file(path: Path) -> mmap.mmap:
    with read_errors(path), open_plain(path) as file:
        if os.fstat(file.fileno()).st_size == 0:
            raise FormatError(f"{path}: the file is empty: download or make it again")
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:  # a file of the kernel's that is no longer what it was
            raise BadInput(f"cannot read {path}: {error}") from error


def _parse(path: Path, mapped: mmap.mmap) -> GGUFFile:
    version = _version(mapped)
    cursor = _Cursor(mapped, pos=8)
    tensor_count = cursor.count("tensors", _LEAST_TENSOR_BYTES, gv.MAX_TENSORS)
    key_count = cursor.count("metadata keys", _LEAST_KEY_BYTES, gv.MAX_KEYS)
    metadata = _metadata(cursor, key_count)
    alignment = _alignment(metadata)
    cursor.require("tensors", tensor_count * _LEAST_TENSOR_BYTES)
    tensors = _tensor_table(cursor, tensor_count)
    data_offset = gv.padded(cursor.pos, alignment) if tensors else cursor.pos
    _check_places(tensors, alignment, len(mapped) - data_offset)
    return GGUFFile(
        path=path,
        version=version,
        alignment=alignment,
        metadata=MappingProxyType(metadata),
        tensors=MappingProxyType(tensors),
        file_bytes=len(mapped),
        data_offset=data_offset,
        _map=mapped,
    )


def _version(mapped: mmap.mmap) -> int:
    if mapped[:4] != gv.MAGIC:
        looks = what_it_looks_like(mapped[:512], len(mapped))
        raise FormatError(f"not a GGUF file: {looks}")
    if len(mapped) < 24:
        raise FormatError("the file ends inside its header: download or make it again")
    (version,) = gv.U32.unpack_from(mapped, 4)
    if version in gv.VERSIONS:
        return int(version)
    if version and version & 0xFFFF == 0:
        raise FormatError("big-endian GGUF: get or convert a little-endian one")
    if version == 1:
        raise FormatError("GGUF version 1 is no longer in use: convert the model again")
    raise FormatError(
        f"GGUF version {version} is not one this Penjing reads (2 and 3): "
        "get the model in version 3, or a newer Penjing"
    )


class _Cursor:
    """A place in the mapped header that moves forward and never past its end."""

    def __init__(self, data: mmap.mmap, pos: int) -> None:
        self.data = data
        self.pos = pos
        self.end = min(len(data), gv.MAX_HEADER_BYTES)
        self.nested = 0

    def require(self, what: str, nbytes: int) -> None:
        """Raise unless so many header bytes are left."""
        left = self.end - self.pos
        if nbytes <= left:
            return
        if self.end < len(self.data) and nbytes <= len(self.data) - self.pos:
            raise FormatError(f"the metadata is larger than {gv.MAX_HEADER_BYTES} bytes: no model")
        raise FormatError(
            f"{what} would need {nbytes} bytes and {left} are left: "
            "the file is cut short or damaged, download or make it again"
        )

    def take(self, what: str, nbytes: int) -> bytes:
        self.require(what, nbytes)
        self.pos += nbytes
        return self.data[self.pos - nbytes : self.pos]

    def u32(self, what: str) -> int:
        return int.from_bytes(self.take(what, 4), "little")

    def u64(self, what: str) -> int:
        return int.from_bytes(self.take(what, 8), "little")

    def count(self, what: str, least_bytes: int, limit: int) -> int:
        """A count of things that each need at least so many of the bytes left."""
        number = self.u64(f"the number of {what}")
        self.require(f"{number} {what}", number * least_bytes)
        if number > limit:
            raise FormatError(f"{number} {what} are more than any model has (limit {limit})")
        return number

    def text(self, what: str, limit: int) -> str:
        length = self.u64(f"the length of {what}")
        if length > limit:
            raise FormatError(f"{what} is {length} bytes long and the limit is {limit}")
        return _decode(self.take(what, length), what)

    def kind(self, what: str) -> ValueKind:
        number = self.u32(f"the type of {what}")
        try:
            return ValueKind(number)
        except ValueError as error:
            raise FormatError(f"{what} has the unknown value type {number}") from error


def _metadata(cursor: _Cursor, count: int) -> dict[str, Value]:
    metadata: dict[str, Value] = {}
    for _ in range(count):
        key = cursor.text("a metadata key", gv.MAX_KEY_BYTES)
        if not key or "\0" in key:
            raise FormatError(f"{_show(key)} is not a metadata key")
        if key in metadata:
            raise FormatError(f"the metadata key {_show(key)} appears twice")
        what = f"the value of {_show(key)}"
        metadata[key] = _value(cursor, cursor.kind(what), what, depth=0)
    return metadata


def _value(cursor: _Cursor, kind: ValueKind, what: str, depth: int) -> Value:
    if kind == ValueKind.STRING:
        return Value(kind, cursor.text(what, gv.MAX_STRING_BYTES))
    if kind == ValueKind.ARRAY:
        return _array(cursor, what, depth)
    if kind == ValueKind.BOOL:
        return Value(kind, bool(_booleans(cursor, 1, what)[0]))
    packing = gv.SCALARS[kind]
    return Value(kind, packing.unpack(cursor.take(what, packing.size))[0])


def _array(cursor: _Cursor, what: str, depth: int) -> Value:
    kind = cursor.kind(f"the items of {what}")
    if kind == ValueKind.STRING:
        return Value(ValueKind.ARRAY, _strings(cursor, what), kind)
    if kind == ValueKind.ARRAY:
        return Value(ValueKind.ARRAY, tuple(_nested(cursor, what, depth + 1)), kind)
    dtype = gv.DTYPES[kind]
    count = cursor.count(f"items of {what}", dtype.itemsize, gv.MAX_HEADER_BYTES)
    if kind == ValueKind.BOOL:
        return Value(ValueKind.ARRAY, _booleans(cursor, count, what), kind)
    items = np.frombuffer(cursor.take(what, count * dtype.itemsize), dtype)
    return Value(ValueKind.ARRAY, items, kind)


def _nested(cursor: _Cursor, what: str, depth: int) -> Iterator[Value]:
    if depth > gv.MAX_NESTING:
        raise FormatError(f"{what} nests arrays more than {gv.MAX_NESTING} deep")
    count = cursor.count(f"arrays in {what}", 4 + 8, gv.MAX_NESTED_ARRAYS)
    cursor.nested += count
    if cursor.nested > gv.MAX_NESTED_ARRAYS:
        raise FormatError(f"there are more than {gv.MAX_NESTED_ARRAYS} arrays inside arrays")
    for _ in range(count):
        yield _array(cursor, what, depth)


def _booleans(cursor: _Cursor, count: int, what: str) -> npt.NDArray[np.bool_]:
    numbers = np.frombuffer(cursor.take(what, count), np.uint8)
    if numbers.size and int(numbers.max()) > 1:
        raise FormatError(f"{what} holds a boolean that is neither 0 nor 1")
    return numbers.view(np.bool_)


def _strings(cursor: _Cursor, what: str) -> StringArray:
    """Find where each string begins and check all of them as UTF-8; decoding comes later."""
    count = cursor.count(f"strings of {what}", 8, gv.MAX_STRINGS)
    data, end, begin = cursor.data, cursor.end, cursor.pos
    unpack = gv.U64.unpack_from
    starts, pos = array("q"), begin
    for _ in range(count):
        start = pos + 8
        if start > end:
            break
        pos = start + unpack(data, pos)[0]  # past the end: noticed next or by take
        starts.append(start - begin)
    if len(starts) < count:
        cursor.require(f"string {len(starts)} of {what}", pos - begin + 8)
    encoded = cursor.take(what, pos - begin)
    places = np.array(starts, dtype=np.int64)
    _check_texts(encoded, places, what)
    return StringArray(encoded, places)


def _check_texts(encoded: bytes, starts: npt.NDArray[np.int64], what: str) -> None:
    """Raise unless every string is UTF-8, without making a str of each.

    With the length prefixes blanked to NULs, which no multi-byte character may contain, pieces cut
    between strings are valid exactly when every string in them is.
    """
    blanked = np.frombuffer(encoded, np.uint8).copy()
    for byte in range(1, 9):
        blanked[starts - byte] = 0
    cuts = [*(starts[::4096] - 8).tolist(), len(encoded)]
    for begin, end in pairwise(cuts):
        _decode(blanked[begin:end].tobytes(), what)


def _alignment(metadata: Mapping[str, Value]) -> int:
    value = metadata.get(gv.ALIGNMENT_KEY)
    if value is None:
        return gv.DEFAULT_ALIGNMENT
    if value.kind != ValueKind.UINT32 or not gv.is_alignment(value.data):
        raise FormatError(
            f"{gv.ALIGNMENT_KEY} must be a power of two from {gv.MIN_ALIGNMENT} to "
            f"{gv.MAX_ALIGNMENT} stored as UINT32, not {str(value.plain)[:40]!a}"
        )
    return int(value.data)


def _tensor_table(cursor: _Cursor, count: int) -> dict[str, TensorInfo]:
    tensors: dict[str, TensorInfo] = {}
    for _ in range(count):
        info = _tensor_info(cursor)
        if info.name in tensors:
            raise FormatError(f"the tensor {_show(info.name)} appears twice")
        tensors[info.name] = info
    return tensors


def _tensor_info(cursor: _Cursor) -> TensorInfo:
    name = cursor.text("a tensor name", gv.MAX_NAME_BYTES)
    if not name or "\0" in name:
        raise FormatError(f"{_show(name)} is not a tensor name")
    what = f"tensor {_show(name)}"
    dimensions = cursor.u32(what)
    if not 1 <= dimensions <= gv.MAX_DIMENSIONS:
        raise FormatError(f"{what} has {dimensions} dimensions, not 1 to {gv.MAX_DIMENSIONS}")
    shape = tuple(cursor.u64(what) for _ in range(dimensions))[::-1]
    if min(shape) == 0:
        raise FormatError(f"{what} has no elements: its shape is {shape}")
    try:
        codec = codec_by_id(cursor.u32(what))
        nbytes = codec.nbytes(shape)
    except FormatError as error:
        raise FormatError(f"{what}: {error}") from error
    return TensorInfo(name, shape, codec, cursor.u64(what), nbytes)


def _check_places(tensors: Mapping[str, TensorInfo], alignment: int, available: int) -> None:
    """Raise unless all tensors are aligned, inside the data section and apart from each other."""
    end = 0
    for info in sorted(tensors.values(), key=lambda info: info.offset):
        what = f"tensor {_show(info.name)}"
        if info.offset % alignment:
            raise FormatError(f"{what} begins at {info.offset}, not a multiple of {alignment}")
        if info.offset < end:
            raise FormatError(f"{what} overlaps another tensor: the file is damaged")
        end = info.offset + info.nbytes
        if end > available:
            raise FormatError(
                f"{what} ends {end - available} bytes after the file does: "
                "the file is cut short or damaged, download or make it again"
            )


def _decode(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{what} is not valid UTF-8") from error


def _show(name: str) -> str:
    """A name from the file, short and with control characters escaped."""
    return ascii(name if len(name) <= 80 else name[:77] + "...")
