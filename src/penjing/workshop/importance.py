"""The importance matrix: how strongly each input channel of each weight matrix is used.

For a layer y = W x the expected squared output error of rounding W is, channels taken as
uncorrelated, sum_j E[x_j^2] (W_ij - Q_ij)^2; E[x_j^2] is what is collected here, in the running
engine, on calibration text (the same statistic llama.cpp's imatrix tool collects).
"""

from __future__ import annotations

import ctypes
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
from penjing.ggml.layout import EvalCallback, Tensor
from penjing.ggml.library import load
from penjing.workshop.checkpoint import Checkpoint

_SAVE_EVERY = 20.0  # seconds

Importance = Mapping[str, npt.NDArray[np.float32]]


class _Watcher:
    """Sums the squares of every matrix multiplication's input, by the weight's name."""

    def __init__(self) -> None:
        self.sums: dict[str, npt.NDArray[np.float64]] = {}
        self.rows: dict[str, int] = {}
        self.error: BaseException | None = None
        self._operations: dict[int, bool] = {}
        self.callback = EvalCallback(self._see)

    def save(self, path: Path, windows: int) -> None:
        """Keep the sums of the first `windows` windows."""
        with writing(path) as file:
            counts = {f"rows {name}": np.int64(rows) for name, rows in self.rows.items()}
            np.savez(file, allow_pickle=False, windows=windows, **counts, **self.sums)

    def restore(self, path: Path) -> int:
        """Take up what `save` kept; gives how many windows that were, 0 where nothing is."""
        try:
            with open_plain(path) as file, np.load(file, allow_pickle=False) as archive:
                data = {name: archive[name] for name in archive.files}
                windows = int(data.pop("windows"))
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return 0
        rows = {name: int(data.pop(name)) for name in list(data) if name.startswith("rows ")}
        self.rows = {name.removeprefix("rows "): count for name, count in rows.items()}
        self.sums = data
        return windows

    def _see(self, pointer: Any, asking: bool, _data: Any) -> bool:
        try:
            tensor = pointer.contents
            if asking:
                return self._is_product(tensor)
            self._add(tensor)
        except BaseException as error:  # must not unwind through C
            self.error = error
            return False
        return True

    def _is_product(self, tensor: Tensor) -> bool:
        known = self._operations.get(tensor.op)
        if known is None:
            known = load().ggml_op_name(tensor.op) == b"MUL_MAT"
            self._operations[tensor.op] = known
        return known and tensor.src[0].contents.name.endswith(b".weight")

    def _add(self, tensor: Tensor) -> None:
        weight, source = tensor.src[0].contents, tensor.src[1].contents
        if source.type != 0:
            raise EngineError(f"the input of {weight.name.decode()} is not float32")
        channels, rows = source.ne[0], source.ne[1] * source.ne[2] * source.ne[3]
        floats = ctypes.cast(source.data, ctypes.POINTER(ctypes.c_float))
        values = np.ctypeslib.as_array(floats, (rows, channels))
        name = weight.name.decode()
        total = np.einsum("ij,ij->j", values, values, dtype=np.float64)
        self.sums[name] = self.sums.get(name, 0.0) + total
        self.rows[name] = self.rows.get(name, 0) + rows


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


def _mean(sums: npt.NDArray[np.float64], rows: int) -> npt.NDArray[np.float32]:
    """The mean square; every channel alike where a switched off layer gives nothing but zeros."""
    found: npt.NDArray[np.float32] = (sums / rows).astype(np.float32)
    return found if found.any() else np.ones_like(found)


def with_lookups(checkpoint: Checkpoint, found: Importance) -> dict[str, npt.NDArray[np.float32]]:
    """`found`, and every channel alike for an embedding that is looked up and never multiplied.

    A tied embedding is also the output head and keeps the importance collected there.
    """
    out = dict(found)
    embedding = checkpoint.tensor("token_embd.weight")
    if "output.weight" in checkpoint.tensors and embedding.name not in out:
        out[embedding.name] = np.ones(embedding.shape[-1], dtype=np.float32)
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
