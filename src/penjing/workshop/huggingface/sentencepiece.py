"""tokenizer.model: the pieces of a SentencePiece vocabulary, read as data.

It is a protocol buffer; the few fields that matter are read here, each length checked against the
bytes that are there. Must not know how the engine cuts text.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from penjing.core.errors import FormatError
from penjing.core.strangers import read_plain

_LIMIT = 64 * 2**20
_MODELS = {1: "Unigram", 2: "BPE", 3: "words", 4: "characters"}
_INSTEAD = "get the model with its tokenizer.json, or a GGUF of it"
_SPECIAL = {40: "unk", 41: "bos", 42: "eos", 43: "pad"}
_USUAL = {"unk": 0, "bos": 1, "eos": 2}


@dataclass(frozen=True)
class Piece:
    """One entry of the vocabulary."""

    text: str
    """Spaces are U+2581."""
    score: float
    """The higher, the sooner it is put together."""
    type: int
    """As tokenizer.ggml.token_type counts."""


@dataclass(frozen=True)
class Pieces:
    """What a tokenizer.model says."""

    pieces: tuple[Piece, ...]
    """In order of ids."""
    space_prefix: bool
    """Whether a space is put before a text."""
    special: Mapping[str, int]
    """Ids of "unk", "bos", "eos" and "pad", of those there are."""


def read_pieces(path: Path) -> Pieces:
    """Read a file; FormatError for one that is damaged, or cuts texts as the engine cannot."""
    data = read_plain(path, limit=_LIMIT, inside=path.parent)
    try:
        return _model(data)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    except (UnicodeDecodeError, struct.error, IndexError) as error:
        raise FormatError(f"{path} is no sound SentencePiece model: {_INSTEAD}") from error


def _model(data: bytes) -> Pieces:
    pieces: list[Piece] = []
    trainer: dict[int, int] = {}
    cutting: dict[int, int | bytes] = {3: 1, 4: 1}
    for number, value in _fields(data):
        if number == 1 and isinstance(value, bytes):
            pieces.append(_piece(value))
        elif number == 2 and isinstance(value, bytes):
            trainer |= {n: v for n, v in _fields(value) if isinstance(v, int)}
        elif number == 3 and isinstance(value, bytes):
            cutting |= dict(_fields(value))
    if not pieces:
        raise FormatError(f"it holds no pieces: {_INSTEAD}")
    _require_known(trainer, cutting)
    special = _USUAL | {name: trainer[n] for n, name in _SPECIAL.items() if n in trainer}
    there = {name: n for name, n in special.items() if 0 <= n < len(pieces)}
    return Pieces(tuple(pieces), bool(cutting[3]), MappingProxyType(there))


def _require_known(trainer: Mapping[int, int], cutting: Mapping[int, int | bytes]) -> None:
    kind = trainer.get(3, 1)
    if kind != 2:
        raise FormatError(
            f"it is a SentencePiece model of {_MODELS.get(kind, 'another kind')}, and only BPE is "
            f"read without a tokenizer.json: {_INSTEAD}"
        )
    if cutting.get(2):
        raise FormatError(f"it rewrites texts before it cuts them: {_INSTEAD}")
    if cutting[4]:
        raise FormatError(f"it takes white space away, which the engine does not: {_INSTEAD}")
    if trainer.get(24):
        raise FormatError(f"it puts spaces behind words: {_INSTEAD}")
    if not trainer.get(35):
        raise FormatError(f"it spells no bytes: {_INSTEAD}")


def _piece(data: bytes) -> Piece:
    text, score, kind = "", 0.0, 1
    for number, value in _fields(data):
        if number == 1 and isinstance(value, bytes):
            text = value.decode("utf-8")
        elif number == 2 and isinstance(value, bytes):
            (score,) = struct.unpack("<f", value)
        elif number == 3 and isinstance(value, int):
            kind = value
    if not 1 <= kind <= 6 or not text or not math.isfinite(score):
        raise FormatError(f"the piece {text[:40]!a} is damaged: {_INSTEAD}")
    return Piece(text, score, kind)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of a message's fields: numbers, and bytes for all that is longer."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value - 2**64 if value >> 63 else value
            continue
        size = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            size, at = _varint(data, at)
        if size is None or size > len(data) - at:
            raise FormatError(f"it is no SentencePiece model, or cut short: {_INSTEAD}")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
    raise FormatError(f"it is no SentencePiece model: {_INSTEAD}")
