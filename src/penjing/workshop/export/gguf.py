"""Checkpoint + a codec for each tensor -> a GGUF file that any llama.cpp of its age can run.

The same checkpoint and plan give the same bytes. A codec that does not fit is an error, never
another codec; bytes that need no change are copied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from penjing.bundle.codecs import Codec, codec
from penjing.bundle.gguf_values import Value, ValueKind
from penjing.bundle.gguf_writer import OutTensor, gguf_bytes, write_gguf
from penjing.core.errors import BadInput, PenjingError
from penjing.core.progress import Progress, Silent
from penjing.ggml.quantize import quantize
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.tensors import Bytes, TensorSource

Encoded = Callable[[str, Codec], Bytes | None]
"""Bytes that somebody has already made for a tensor in a codec, or None."""

WRITABLE = (
    "F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "IQ4_NL", "Q2_0",
    "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS", "TQ1_0", "TQ2_0", "MXFP4", "Q1_0",
    "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S",
)  # fmt: skip
"""Codecs that weights may be encoded in."""

QUANTIZATION_VERSION = 2
"""GGML_QNT_VERSION: the layout of all block formats."""

# llama_ftype of a file whose matrices are mostly of one codec (llama.h)
_FILE_TYPES = {
    "F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10,
    "Q3_K": 12, "Q4_K": 15, "Q5_K": 17, "Q6_K": 18, "IQ2_XXS": 19, "IQ2_XS": 20, "IQ3_XXS": 23,
    "IQ4_NL": 25, "IQ3_S": 26, "IQ2_S": 28, "IQ4_XS": 30, "BF16": 32, "TQ1_0": 36, "TQ2_0": 37,
    "MXFP4": 38, "NVFP4": 39, "Q1_0": 40, "Q2_0": 41,
}  # fmt: skip
_STALE = "quantize.imatrix."
"""Keys that tell which importance matrix made the bytes: no longer true of other bytes."""


def plan_for(checkpoint: Checkpoint, name: str) -> dict[str, str]:
    """The same codec for every matrix; BadInput names the first tensor it does not fit."""
    plan = dict.fromkeys(checkpoint.quantizable, codec(name).name)
    check_plan(checkpoint, plan, {})
    return plan


def export_gguf(
    checkpoint: Checkpoint,
    path: Path,
    plan: Mapping[str, str],
    *,
    imatrix: Mapping[str, npt.NDArray[np.float32]] | None = None,
    progress: Progress | None = None,
    encoded: Encoded | None = None,
) -> None:
    """Write `checkpoint` with each tensor in its planned codec; others keep the one they have.

    A tensor is taken from `encoded` if that has it, copied if its codec does not change, and
    otherwise encoded, its rounding weighted by `imatrix` [row length] where there is one.
    BadInput, before anything is written, for a plan that cannot be carried out.
    """
    importance = imatrix or {}
    check_plan(checkpoint, plan, importance)
    tensors = _out_tensors(checkpoint, plan, importance, encoded)
    metadata = export_metadata(checkpoint, plan)
    total = gguf_bytes(metadata, tensors)
    with (progress or Silent()).task(f"writing {path.name}", total, unit="B") as task:
        write_gguf(path, metadata, tensors, on_bytes=task.advance)


def export_bytes(checkpoint: Checkpoint, plan: Mapping[str, str]) -> int:
    """The exact size of the file `export_gguf` would write."""
    metadata = export_metadata(checkpoint, plan)
    return gguf_bytes(metadata, _out_tensors(checkpoint, plan, {}, None))


def export_metadata(checkpoint: Checkpoint, plan: Mapping[str, str]) -> dict[str, Value]:
    """The metadata of the exported file: the checkpoint's, and what its codecs are."""
    metadata = dict(checkpoint.metadata)
    codecs = {name: _planned(source, plan) for name, source in checkpoint.tensors.items()}
    unchanged = all(codecs[n] == source.codec for n, source in checkpoint.tensors.items())
    if unchanged and "general.file_type" in metadata:
        return metadata
    metadata = {key: value for key, value in metadata.items() if not key.startswith(_STALE)}
    weights: Counter[str] = Counter()
    for name in checkpoint.quantizable:
        weights[codecs[name].name] += checkpoint.tensors[name].parameters
    most = max(weights, key=lambda name: (weights[name], name))
    metadata["general.file_type"] = Value(ValueKind.UINT32, _FILE_TYPES.get(most, 0))
    version = Value(ValueKind.UINT32, QUANTIZATION_VERSION)
    metadata["general.quantization_version"] = version
    return metadata


def _out_tensors(
    checkpoint: Checkpoint,
    plan: Mapping[str, str],
    imatrix: Mapping[str, npt.NDArray[np.float32]],
    encoded: Encoded | None,
) -> list[OutTensor]:
    def made(source: TensorSource) -> OutTensor:
        kind, importance = _planned(source, plan), imatrix.get(source.name)

        def data() -> Bytes:
            checkpoint.release()  # what was mapped for the tensor before
            ready = encoded(source.name, kind) if encoded else None
            return _stored(source, kind, importance) if ready is None else ready

        return OutTensor(source.name, source.shape, kind, data)

    return [made(source) for source in checkpoint.tensors.values()]


def _stored(source: TensorSource, kind: Codec, importance: npt.NDArray[np.float32] | None) -> Bytes:
    if kind == source.codec:
        return source.raw()
    try:
        rows = None if importance is None else importance.reshape(-1, importance.shape[-1])
        parts = []
        for place, matrix in enumerate(source.matrices()):
            told = None if rows is None else rows[place if len(rows) > 1 else 0]
            parts += [quantize(kind, part, told) for part in matrix.pieces()]
        return np.concatenate(parts)
    except PenjingError as error:
        raise type(error)(f"tensor '{source.name}': {error}") from error


def _planned(source: TensorSource, plan: Mapping[str, str]) -> Codec:
    return codec(plan[source.name]) if source.name in plan else source.codec


def check_plan(
    checkpoint: Checkpoint,
    plan: Mapping[str, str],
    imatrix: Mapping[str, npt.NDArray[np.float32]],
) -> None:
    """Raise BadInput for the first tensor whose planned codec cannot be."""
    for name in (*plan, *imatrix):
        checkpoint.tensor(name)
    matrices = set(checkpoint.quantizable)
    for name in plan:
        source = checkpoint.tensors[name]
        kind = _planned(source, plan)
        if kind == source.codec:
            continue
        row = source.shape[-1]
        if name not in matrices and kind.name != "F32":
            raise BadInput(f"tensor '{name}' stays F32: norms and biases are not quantized")
        if kind.name not in WRITABLE:
            raise BadInput(f"{kind.name} cannot be written: choose one of {', '.join(WRITABLE)}")
        if not kind.fits(row):
            raise BadInput(
                f"tensor '{name}' has rows of {row} and {kind.name} needs a multiple of "
                f"{kind.width}: choose another codec for it"
            )
        given = imatrix.get(name)
        if given is not None and given.shape not in ((row,), (*source.shape[:-2], row)):
            raise BadInput(f"tensor '{name}' has rows of {row}, its importance {given.shape}")
