"""Safetensors files, read without trusting them: one header check, then slices of a mapped file.

Knows names, shapes and number types; must not know what a tensor means. Pickled weights are
refused: unpickling runs whatever code the file contains.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from penjing.bundle.codecs import Codec, codec
from penjing.core.errors import BadInput, FormatError
from penjing.core.plain_json import parse_json
from penjing.core.strangers import is_there, open_plain, read_errors, read_plain

MAX_HEADER_BYTES = 100_000_000
"""The format's own limit."""
MAX_JSON_BYTES = 128 * 2**20
"""Of an index, a config or a tokenizer: the largest vocabularies need a third of it."""

_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_TYPES = {"F32": ("F32", "<f4"), "F16": ("F16", "<f2"), "BF16": ("BF16", "<u2")}
"""safetensors dtype -> (codec, how numpy holds it; it has no bfloat16, so its bits)."""
_BITS = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8,
    "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "U16": 16, "I16": 16, "F16": 16, "BF16": 16,
    "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
"""Every dtype the format has: what is no weight (counters, masks, angles) may be of any."""
_MAX_DIMENSIONS = 8


@dataclass(frozen=True)
class StoredTensor:
    """Where one tensor lies in a safetensors file."""

    name: str
    """Hugging Face's name."""
    shape: tuple[int, ...]
    """numpy order."""
    dtype: str
    """As safetensors calls it; not every one is read."""
    file: Path
    """Which file."""
    offset: int
    """First byte, from the start of the file."""

    @property
    def codec(self) -> Codec:
        """F32, F16 or BF16; FormatError for what cannot be a weight."""
        what = f"{self.file}: tensor {self.name[:80]!a}"
        if self.dtype not in _TYPES:
            raise FormatError(
                f"{what} is {self.dtype}: only {', '.join(_TYPES)} weights are read, "
                "get the model before it was quantized"
            )
        if not self.shape or 0 in self.shape:
            raise FormatError(f"{what} has the shape {list(self.shape)}: get it again")
        return codec(_TYPES[self.dtype][0])

    def read(self) -> npt.NDArray[Any]:
        """The stored numbers [shape], a read-only view of the file; BF16 as its 16 bits."""
        dtype = np.dtype(_TYPES[self.codec.name][1])
        with read_errors(self.file), open_plain(self.file, inside=self.file.parent) as file:
            try:
                return np.memmap(file, dtype, "r", offset=self.offset, shape=self.shape)
            except ValueError as error:
                raise BadInput(f"cannot read {self.file}: {error}") from error


def read_object(path: Path, *, limit: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """A JSON object from a file; FormatError for anything else, BadInput if it cannot be read."""
    return parse_object(read_plain(path, limit=limit, inside=path.parent), str(path))


def parse_object(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object from bytes; FormatError for anything else."""
    try:
        found = parse_json(data)
    except FormatError as error:
        raise FormatError(f"{what} is not sound JSON ({error}): get it again") from error
    if not isinstance(found, dict):
        raise FormatError(f"{what} holds a {type(found).__name__}, not an object: get it again")
    return found


def stored_tensors(folder: Path) -> Mapping[str, StoredTensor]:
    """Every tensor of a folder's safetensors files, by Hugging Face's name."""
    index, single = folder / _INDEX, folder / _SINGLE
    if is_there(single):
        return MappingProxyType(read_header(single))
    if is_there(index):
        return MappingProxyType(_sharded(folder, index))
    pickled = sorted(path.name for pattern in _PICKLED for path in folder.glob(pattern))
    if pickled:
        raise FormatError(
            f"{folder} holds pickled weights only ({pickled[0]}), which can run code when they "
            "are read: get or save the model as safetensors"
        )
    raise FormatError(f"{folder} has no {_SINGLE}: it is not a whole Hugging Face model")


def _sharded(folder: Path, index: Path) -> dict[str, StoredTensor]:
    places = read_object(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise FormatError(f"{index} has no weight_map: get it again")
    files: dict[str, dict[str, StoredTensor]] = {}
    found: dict[str, StoredTensor] = {}
    for name, file in places.items():
        if (
            not isinstance(file, str)
            or Path(file).name != file
            or not file.endswith(".safetensors")
        ):
            raise FormatError(f"{index} names {str(file)[:80]!a}, not a safetensors file beside it")
        if file not in files:
            files[file] = read_header(folder / file)
        if name not in files[file]:
            raise FormatError(f"{folder / file} lacks the tensor {name[:80]!a}: get it again")
        found[name] = files[file][name]
    return found


def read_header(path: Path) -> dict[str, StoredTensor]:
    """The tensors of one file, every offset checked against the file's size."""
    with read_errors(path), open_plain(path, inside=path.parent) as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(MAX_HEADER_BYTES, size - 8):
            raise FormatError(
                f"{path} is {size} bytes long and claims a header of {length}: "
                "it is cut short or no safetensors file, get it again"
            )
        header = parse_object(file.read(length), f"the header of {path}")
    header.pop("__metadata__", None)
    spans = {name: _span(path, name, entry) for name, entry in header.items()}
    _check_spans(path, list(spans.values()), size - 8 - length)
    return {
        name: StoredTensor(name, span.shape, span.dtype, path, 8 + length + span.begin)
        for name, span in spans.items()
    }


@dataclass(frozen=True)
class _Span:
    shape: tuple[int, ...]
    dtype: str
    begin: int
    end: int


def _span(path: Path, name: str, entry: Any) -> _Span:
    what = f"{path}: tensor {name[:80]!a}"
    if not isinstance(entry, dict):
        raise FormatError(f"{what} is described by no object: get it again")
    dtype = entry.get("dtype")
    shape, offsets = _counts(entry.get("shape")), _counts(entry.get("data_offsets"))
    if not isinstance(dtype, str) or dtype not in _BITS:
        raise FormatError(f"{what} is {str(dtype)[:20]}, which is no type of numbers: get it again")
    if shape is None or len(shape) > _MAX_DIMENSIONS:
        raise FormatError(f"{what} has the shape {str(entry.get('shape'))[:60]}: get it again")
    if offsets is None or len(offsets) != 2:
        raise FormatError(f"{what} lies at {str(entry.get('data_offsets'))[:60]}: get it again")
    begin, end = offsets
    if 8 * (end - begin) != prod(shape) * _BITS[dtype]:
        raise FormatError(f"{what} of {dtype} {shape} has {end - begin} bytes: get it again")
    return _Span(shape, dtype, begin, end)


def _counts(found: Any) -> tuple[int, ...] | None:
    """A list of whole numbers from 0 to 2^63, or None for anything else."""
    if not isinstance(found, list):
        return None
    sound = all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**63 for n in found)
    return tuple(found) if sound else None


def _check_spans(path: Path, spans: list[_Span], available: int) -> None:
    """Raise unless the tensors fill the rest of the file, side by side."""
    end = 0
    for span in sorted(spans, key=lambda span: span.begin):
        if span.begin != end:
            raise FormatError(f"{path}: tensors overlap or leave a gap at {end}: get it again")
        end = span.end
    if end != available:
        raise FormatError(
            f"{path} has {available} bytes of weights and describes {end}: get it again"
        )
