"""A model's weights, numbers and tokenizer as one read-only view, wherever they came from.

Canonical form is the engine's: GGUF metadata, GGUF tensor names, GGUF layout. A Hugging Face
folder is brought into that form while it is read (see `huggingface/`), so that nothing after this
file knows two layouts. Weights stay on disk until asked for, one tensor at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np

from penjing.bundle.gguf_parts import GGUFModel, whole_name
from penjing.bundle.gguf_values import Value
from penjing.core.errors import BadInput, FormatError
from penjing.workshop.architectures import Architecture, NoForwardPass, architecture
from penjing.workshop.huggingface import open_folder
from penjing.workshop.hyperparameters import ModelConfig
from penjing.workshop.metadata import read_config
from penjing.workshop.tensors import Bytes, Floats, TensorSource

_EXAMPLE = "'blk.0.attn_q.weight'"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model, read-only. A step gives a new one (`replacing`); nothing changes one in place."""

    name: str
    """What to call it in a table."""
    architecture: Architecture
    """Its family."""
    numbers: ModelConfig | None
    """What the forward pass of ours computes with; None where only the engine runs it."""
    metadata: Mapping[str, Value]
    """What a GGUF of it carries, in order: numbers, tokenizer, chat template."""
    tensors: Mapping[str, TensorSource]
    """By GGUF name, in the file's order."""
    file: GGUFModel | None = field(default=None, repr=False)
    """The open GGUF, if it came from one."""

    @classmethod
    def open(cls, path: Path | str) -> Checkpoint:
        """A GGUF file or a Hugging Face folder.

        FormatError when it is damaged, of an unknown family or needs what the engine cannot do.
        """
        path = Path(path)
        if path.is_dir():
            folder = open_folder(path)
            try:
                return cls.of(folder.name, folder.metadata, folder.tensors)
            except FormatError as error:
                raise type(error)(f"{path}: {error}") from error
        return _open_gguf(path)

    @classmethod
    def of(
        cls,
        name: str,
        metadata: Mapping[str, Value],
        tensors: Mapping[str, TensorSource],
        *,
        file: GGUFModel | None = None,
    ) -> Checkpoint:
        """Put the parts together; FormatError when they do not make one model."""
        family = architecture(_family_name(metadata))
        config = read_config(family, metadata, {n: t.shape for n, t in tensors.items()})
        _check_tensors(family, config, tensors)
        _check_vocabulary(config, metadata)
        return cls(
            name, family, config, MappingProxyType(dict(metadata)),
            MappingProxyType(dict(tensors)), file,
        )  # fmt: skip

    def replacing(
        self, tensors: Mapping[str, Floats], metadata: Mapping[str, Value] | None = None
    ) -> Checkpoint:
        """The same model with some weights (and metadata) other than they were."""
        changed = {name: TensorSource.of(name, weights) for name, weights in tensors.items()}
        return Checkpoint.of(
            self.name,
            {**self.metadata, **(metadata or {})},
            {**self.tensors, **changed},
            file=self.file,
        )

    def tensor(self, name: str) -> TensorSource:
        """One tensor; BadInput when the model has none of this name."""
        if name not in self.tensors:
            raise BadInput(f"{self.name} has no tensor '{name}': names are like {_EXAMPLE}")
        return self.tensors[name]

    @property
    def config(self) -> ModelConfig:
        """Its numbers; FormatError for a model that only the engine runs."""
        if self.numbers is None:
            raise NoForwardPass(f"the workshop has no forward pass of {self.architecture.name}")
        return self.numbers

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return len(self.metadata["tokenizer.ggml.tokens"].data)

    @property
    def quantizable(self) -> tuple[str, ...]:
        """Names of the tensors whose codec may be chosen: the matrices."""
        return tuple(n for n in self.tensors if self.architecture.kind_of(n).quantizable)

    @property
    def parameters(self) -> int:
        """Trained weights; tables that follow from the numbers do not count."""
        return sum(
            source.parameters
            for name, source in self.tensors.items()
            if self.architecture.kind_of(name).trained
        )

    def sha256(self) -> str:
        """Signature of all that decides what the model says, names and licences apart.

        Reads every weight the first time.
        """
        return self._signature

    @cached_property
    def _signature(self) -> str:
        digest = hashlib.sha256()
        for key in sorted(self.metadata):
            if key.startswith("general.") and key != "general.architecture":
                continue
            value = self.metadata[key]
            digest.update(f"{key}\0{value.kind.name}\0".encode() + value.encoded())
        for name in sorted(self.tensors):
            source = self.tensors[name]
            digest.update(f"{name}\0{source.codec.name}\0{source.shape}\0".encode())
            digest.update(np.ascontiguousarray(source.raw()).data)
        self.release()
        return digest.hexdigest()

    def release(self) -> None:
        """Give back the memory of weights that were read from a mapped file."""
        if self.file is not None:
            self.file.release()

    def close(self) -> None:
        """Let go of the file. Calling it twice is harmless."""
        if self.file is not None:
            self.file.close()

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _open_gguf(path: Path) -> Checkpoint:
    file = GGUFModel.open(path)
    try:
        name = str(file.get("general.name") or whole_name(path))
        return Checkpoint.of(name, file.metadata, _sources(file), file=file)
    except FormatError as error:
        file.close()
        raise type(error)(f"{path}: {error}") from error


def open_as(
    path: Path, family: Callable[[str, Mapping[str, TensorSource]], Architecture]
) -> Checkpoint:
    """A GGUF file as a model that only the engine runs; `family` says what its tensors are.

    FormatError when it is damaged, is no whole model or has no tokenizer.
    """
    file = GGUFModel.open(path)
    try:
        architecture_name = _family_name(file.metadata)
        _require_tokens(file.metadata)
        sources = _sources(file)
        return Checkpoint(
            str(file.get("general.name") or whole_name(path)),
            family(architecture_name, sources), None,
            file.metadata, MappingProxyType(sources), file,
        )  # fmt: skip
    except BaseException:
        file.close()
        raise


def _sources(file: GGUFModel) -> dict[str, TensorSource]:
    return {
        info.name: TensorSource(info.name, info.shape, info.codec, _reader(file, info.name))
        for info in file.tensors.values()
    }


def _reader(file: GGUFModel, name: str) -> Callable[[], Bytes]:
    return lambda: file.raw(name)


def _family_name(metadata: Mapping[str, Value]) -> str:
    kind = metadata.get("general.type")
    if kind is not None and kind.plain != "model":
        raise FormatError(f"the file is of the kind {str(kind.plain)[:40]}: give a whole model")
    family = metadata.get("general.architecture")
    if family is None or not isinstance(family.plain, str):
        raise FormatError("no general.architecture: the file does not say what model it is")
    return family.plain


def _check_tensors(
    family: Architecture, config: ModelConfig, tensors: Mapping[str, TensorSource]
) -> None:
    """Raise unless every tensor is known, of the right shape, and none is missing."""
    expected = {
        name: (kind, layer if kind.per_layer else None)
        for name, kind, layer in family.expected(config.layers)
        if not (kind.per_layer and kind.absent(config.sizes(layer)))
    }
    for name, source in tensors.items():
        if name not in expected:
            family.kind_of(name)
            raise FormatError(
                f"tensor '{name}' is of a layer beyond the {config.layers} there are, or of one "
                "that the numbers say has no such part: the file contradicts itself"
            )
        kind, layer = expected[name]
        if source.shape != kind.dimensions(config, layer):
            raise FormatError(
                f"tensor '{name}' has the shape {source.shape} and a {family.name} model of these "
                f"numbers {kind.dimensions(config, layer)}: the file contradicts itself"
            )
    for name, (kind, _) in expected.items():
        if name not in tensors and not kind.optional:
            raise FormatError(f"tensor '{name}' is missing: the model is not complete")


def _require_tokens(metadata: Mapping[str, Value]) -> int:
    """How many tokens; FormatError where there is no tokenizer."""
    tokens = metadata.get("tokenizer.ggml.tokens")
    if tokens is None or tokens.item_kind is None:
        raise FormatError("no tokenizer: get the model with its tokenizer")
    return len(tokens.data)


def _check_vocabulary(config: ModelConfig, metadata: Mapping[str, Value]) -> None:
    tokens = _require_tokens(metadata)
    if tokens != config.vocab:
        raise FormatError(
            f"{tokens} tokens for {config.vocab} rows of the embedding: the file contradicts itself"
        )
