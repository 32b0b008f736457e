"""What decides a model's memory and speed: a handful of numbers, from wherever they are known.

Reads a GGUF's table, a config.json or a catalogue entry, never a weight. Knows no device.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil, prod
from pathlib import Path
from typing import Any

from penjing.bundle.catalogue import ModelEntry
from penjing.bundle.codecs import CODECS
from penjing.bundle.codecs import codec as codec_named
from penjing.bundle.folder import model_name
from penjing.bundle.folders import folder_name
from penjing.bundle.gguf_parts import GGUFModel
from penjing.bundle.gguf_values import TensorInfo
from penjing.core.errors import FormatError
from penjing.core.plain_json import read_json
from penjing.core.strangers import open_plain, read_errors

REPACKED = frozenset({"Q4_0", "IQ4_NL", "Q2_K", "Q4_K"})
"""Codecs that the engine rearranges at load for the CPU's dot products."""

_CONFIG_LIMIT = 4 * 2**20
_KV_BYTES = 2  # a number of the KV cache, f16
_STORED_AS = "BF16"  # what a folder of safetensors holds, unless a codec is named


@dataclass(frozen=True)
class ModelShape:
    """A model as memory and speed see it."""

    name: str
    """What to call it."""
    parameters: int
    """Weights; tied ones counted once."""
    weight_bytes: int
    """All weights as stored."""
    layers: int
    """Transformer blocks."""
    kv_heads: int
    """Key and value heads of a layer; the mean, rounded up, where layers differ."""
    head_dim: int
    """Numbers of one head's key."""
    vocab: int
    """Tokens."""
    hidden: int
    """Width of the residual stream."""
    ffn: int
    """Inner width of the feed-forward part; the widest layer's."""
    context_trained: int
    """Tokens it was trained to read; no context is larger than this."""
    tied: bool = True
    """Whether the embedding table is also the output head."""
    lookup_bytes: int = 0
    """Weights of which a token reads one row only: the embedding table of an untied model."""
    plain_share: float = 0.0
    """Share of the layers' weights in codecs that the engine does not repack at load (REPACKED);
    they read prompts more slowly."""

    @property
    def read_bytes(self) -> int:
        """Weights that writing one token reads from memory."""
        return self.weight_bytes - self.lookup_bytes

    @property
    def read_parameters(self) -> int:
        """Weights that writing one token multiplies with."""
        return self.parameters - (0 if self.tied else self.vocab * self.hidden)

    @property
    def prompt_parameters(self) -> int:
        """Weights that reading one token multiplies with: the head works for the last one only."""
        return self.read_parameters - self.vocab * self.hidden

    def usable_context(self, context: int) -> int:
        """The context the engine will give when `context` is asked for."""
        return min(context, self.context_trained)

    def kv_bytes(self, context: int) -> int:
        """Keys and values of a full context, f16."""
        numbers = 2 * self.layers * self.kv_heads * self.head_dim
        return numbers * self.usable_context(context) * _KV_BYTES

    def with_bytes(self, weight_bytes: int) -> ModelShape:
        """The same model stored in so many bytes."""
        share = self.lookup_bytes / self.weight_bytes
        return replace(self, weight_bytes=weight_bytes, lookup_bytes=round(share * weight_bytes))

    def with_codec(self, name: str) -> ModelShape:
        """The same model as if every weight were stored in this codec."""
        codec = codec_named(name)
        stored = self.with_bytes(ceil(self.parameters * codec.bits / 8))
        return replace(stored, plain_share=0.0 if codec.name in REPACKED else 1.0)


def shape_from_gguf(path: Path) -> ModelShape:
    """The shape of a GGUF file. FormatError when its metadata does not say."""
    with GGUFModel.open(path) as file:
        architecture = file.get("general.architecture")
        if not isinstance(architecture, str):
            raise FormatError(f"{path} does not name its architecture: it is not a language model")
        read = _Keys(str(path), {key: file.get(key) for key in file.metadata}, f"{architecture}.")
        table = file.tensors.get("token_embd.weight")
        if table is None or len(table.shape) != 2:
            raise FormatError(f"{path} has no embedding table: it is not a language model")
        heads = read.number("attention.head_count")
        hidden = read.number("embedding_length")
        tied = "output.weight" not in file.tensors
        return ModelShape(
            name=model_name(path),
            parameters=sum(prod(tensor.shape) for tensor in file.tensors.values()),
            weight_bytes=sum(tensor.nbytes for tensor in file.tensors.values()),
            layers=read.number("block_count"),
            kv_heads=read.number("attention.head_count_kv", default=heads),
            head_dim=read.number("attention.key_length", default=max(1, hidden // heads)),
            vocab=table.shape[0],
            hidden=hidden,
            ffn=read.number("feed_forward_length", widest=True),
            context_trained=read.number("context_length"),
            tied=tied,
            lookup_bytes=0 if tied else table.nbytes,
            plain_share=_plain_share(file.tensors.values()),
        )


def _plain_share(tensors: Iterable[TensorInfo]) -> float:
    """Of the matrices inside the blocks, by weights."""
    matrices = [
        tensor for tensor in tensors if tensor.name.startswith("blk.") and len(tensor.shape) > 1
    ]
    plain = sum(prod(item.shape) for item in matrices if item.codec.name not in REPACKED)
    return plain / max(1, sum(prod(item.shape) for item in matrices))


def shape_from_entry(entry: ModelEntry, codec: str | None = None) -> ModelShape:
    """The shape of a catalogue entry, before any download.

    An entry that pins no file is taken as it lies on the hub, in BF16, unless `codec` is given.
    """
    shape = entry.shape
    table = shape.vocabulary * shape.hidden
    attention = 2 * shape.hidden * shape.head_dim * (shape.heads + shape.kv_heads)
    body = shape.layers * (attention + 3 * shape.hidden * shape.ffn)
    tied = entry.parameters - body < 1.5 * table
    found = ModelShape(
        name=entry.name,
        parameters=entry.parameters,
        weight_bytes=entry.parameters,
        layers=shape.layers,
        kv_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        vocab=shape.vocabulary,
        hidden=shape.hidden,
        ffn=shape.ffn,
        context_trained=entry.context,
        tied=tied,
        lookup_bytes=0 if tied else table,
    )
    stored = found.with_codec(codec or _codec_in(entry.file or "") or _STORED_AS)
    return stored if codec or entry.bytes is None else stored.with_bytes(entry.bytes)


def _codec_in(name: str) -> str | None:
    """The codec that a file name states: "Model.Q4_1.gguf"."""
    return next((word for word in re.split(r"[.-]", name.upper()) if word in CODECS), None)


def shape_from_folder(folder: Path, codec: str | None = None) -> ModelShape:
    """The shape of a Hugging Face folder, from its config.json; FormatError when it is silent."""
    path = folder / "config.json"
    read = _Keys(str(path), _config(path), "")
    heads, hidden = read.number("num_attention_heads"), read.number("hidden_size")
    shape = ModelShape(
        name=folder_name(folder),
        parameters=1,
        weight_bytes=1,
        layers=read.number("num_hidden_layers"),
        kv_heads=read.number("num_key_value_heads", default=heads),
        head_dim=read.number("head_dim", default=max(1, hidden // heads)),
        vocab=read.number("vocab_size"),
        hidden=hidden,
        ffn=read.number("intermediate_size"),
        context_trained=read.number("max_position_embeddings"),
        tied=bool(read.data.get("tie_word_embeddings", False)),
    )
    table = shape.vocab * hidden
    attention = 2 * hidden * shape.head_dim * (heads + shape.kv_heads)
    body = shape.layers * (attention + 3 * hidden * shape.ffn + 2 * hidden) + hidden
    parameters = body + table * (1 if shape.tied else 2)
    lookup = 0 if shape.tied else table
    counted = replace(shape, parameters=parameters, weight_bytes=parameters, lookup_bytes=lookup)
    stored = sum(_size(part, folder) for part in folder.glob("*.safetensors"))
    return (
        counted.with_bytes(stored)
        if stored and not codec
        else counted.with_codec(codec or _STORED_AS)
    )


def _size(part: Path, folder: Path) -> int:
    with read_errors(part), open_plain(part, inside=folder) as file:
        return os.fstat(file.fileno()).st_size


def _config(path: Path) -> dict[str, Any]:
    data = read_json(path, limit=_CONFIG_LIMIT, inside=path.parent)
    if not isinstance(data, dict):
        raise FormatError(f"{path} is not a model's config: check the folder")
    inner = data.get("text_config")  # a vision model's language half
    return inner if isinstance(inner, dict) else data


@dataclass(frozen=True)
class _Keys:
    """Metadata that is read number by number."""

    where: str
    data: dict[str, Any]
    prefix: str

    def number(self, key: str, *, default: int | None = None, widest: bool = False) -> int:
        """A positive whole number; a list (one number a layer) gives its mean or its largest."""
        value: Any = self.data.get(self.prefix + key, default)
        if hasattr(value, "tolist"):
            value = value.tolist()
        if isinstance(value, list | tuple) and value and all(map(_count, value)):
            value = max(value) if widest else ceil(sum(value) / len(value))
        if type(value) is not int or not 0 < value < 2**40:
            raise FormatError(
                f"{self.where} does not say '{self.prefix[:40]}{key}': it cannot be judged"
            )
        return value


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0
