"""How a Hugging Face tensor is rearranged into the engine's layout, and back. Pure functions.

transformers rotates the two halves of a head against each other; the engine's llama rotates
neighbours. The same numbers come out when the rows of query and key matrices are interleaved.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from penjing.workshop.architectures import Transform

Scalar = TypeVar("Scalar", bound=np.generic)


def interleave(rows: npt.NDArray[Scalar], heads: int) -> npt.NDArray[Scalar]:
    """[heads x head, ...]: within each head, row i of either half becomes rows 2i and 2i + 1."""
    split = rows.reshape(heads, 2, -1, *rows.shape[1:])
    return split.swapaxes(1, 2).reshape(rows.shape)


def deinterleave(rows: npt.NDArray[Scalar], heads: int) -> npt.NDArray[Scalar]:
    """The inverse of `interleave`."""
    split = rows.reshape(heads, -1, 2, *rows.shape[1:])
    return split.swapaxes(1, 2).reshape(rows.shape)


def reordered(
    transform: Transform, stored: npt.NDArray[Any], heads: int, kv_heads: int
) -> npt.NDArray[Any]:
    """The stored numbers in the engine's order; their values are not touched."""
    if transform == "interleave_queries":
        return interleave(stored, heads)
    if transform == "interleave_keys":
        return interleave(stored, kv_heads)
    return stored


def shifted(transform: Transform, weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The weights as the engine multiplies by them: Gemma's norms mean 1 + weight."""
    return weights + np.float32(1) if transform == "add_one" else weights
