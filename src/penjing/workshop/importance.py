"""The importance matrix: how strongly each input channel of each weight matrix is used.

For a layer y = W x the expected squared output error of rounding W is, channels taken as
uncorrelated, sum_j E[x_j^2] (W_ij - Q_ij)^2; E[x_j^2] is what is collected here, in the running
engine, on calibration text (the same statistic llama.cpp's imatrix tool collects). Of a stack of
experts each has its own, over the tokens that its router sent it.
"""

from __future__ import annotations

import ctypes
import functools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from penjing.core.errors import EngineError, FormatError
from penjing.core.files import writing
from penjing.core.progress import Progress
from penjing.core.strangers import open_plain
from penjing.engine.llamacpp import LlamaCpp
from penjing.engine.weights import PRODUCTS
from penjing.ggml.layout import EvalCallback, Tensor
from penjing.ggml.library import load
from penjing.workshop.checkpoint import Checkpoint

_SAVE_EVERY = 20.0  # seconds
EMBEDDING = "token_embd.weight"
"""And what ends so: rows that are looked up, in some models once for each layer."""
_FEW = 8.0
"""Tokens that the mean of all experts counts as, in that of each."""
_FLOATS: dict[int, np.dtype[Any]] = {0: np.dtype(np.float32), 1: np.dtype(np.float16)}
"""What an input may be, by ggml's type."""

Importance = Mapping[str, npt.NDArray[np.float32]]


class _Watcher:
    """Sums the squares of every matrix multiplication's input, by the weight's name."""

    def __init__(self) -> None:
        self.sums: dict[str, npt.NDArray[np.float64]] = {}
        self.rows: dict[str, npt.NDArray[np.int64]] = {}
        self.error: BaseException | None = None
        self.callback = EvalCallback(self._see)

    def save(self, path: Path, windows: int) -> None:
        """Keep the sums of the first `windows` windows."""
        with writing(path) as file:
            counts = {f"rows {name}": rows for name, rows in self.rows.items()}
            np.savez(file, allow_pickle=False, windows=windows, **counts, **self.sums)

    def restore(self, path: Path) -> int:
        """Take up what `save` kept; gives how many windows that were, 0 where nothing is."""
        try:
            with open_plain(path) as file, np.load(file, allow_pickle=False) as archive:
                data = {name: archive[name] for name in archive.files}
                windows = int(data.pop("windows"))
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return 0
        rows = {name: data.pop(name) for name in list(data) if name.startswith("rows ")}
        self.rows = {name.removeprefix("rows "): count for name, count in rows.items()}
        self.sums = data
        return windows

    def _see(self, pointer: Any, asking: bool, _data: Any) -> bool:
        try:
            tensor = pointer.contents
            if asking:
                return is_product(tensor)
            self._add(tensor)
        except BaseException as error:  # must not unwind through C
            self.error = error
            return False
        return True

    def _add(self, tensor: Tensor) -> None:
        weight = tensor.src[0].contents
        name, values = weight.name.decode(), inputs_of(tensor)
        if tensor.src[2]:
            ids = _array(tensor.src[2].contents, np.dtype(np.int32))
            total, rows = _routed(values, ids, experts=weight.ne[2])
        else:
            flat = values.reshape(-1, values.shape[-1])
            total = np.einsum("ij,ij->j", flat, flat, dtype=np.float64)
            rows = np.array(len(flat))
        self.sums[name] = self.sums.get(name, 0.0) + total
        self.rows[name] = self.rows.get(name, 0) + rows


@functools.cache
def _is_product_of(operation: int) -> bool:
    return load().ggml_op_name(operation).decode() in PRODUCTS


def is_product(tensor: Tensor) -> bool:
    """Whether an operation multiplies by a weight matrix, or by those of a stack."""
    return _is_product_of(tensor.op) and tensor.src[0].contents.name.endswith(b".weight")


def inputs_of(tensor: Tensor) -> npt.NDArray[Any]:
    """What a product's weight is multiplied with, channels last: a view of the engine's memory."""
    source = tensor.src[1].contents
    if source.type not in _FLOATS:
        raise EngineError(f"the input of {tensor.src[0].contents.name.decode()} is no float")
    return _array(source, _FLOATS[source.type])


def _array(tensor: Tensor, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """A tensor in the engine's memory, outermost side first; a view."""
    sides, strides = tuple(tensor.ne)[::-1], tuple(tensor.nb)[::-1]
    size = sum((n - 1) * step for n, step in zip(sides, strides, strict=True)) + dtype.itemsize
    memory = (ctypes.c_char * size).from_address(tensor.data)
    return np.ndarray(sides, dtype, memory, strides=strides)


def _routed(
    values: npt.NDArray[Any], ids: npt.NDArray[np.int32], *, experts: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Sums [experts, channels] and how many inputs each expert had.

    values: [1, tokens, used or 1, channels]; ids: [1, 1, tokens, used], the experts of each token.
    """
    chosen, inputs = ids[0, 0], values[0]
    spread = np.broadcast_to(inputs, (*chosen.shape, inputs.shape[-1]))
    flat, rows = spread.reshape(-1, inputs.shape[-1]), chosen.reshape(-1)
    order = np.argsort(rows, kind="stable")
    there, first = np.unique(rows[order], return_index=True)
    sums = np.zeros((experts, inputs.shape[-1]))
    sums[there] = np.add.reduceat(np.square(flat[order], dtype=np.float64), first)
    return sums, np.bincount(rows, minlength=experts)


def collect(
    model: LlamaCpp,
    windows: Sequence[Sequence[int]],
    progress: Progress,
    *,
    partial: Path | None = None,
) -> dict[str, npt.NDArray[np.float32]]:
    """Mean square [channels] of every weight matrix's input over the windows.

    `partial` is a file that keeps the sums so far, for a run that is killed.
    """
    watcher = _Watcher()
    done = watcher.restore(partial) if partial else 0
    left, saved = windows[done:], time.monotonic()
    with progress.task("importance of every channel", sum(map(len, left)), unit="tokens") as task:
        for count, window in enumerate(left, done + 1):
            model.watch(window, watcher.callback)
            if watcher.error is not None:
                raise watcher.error
            if partial and time.monotonic() - saved > _SAVE_EVERY:
                watcher.save(partial, count)
                saved = time.monotonic()
            task.advance(len(window))
    return {name: _mean(watcher.sums[name], watcher.rows[name]) for name in sorted(watcher.sums)}


def _mean(sums: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """The mean square; every channel alike where a switched off layer gives nothing but zeros.

    Of experts [experts, channels] each is drawn towards the mean of all, few tokens say little.
    """
    if sums.ndim == 1:
        found = (sums / rows).astype(np.float32)
    else:
        whole = sums.sum(0) / max(1, int(rows.sum()))
        found = ((sums + _FEW * whole) / (rows + _FEW)[:, None]).astype(np.float32)
    return found if found.any() else np.ones_like(found)


def with_lookups(checkpoint: Checkpoint, found: Importance) -> dict[str, npt.NDArray[np.float32]]:
    """`found`, and every channel alike for an embedding that is looked up and never multiplied.

    A tied embedding is also the output head and keeps the importance collected there.
    """
    out = dict(found)
    tied = "output.weight" not in checkpoint.tensors
    for name in checkpoint.quantizable:
        looked_up = name.endswith(EMBEDDING) and not (tied and name == EMBEDDING)
        if looked_up and name not in out:
            out[name] = np.ones(checkpoint.tensors[name].shape[-1], dtype=np.float32)
    return out


def save(importance: Importance, path: Path) -> None:
    """As an .npz archive, whole or not at all."""
    with writing(path) as file:
        np.savez(file, allow_pickle=False, **dict(importance))


def restore(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """What `save` wrote. Raises FormatError for anything else."""
    try:
        with open_plain(path) as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name].astype(np.float32) for name in archive.files}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise FormatError(f"{path} is not a saved importance matrix: delete it") from error
