"""Some rows or columns of a stored tensor as a tensor of their own, read when they are needed.

Rows keep their stored bytes, whatever the codec: blocks lie along rows. Columns are decoded, since
they leave the blocks they were rounded in. Must not know models.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from penjing.bundle.codecs import codec
from penjing.workshop.tensors import Bytes, TensorSource

Index = npt.NDArray[np.int64]


def rows_of(source: TensorSource, index: Index) -> TensorSource:
    """These rows (of a vector: numbers), bit for bit."""
    if len(index) == source.shape[0] and (index == np.arange(len(index))).all():
        return source
    if len(source.shape) == 1:
        return TensorSource.of(source.name, source.load()[index])
    size = source.codec.nbytes(source.shape[1:])

    def read() -> Bytes:
        return source.raw().reshape(-1, size)[index].reshape(-1)

    return replace(source, shape=(len(index), *source.shape[1:]), read=read)


def columns_of(source: TensorSource, index: Index) -> TensorSource:
    """These columns, as float32."""
    if len(index) == source.shape[1] and (index == np.arange(len(index))).all():
        return source

    def read() -> Bytes:
        chosen = [piece[:, index] for piece in source.pieces()]
        return np.ascontiguousarray(np.concatenate(chosen)).reshape(-1).view(np.uint8)

    return TensorSource(source.name, (source.shape[0], len(index)), codec("F32"), read)
