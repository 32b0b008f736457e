"""Models without a forward pass of ours: what their tensors are, the engine shows.

A short text is run and every operation looked at. What a weight is multiplied by and nothing else
is done with is a matrix, whose codec may be chosen; weights that multiply the same input and stand
in the same part of a layer take one codec together. Nothing here knows a family by name, so that a
newer engine brings newer families.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from penjing.core.errors import FormatError
from penjing.engine.llamacpp import LlamaCpp
from penjing.engine.weights import LOOKUP, PRODUCTS, Use, uses
from penjing.workshop.architectures import Architecture, InputGroup, NoForwardPass, TensorKind
from penjing.workshop.checkpoint import Checkpoint, open_as
from penjing.workshop.forward import require_computable
from penjing.workshop.hyperparameters import Size
from penjing.workshop.importance import EMBEDDING
from penjing.workshop.tensors import TensorSource

ROUTERS = ("ffn_gate_inp.weight", "ffn_gate_inp_shexp.weight")
"""Matrices that stay as they came: a small error sends tokens to other experts."""

_SMALLEST = 32  # weights in the shortest block
_MATRIX: tuple[Size, ...] = ("any", "any")
_KEPT: tuple[Size, ...] = ("any",)


def open_model(path: Path | str, *, threads: int | None = None) -> Checkpoint:
    """A GGUF file or a Hugging Face folder, with our own forward pass where there is one.

    FormatError for a folder of a family that has none, and for what the engine does not run.
    """
    path = Path(path)
    try:
        with ExitStack() as stack:
            checkpoint = stack.enter_context(Checkpoint.open(path))
            require_computable(checkpoint)
            stack.pop_all()
    except NoForwardPass as error:
        if path.is_dir():
            raise FormatError(
                f"{error}: give a GGUF of the model, whatever llama.cpp runs can be compressed "
                "(people publish them on huggingface.co: search for its name and GGUF)"
            ) from error
        return open_surveyed(path, threads=threads)
    return checkpoint


def open_surveyed(path: Path, *, threads: int | None = None) -> Checkpoint:
    """A GGUF file as the engine shows it; FormatError when the engine does not run it."""

    def family(name: str, sources: Mapping[str, TensorSource]) -> Architecture:
        with LlamaCpp.open(path, threads=threads, repack=False) as model:
            found = uses(model, sources)
        return described(name, sources, found)

    return open_as(path, family)


def unsurveyed(path: Path) -> Checkpoint:
    """A GGUF file with every matrix in it taken for one: for files that are only read."""

    def family(name: str, sources: Mapping[str, TensorSource]) -> Architecture:
        matrices = {name for name, source in sources.items() if len(source.shape) >= 2}
        return _architecture(name, sources, matrices, ())

    return open_as(path, family)


def described(
    family: str, sources: Mapping[str, TensorSource], found: Mapping[str, Use]
) -> Architecture:
    """The family of which these tensors are one model, used as `found`."""
    matrices = {
        name for name, source in sources.items() if name in found and _chosen(source, found[name])
    }
    rows = sources[EMBEDDING].shape[0] if EMBEDDING in sources else 0
    if not any(_is_head(sources[name], rows, use) for name, use in found.items()):
        raise FormatError(
            "no tensor of the file tells the next token: give a model that writes text, embedders "
            "and encoders are not compressed"
        )
    return _architecture(family, sources, matrices, _groups(sources, matrices, found))


def _is_head(source: TensorSource, tokens: int, use: Use) -> bool:
    """Whether what a tensor makes is as wide as the vocabulary."""
    return bool(use.operations & set(PRODUCTS)) and source.shape[0] == tokens


def _chosen(source: TensorSource, use: Use) -> bool:
    """Whether the codec of a tensor may be chosen."""
    if len(source.shape) < 2 or source.shape[-1] % _SMALLEST or source.name.endswith(ROUTERS):
        return False
    looked_up = LOOKUP in use.operations and source.name.endswith(EMBEDDING)
    return use.is_matrix and (looked_up or bool(use.operations & set(PRODUCTS)))


def _architecture(
    family: str,
    sources: Mapping[str, TensorSource],
    matrices: set[str],
    groups: tuple[InputGroup, ...],
) -> Architecture:
    """Kinds by what follows "blk.N.". Of what only a forward pass reads nothing is known."""
    kinds: dict[tuple[str, bool], TensorKind] = {}
    for name in sources:
        stem, layered = _stem(name), name.startswith("blk.")
        known = kinds.get((stem, layered))
        if known is None or name in matrices:
            shape = _MATRIX if name in matrices else _KEPT
            kinds[stem, layered] = TensorKind(stem, "", shape, per_layer=layered)
    return Architecture(
        name=family, hf_classes=(), tensors=tuple(kinds.values()), rope="halves",
        activation="silu", hf_activations=(), groups=groups, forward=False,
    )  # fmt: skip


def _groups(
    sources: Mapping[str, TensorSource], matrices: set[str], found: Mapping[str, Use]
) -> tuple[InputGroup, ...]:
    """Which kinds of a layer read the same input in the same part of it; stacks stay apart."""
    shared: dict[tuple[str, str, int, int], list[str]] = {}
    for name in sources:
        if name in matrices and name.startswith("blk.") and len(found[name].inputs) == 1:
            (source,) = found[name].inputs
            prefix, stem = name.removesuffix(_stem(name)), _stem(name)
            key = prefix, stem.partition("_")[0], len(sources[name].shape), source
            shared.setdefault(key, []).append(stem)
    members = dict.fromkeys(tuple(stems) for stems in shared.values() if len(stems) > 1)
    return tuple(InputGroup("+".join(stems), stems, "") for stems in members)


def _stem(name: str) -> str:
    """A layer's tensor without its layer."""
    return name.split(".", 2)[-1] if name.startswith("blk.") else name
