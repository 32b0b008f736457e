"""The quantizers of the textbooks as methods to compare: linear-8, symmetric-4, nf4, log-4 ...

No engine has a format for them. What is measured are the weights as they come back, in a 16-bit
file; the size is what codes and parameters would take, packed (`quantize/textbook.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import torch

from penjing.bundle.codecs import CODECS, Codec
from penjing.core.errors import BadInput
from penjing.ggml.quantize import quantize
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.compress.methods import Method, Quantizer
from penjing.workshop.export.gguf import Encoded, export_bytes
from penjing.workshop.quantize import textbook
from penjing.workshop.tensors import Bytes, Floats

GROUP = 64
"""Neighbours of a row that share parameters; a row that is no multiple of it shares as a whole."""
CARRIER = "F16"
"""The codec in which the weights are measured."""

_FAMILIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "linear-": ("linear", "the range of a group in equal steps (min-max)"),
        "affine-": ("affine", "a scale and an integer zero point for each group"),
        "affine-real-": ("affine_real", "a scale and a real zero point for each group"),
        "symmetric-": ("symmetric", "a scale for each group and no zero point"),
        "kmeans-": ("codebook", "a codebook of its own for each group"),
        "nf": ("normal_float", "levels at the quantiles of a normal distribution (NormalFloat)"),
        "log-": ("powers", "zero and powers of two (logarithmic)"),
    }
)
"""The name before the bits -> the textbook's own, and what it does."""
_SHORT_FLOATS = ("float16", "bfloat16")


def _method(name: str, quantizer: Quantizer, says: str) -> Method:
    return Method(name, says, "even", "nearest", quantizer=quantizer)


def _methods() -> dict[str, Method]:
    made = [_method(name, Quantizer(name, 16), "each weight in 16 bits") for name in _SHORT_FLOATS]
    for prefix, (name, says) in _FAMILIES.items():
        for bits in textbook.METHODS[name].bits:
            words = f"textbook, {bits} bits in groups of {GROUP}: {says}"
            made.append(_method(f"{prefix}{bits}", Quantizer(name, bits), words))
    return {method.name: method for method in made}


TEXTBOOK: Mapping[str, Method] = MappingProxyType(_methods())
"""By name."""


def plan_of(checkpoint: Checkpoint) -> dict[str, str]:
    """Every matrix in the carrier."""
    return dict.fromkeys(checkpoint.quantizable, CARRIER)


def packed_bytes(checkpoint: Checkpoint, quantizer: Quantizer) -> int:
    """Bytes of a file whose matrices were stored as packed codes and their parameters."""
    plan = plan_of(checkpoint)
    shapes = [checkpoint.tensors[name].shape for name in plan]
    carried = sum(CODECS[CARRIER].nbytes(shape) for shape in shapes)
    packed = 0
    for shape in shapes:
        row = torch.linspace(-1, 1, shape[-1])
        bits = _round_trip(quantizer, row.reshape(1, -1)).effective_bits
        packed += round(bits * row.numel() / 8) * int(np.prod(shape[:-1]))
    return export_bytes(checkpoint, plan) - carried + packed


def encoded(checkpoint: Checkpoint, quantizer: Quantizer) -> Encoded:
    """The weights as they come back, in the carrier, some rows at a time."""

    def made(name: str, kind: Codec) -> Bytes | None:
        if kind.name != CARRIER or name not in checkpoint.quantizable:
            return None
        pieces = checkpoint.tensors[name].pieces()
        return np.concatenate([quantize(kind, _back(name, quantizer, each)) for each in pieces])

    return made


def _back(name: str, quantizer: Quantizer, weights: Floats) -> Floats:
    try:
        back: Floats = _round_trip(quantizer, torch.from_numpy(np.array(weights))).values.numpy()
    except BadInput as error:
        raise BadInput(f"tensor '{name}': {error}") from error
    return back


def _round_trip(quantizer: Quantizer, rows: torch.Tensor) -> textbook.RoundTrip:
    """[rows, row] in groups; rows that no group divides share as a whole."""
    if not textbook.METHODS[quantizer.name].grouped:
        return textbook.round_trip(quantizer.name, rows, quantizer.bits)
    if rows.shape[-1] % GROUP:
        return textbook.round_trip(quantizer.name, rows, quantizer.bits, "channel")
    return textbook.round_trip(quantizer.name, rows, quantizer.bits, "group", GROUP)
