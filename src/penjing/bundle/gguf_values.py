"""What a GGUF file says about itself, as values: typed metadata and tensor descriptions.

Shared by the reader and the writer, so that what is read and written again is the same bytes.
No I/O here; numpy only as storage. Layout: ggml's `docs/gguf.md`, little-endian.
"""

from __future__ import annotations

import operator
import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from penjing.bundle.codecs import Codec
from penjing.core.errors import FormatError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
ALIGNMENT_KEY = "general.alignment"
END_TOKENS_KEY = "penjing.end_tokens"
"""Our own: ids of every token that ends an answer, where a model has more than GGUF has names."""
SPACE_PREFIX_KEY = "penjing.space_prefix"
"""Our own: "first" where a space is put before a text, and not again behind special tokens."""
NORMALIZER_KEY = "penjing.normalizer"
"""Our own: "NFC" where a tokenizer composes texts before it cuts them, "none" where it does not."""
DEFAULT_ALIGNMENT = 32
MIN_ALIGNMENT, MAX_ALIGNMENT = 8, 2**20
MAX_HEADER_BYTES = 256 * 2**20
"""Metadata and tensor table together; the largest vocabularies need a tenth of it."""
MAX_KEYS = 2**16
MAX_TENSORS = 2**17
MAX_KEY_BYTES = 2**16 - 1
MAX_STRING_BYTES = 64 * 2**20
MAX_STRINGS = 2**24
"""Strings in one array."""
MAX_NESTING = 4
MAX_NESTED_ARRAYS = 2**16
MAX_NAME_BYTES = 63
"""ggml keeps 64 bytes with the closing NUL and refuses longer tensor names."""
MAX_DIMENSIONS = 4

U32 = struct.Struct("<I")
U64 = struct.Struct("<Q")


class ValueKind(IntEnum):
    """GGUF's value types, by the number in the file."""

    UINT8 = 0
    INT8 = 1
    UINT16 = 2
    INT16 = 3
    UINT32 = 4
    INT32 = 5
    FLOAT32 = 6
    BOOL = 7
    STRING = 8
    ARRAY = 9
    UINT64 = 10
    INT64 = 11
    FLOAT64 = 12


_FORMATS = {
    ValueKind.UINT8: "<B", ValueKind.INT8: "<b", ValueKind.UINT16: "<H", ValueKind.INT16: "<h",
    ValueKind.UINT32: "<I", ValueKind.INT32: "<i", ValueKind.FLOAT32: "<f", ValueKind.BOOL: "<?",
    ValueKind.UINT64: "<Q", ValueKind.INT64: "<q", ValueKind.FLOAT64: "<d",
}  # fmt: skip
SCALARS = {kind: struct.Struct(text) for kind, text in _FORMATS.items()}
"""How each plain kind is packed; strings and arrays are not in it."""
DTYPES = {kind: np.dtype(text) for kind, text in _FORMATS.items()}
"""The numpy type of an array of each plain kind, little-endian."""
_FLOATS = (ValueKind.FLOAT32, ValueKind.FLOAT64)


class StringArray(Sequence[str]):
    """Many strings as the file stores them, decoded one by one when asked for.

    A vocabulary is hundreds of thousands of strings and most readers want none of them.
    """

    __slots__ = ("_encoded", "_starts")

    def __init__(self, encoded: bytes, starts: npt.NDArray[np.int64]) -> None:
        """`encoded` is checked, length-prefixed UTF-8; `starts[i]` is where text i begins."""
        self._encoded = encoded
        self._starts = starts

    @classmethod
    def of(cls, texts: Iterable[str]) -> StringArray:
        """Pack texts; FormatError for one that is not text or not UTF-8."""
        encoded, starts = bytearray(), array("q")
        for text in texts:
            data = encode_text(text)
            encoded += U64.pack(len(data))
            starts.append(len(encoded))
            encoded += data
        return cls(bytes(encoded), np.array(starts, dtype=np.int64))

    @property
    def encoded(self) -> bytes:
        """The bytes between the array's count and what follows it in a file."""
        return self._encoded

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        start = int(self._starts[index])
        (length,) = U64.unpack_from(self._encoded, start - 8)
        return self._encoded[start : start + length].decode("utf-8")

    def undecoded(self) -> list[bytes]:
        """The UTF-8 of every text."""
        encoded, starts = self._encoded, self._starts.tolist()
        ends = [start - 8 for start in starts[1:]] + [len(encoded)]
        return [encoded[start:end] for start, end in zip(starts, ends, strict=False)]

    def lengths(self) -> npt.NDArray[np.int64]:
        """How many bytes each text has."""
        return np.append(self._starts[1:] - 8, len(self._encoded))[: len(self)] - self._starts

    def repeated(self) -> str | None:
        """A text that is there twice, or None; of a whole vocabulary in a few milliseconds."""
        numbers = self._fingerprints()
        ordered = np.sort(numbers)
        shared = ordered[1:][ordered[1:] == ordered[:-1]]
        seen: set[str] = set()
        for place in np.flatnonzero(np.isin(numbers, shared)).tolist():
            if self[place] in seen:
                return self[place]
            seen.add(self[place])
        return None

    def _fingerprints(self) -> npt.NDArray[np.uint64]:
        """A number of each text's length and first and last eight bytes: equal for equal texts."""
        data = np.frombuffer(self._encoded + bytes(8), np.uint8).data
        eights = np.ndarray(len(self._encoded) + 1, "<u8", data, strides=(1,))
        lengths = self.lengths()
        cut = (8 * (8 - np.minimum(lengths, 8))).astype(np.uint64)  # a shift by 64 gives 0
        first = eights[self._starts] << cut >> cut
        last = eights[self._starts + np.maximum(lengths - 8, 0)] << cut >> cut
        mixed = first * np.uint64(0x9E3779B97F4A7C15) + (last * np.uint64(0xC2B2AE3D27D4EB4F) >> 29)
        return np.where(lengths, mixed + lengths.astype(np.uint64), 0)

    def __iter__(self) -> Iterator[str]:
        return (text.decode("utf-8") for text in self.undecoded())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StringArray):
            return self._encoded == other._encoded
        if isinstance(other, list | tuple):
            return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equal to lists, which have no hash

    def __repr__(self) -> str:
        return f"StringArray({len(self)} strings)"


@dataclass(frozen=True, eq=False)
class Value:
    """One metadata value with its exact GGUF type. Any construction is checked and normalised.

    `data` is an int, float, bool or str; of an array, a read-only numpy array (numbers, booleans),
    a StringArray, or a tuple of Values (arrays of arrays). FormatError if it does not fit the kind.
    Two values are equal when a file would hold the same bytes for them, so NaN equals itself.
    """

    kind: ValueKind
    """The GGUF type."""
    data: Any
    """The value, see above; a list or tuple given for an array is packed."""
    item_kind: ValueKind | None = None
    """The items' type; only of arrays."""

    def __post_init__(self) -> None:
        if (self.kind == ValueKind.ARRAY) != (self.item_kind is not None):
            raise FormatError(f"a {self.kind.name} value has item kind {self.item_kind}")
        data = (
            _scalar(self.kind, self.data)
            if self.item_kind is None
            else _items(self.item_kind, self.data)
        )
        object.__setattr__(self, "data", data)

    @classmethod
    def text(cls, text: str) -> Value:
        """A string."""
        return cls(ValueKind.STRING, text)

    @classmethod
    def array(cls, item_kind: ValueKind, items: Iterable[Any]) -> Value:
        """An array of this kind of items."""
        return cls(ValueKind.ARRAY, items, item_kind)

    @property
    def plain(self) -> Any:
        """Plain Python: int, float, bool, str, or a tuple of them (of tuples, if nested).

        Made anew each time: of a vocabulary it takes tens of milliseconds.
        """
        if isinstance(self.data, np.ndarray):
            return tuple(self.data.tolist())
        if self.item_kind == ValueKind.ARRAY:
            return tuple(item.plain for item in self.data)
        return tuple(self.data) if self.item_kind is not None else self.data

    def encoded(self) -> bytes:
        """The bytes a file holds after the kind; an array's begin with its item kind and count."""
        if self.kind == ValueKind.STRING:
            data = encode_text(self.data)
            return U64.pack(len(data)) + data
        if self.item_kind is None:
            return SCALARS[self.kind].pack(self.data)
        head = U32.pack(self.item_kind) + U64.pack(len(self.data))
        if isinstance(self.data, StringArray):
            return head + self.data.encoded
        if isinstance(self.data, np.ndarray):
            return head + self.data.tobytes()
        return head + b"".join(item.encoded() for item in self.data)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value):
            return NotImplemented
        return self.kind == other.kind and self.encoded() == other.encoded()

    def __hash__(self) -> int:
        return hash((self.kind, self.encoded()))


@dataclass(frozen=True)
class TensorInfo:
    """Where one tensor lies in a file and how it is stored."""

    name: str
    """ggml's name, "blk.0.attn_q.weight"."""
    shape: tuple[int, ...]
    """numpy order: the last is the row length (the file stores them the other way round)."""
    codec: Codec
    """How a row is stored."""
    offset: int
    """First byte, counted from the start of the data section; a multiple of the alignment."""
    nbytes: int
    """Bytes without padding."""


def encode_text(text: str) -> bytes:
    """UTF-8; FormatError for what is not a str or holds half a surrogate pair."""
    if not isinstance(text, str):
        raise FormatError(f"a GGUF string cannot hold a {type(text).__name__}: give a str")
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError(f"a string is not valid Unicode: {text[:60]!a}") from error


def is_alignment(number: int) -> bool:
    """Whether tensors may be aligned to so many bytes."""
    return MIN_ALIGNMENT <= number <= MAX_ALIGNMENT and number & (number - 1) == 0


def padded(number: int, alignment: int) -> int:
    """The next multiple of a power of two."""
    return (number + alignment - 1) & -alignment


def _scalar(kind: ValueKind, data: Any) -> int | float | bool | str:
    if kind == ValueKind.STRING:
        if len(encode_text(data)) > MAX_STRING_BYTES:
            raise FormatError(f"a string is longer than {MAX_STRING_BYTES} bytes")
        return str(data)
    is_bool = isinstance(data, bool | np.bool_)
    try:
        if is_bool != (kind == ValueKind.BOOL):
            raise TypeError
        pure = data if is_bool or kind in _FLOATS else operator.index(data)
        (stored,) = SCALARS[kind].unpack(SCALARS[kind].pack(pure))
    except (struct.error, TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"{str(data)[:60]!a} cannot be stored as {kind.name}") from error
    return stored  # type: ignore[no-any-return]


def _items(kind: ValueKind, data: Any) -> Any:
    if kind == ValueKind.STRING:
        return data if isinstance(data, StringArray) else StringArray.of(data)
    if kind == ValueKind.ARRAY:
        items = tuple(data)
        if not all(isinstance(item, Value) and item.kind == kind for item in items):
            raise FormatError("an array of arrays takes Values that are arrays")
        return items
    return _numbers(kind, data) if isinstance(data, np.ndarray) else _packed(kind, list(data))


def _packed(kind: ValueKind, items: list[Any]) -> npt.NDArray[Any]:
    """A list by way of struct: numpy would make [0, 2**63] floats and [True, 2] integers."""
    try:
        if any(isinstance(item, bool | np.bool_) != (kind == ValueKind.BOOL) for item in items):
            raise TypeError
        data = struct.pack(f"<{len(items)}{_FORMATS[kind][1]}", *items)
    except (struct.error, TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"not all items of a list can be stored as {kind.name}") from error
    return np.frombuffer(data, DTYPES[kind])


def _numbers(kind: ValueKind, given: npt.NDArray[Any]) -> npt.NDArray[Any]:
    dtype = DTYPES[kind]
    if given.dtype == dtype and not given.flags.writeable and given.ndim == 1:
        return given
    allowed = {"b": "b", "f": "fiu"}.get(dtype.kind, "iu")
    if given.ndim != 1 or given.dtype.kind not in allowed:
        raise FormatError(f"{given.dtype} {given.shape} is no flat array of {kind.name}")
    if dtype.kind in "iu" and given.size:
        limits = np.iinfo(dtype)
        if int(given.min()) < limits.min or int(given.max()) > limits.max:
            raise FormatError(f"a number in an array is out of the range of {kind.name}")
    try:
        with np.errstate(over="raise"):
            stored = given.astype(dtype)
    except FloatingPointError as error:
        raise FormatError(f"a number in an array is out of the range of {kind.name}") from error
    stored.flags.writeable = False
    return stored
