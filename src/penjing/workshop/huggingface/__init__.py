"""A Hugging Face folder in canonical form: numbers, tokenizer and weights of a `Checkpoint`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from penjing.bundle.codecs import codec
from penjing.bundle.folders import folder_name
from penjing.bundle.gguf_values import Value
from penjing.core.errors import BadInput, FormatError
from penjing.core.strangers import is_there, read_errors
from penjing.ggml.quantize import dequantize
from penjing.workshop.architectures import Architecture, TensorKind
from penjing.workshop.huggingface.config import (
    FolderConfig,
    long_factors,
    metadata_of,
    read_folder_config,
    rope_frequencies,
)
from penjing.workshop.huggingface.layout import reordered, shifted
from penjing.workshop.huggingface.tokenizer import tokenizer_metadata
from penjing.workshop.huggingface.weights import StoredTensor, read_object, stored_tensors
from penjing.workshop.tensors import Bytes, TensorSource

_F32 = codec("F32")
_TABLE, _HEAD = "model.embed_tokens.weight", "lm_head.weight"
_PHI3_TOKENS = ("</s>", "<unk>", "<s>", "<|endoftext|>")
_CONFIG_BYTES = 4 * 2**20


@dataclass(frozen=True, eq=False)
class ModelFolder:
    """What was read; its weights are still on disk."""

    name: str
    """What to call it in a table."""
    metadata: Mapping[str, Value]
    """What a GGUF of it carries."""
    tensors: Mapping[str, TensorSource]
    """By GGUF name, in canonical order."""


def open_folder(folder: Path) -> ModelFolder:
    """Read a model folder lazily; FormatError names what is wrong with it or not supported."""
    path = folder / "config.json"
    try:
        with read_errors(folder):
            return _opened(folder, path)
    except FormatError as error:
        text = str(error)
        raise type(error)(text if str(folder) in text else f"{folder}: {text}") from error


def _opened(folder: Path, path: Path) -> ModelFolder:
    if not is_there(path):
        raise BadInput(f"{folder} has no config.json: give a GGUF file or a Hugging Face folder")
    config = read_folder_config(read_object(path, limit=_CONFIG_BYTES))
    sources = _sources(folder, config)
    rows = _vocabulary(config, sources)
    name = folder_name(folder)
    tokenizer = tokenizer_metadata(folder, config.values, rows, rowless=config.family.rowless)
    metadata = metadata_of(config, _harmless(name, tokenizer)) | tokenizer
    return ModelFolder(name, metadata, sources)


def _harmless(name: str, tokenizer: Mapping[str, Value]) -> str:
    """The name as the engine can load it: of one like Phi-3 it wants four tokens to be there."""
    tokens = tokenizer["tokenizer.ggml.tokens"].data
    if set(_PHI3_TOKENS) <= set(tokens):
        return name
    return re.sub("phi-?3", "phi 3", name, flags=re.IGNORECASE)


def _sources(folder: Path, config: FolderConfig) -> dict[str, TensorSource]:
    """Every tensor under its GGUF name, in canonical order; raises for one nobody knows."""
    stored = _text_part(config.family, stored_tensors(folder))
    layers = config.count("num_hidden_layers")
    _untie(config, stored)
    sources: dict[str, TensorSource] = {}
    for name, kind, layer in config.family.expected(layers):
        found = stored.pop(kind.hf_name(layer), None) if kind.hf else None
        if found is not None:
            sources[name] = _source(name, kind, found, config)
    for left in sorted(stored):
        stored[left].codec  # noqa: B018 - what is packed in a way nobody reads says so
        raise FormatError(
            f"tensor '{left[:80]}' is not part of a {config.family.name} model of "
            f"{layers} layers: use another model"
        )
    factors = rope_frequencies(config)
    if factors is not None:
        sources["rope_freqs.weight"] = TensorSource.of("rope_freqs.weight", factors)
    for name, divisors in long_factors(config).items():
        sources[name] = TensorSource.of(name, divisors)
    return sources


def _untie(config: FolderConfig, stored: dict[str, StoredTensor]) -> None:
    """Leave a head where there is one: one that was trained apart counts, whatever is claimed."""
    table, head = stored.get(_TABLE), stored.get(_HEAD)
    if not config.tied:
        if head is None:
            raise FormatError("lm_head.weight is missing and config.json ties no embeddings")
    elif head is not None and table is None:
        stored[_TABLE] = stored.pop(_HEAD)  # the one table, under its other name
    elif head is not None and table is not None and _same(head, table):
        del stored[_HEAD]


def _same(one: StoredTensor, other: StoredTensor) -> bool:
    """Whether two tables hold the same numbers; some rows at a time."""
    if one.shape != other.shape:
        return False
    first, second = one.read(), other.read()
    step = max(1, 2**22 // one.shape[-1])
    for row in range(0, one.shape[0], step):
        a, b = first[row : row + step], second[row : row + step]
        if one.codec == other.codec:
            alike = np.array_equal(a.view(np.uint8), b.view(np.uint8))
        else:
            alike = np.array_equal(_floats(one, a), _floats(other, b))
        if not alike:
            return False
    return True


def _floats(tensor: StoredTensor, rows: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return dequantize(tensor.codec, rows.reshape(-1).view(np.uint8), rows.shape)


def _vocabulary(config: FolderConfig, sources: Mapping[str, TensorSource]) -> int:
    """Rows of the embedding, before a tokenizer is padded to what config.json merely claims."""
    embedding = sources.get("token_embd.weight")
    rows, claimed = embedding.shape[0] if embedding else 0, config.count("vocab_size")
    if rows != claimed:
        raise FormatError(f"the embedding has {rows} rows and config.json says {claimed}")
    return rows


def _text_part(family: Architecture, stored: Mapping[str, StoredTensor]) -> dict[str, StoredTensor]:
    """The tensors of the language model, under the names a model without eyes would use."""
    found = {}
    for name, tensor in stored.items():
        if name.startswith(family.hf_ignored) or name.endswith(family.hf_computed):
            continue
        renames = ((old, new) for old, new in family.hf_renames if name.startswith(old))
        old, new = next(renames, ("", ""))
        found[new + name.removeprefix(old)] = tensor
    return found


def _source(name: str, kind: TensorKind, found: StoredTensor, config: FolderConfig) -> TensorSource:
    heads, kv_heads = config.count("num_attention_heads"), config.count("num_key_value_heads")

    exact = kind.quantizable  # the engine takes norms and biases in F32 only

    def read() -> Bytes:
        stored = reordered(kind.transform, found.read(), heads, kv_heads)
        raw: Bytes = np.ascontiguousarray(stored).reshape(-1).view(np.uint8)
        if exact:
            return raw
        weights = dequantize(found.codec, raw, found.shape)
        return shifted(kind.transform, weights).view(np.uint8)

    return TensorSource(name, found.shape, found.codec if exact else _F32, read)
