"""Encode and decode block formats with ggml's own reference functions.

We call them rather than rewrite them: the bytes are then ggml's by construction, K-quants and IQ
formats included. The tests compare them with two independent encoders.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from penjing.bundle.codecs import Codec
from penjing.core.errors import BadInput, FormatError
from penjing.ggml.library import load

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

WEIGHTED = ("IQ2_XXS", "IQ2_XS", "IQ1_S")
"""Codecs that ggml encodes with an importance alone: without one it ends the process."""

_PIECE = 1 << 18  # weights a thread takes at a time


def quantize(codec: Codec, weights: Floats, imatrix: Floats | None = None) -> Bytes:
    """Encode `weights` [..., row] to the codec's bytes, row by row.

    `imatrix` [row] is the mean square of each input channel: rounding errors are weighted by it;
    without one all channels count alike.
    Raises BadInput when the row length does not fit the codec or a weight is not finite.
    """
    row = weights.shape[-1]
    if not codec.fits(row):
        raise BadInput(
            f"{codec.name} needs rows of a multiple of {codec.width} and this row has {row}: "
            "choose a codec of width 32"
        )
    source = np.ascontiguousarray(weights, dtype=np.float32)
    if not np.isfinite(source).all():
        raise BadInput("a weight is infinite or not a number: the model is damaged")
    if imatrix is None and codec.name in WEIGHTED:
        imatrix = np.ones(row, np.float32)
    importance = _importance(imatrix, row)
    rows = source.size // row
    if codec.name == "F32":
        return source.reshape(-1).view(np.uint8).copy()
    out = np.empty(codec.nbytes((rows, row)), dtype=np.uint8)
    library = load()
    library.ggml_quantize_init(codec.type_id)
    pointer = None if importance is None else importance.ctypes.data

    def encode(first: int, count: int) -> None:
        library.ggml_quantize_chunk(
            codec.type_id, source.ctypes.data, out.ctypes.data, first * row, count, row, pointer
        )

    _by_rows(rows, row, encode)
    return out


def dequantize(codec: Codec, raw: Bytes, shape: tuple[int, ...]) -> Floats:
    """Decode the codec's bytes to float32 [shape], exactly as the engine reads them."""
    if raw.nbytes != codec.nbytes(shape):
        raise FormatError(
            f"{codec.name} tensor of shape {shape} needs {codec.nbytes(shape)} bytes, "
            f"the file has {raw.nbytes}"
        )
    source = np.ascontiguousarray(raw).reshape(-1)
    if codec.name == "F32":
        return source.view(np.float32).reshape(shape).copy()
    traits = load().ggml_get_type_traits(codec.type_id).contents
    if not traits.to_float:
        raise FormatError(f"{codec.name} holds no weights that can be decoded")
    out = np.empty(shape, dtype=np.float32)
    row = shape[-1]
    row_bytes = codec.nbytes((row,))

    def decode(first: int, count: int) -> None:
        traits.to_float(
            ctypes.c_void_p(source.ctypes.data + first * row_bytes),
            ctypes.c_void_p(out.ctypes.data + first * row * 4),
            count * row,
        )

    _by_rows(out.size // row, row, decode)
    return out


def _importance(imatrix: Floats | None, row: int) -> Floats | None:
    if imatrix is None:
        return None
    if imatrix.shape != (row,):
        raise BadInput(f"importance of shape {imatrix.shape} given for rows of {row}")
    if not np.isfinite(imatrix).all() or (imatrix < 0).any() or not imatrix.any():
        raise BadInput("importance was never filled or is negative: run the calibration first")
    return np.ascontiguousarray(imatrix, dtype=np.float32)


def _by_rows(rows: int, row: int, work: Callable[[int, int], None]) -> None:
    """Run `work(first, count)` over all rows, on threads where it pays (ctypes frees the GIL)."""
    step = max(1, _PIECE // row)
    if rows <= step:
        work(0, rows)
        return
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(lambda first: work(first, min(step, rows - first)), range(0, rows, step)))
