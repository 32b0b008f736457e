"""Weight marks of a whole GGUF: spread over its matrices, written beside it, read from any other.

One tensor in memory at a time. Embeddings, norms and the head are left as they are.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from penjing.bundle.gguf_parts import GGUFModel
from penjing.bundle.gguf_values import TensorInfo
from penjing.bundle.gguf_writer import OutTensor, write_gguf
from penjing.core.errors import BadInput, FormatError
from penjing.core.progress import Progress
from penjing.ggml.quantize import dequantize
from penjing.workshop.mark import chips, weights
from penjing.workshop.mark.receipt import MarkedTensor, Receipt

PER_BIT = 128
"""Weights that say each bit."""
_LEAST = 8
"""Of them, or the model is too small."""
_LARGEST_SHARE = 1 / 64
"""Of a tensor's weights at most."""

Importance = Mapping[str, npt.NDArray[np.float32]]


def markable(model: GGUFModel) -> dict[str, TensorInfo]:
    """Matrices of the layers in a codec whose levels are known."""
    return {
        name: info
        for name, info in model.tensors.items()
        if name.startswith("blk.") and len(info.shape) == 2 and weights.can_be_marked(info.codec)
    }


def write_mark(
    model: GGUFModel,
    output: Path,
    importance: Importance,
    *,
    key: bytes,
    code: int,
    name: str,
    progress: Progress,
) -> Receipt:
    """Write a copy of a model that carries `code`; what is needed to read it.

    BadInput where the model has too few weights that could carry it.
    """
    chosen = _chosen(model, importance, key, progress)
    receipt = Receipt(key, code, name, chosen)
    directions = chips.directions(key, code, receipt.count)

    def data(tensor: str) -> npt.NDArray[np.uint8]:
        info, raw, marked = model.tensors[tensor], model.raw(tensor), chosen.get(tensor)
        if marked is None:
            return raw
        found = weights.levels(info.codec, raw, info.shape)
        up = directions[marked.ranks] > 0
        return weights.moved(info.codec, raw, marked.places, up, found)

    out = [
        OutTensor(each.name, each.shape, each.codec, functools.partial(data, each.name))
        for each in model.tensors.values()
    ]
    with progress.task("writing the mark", sum(each.nbytes for each in out), unit="B") as bar:
        write_gguf(output, model.metadata, out, on_bytes=bar.advance)
    return receipt


def read_mark(model: GGUFModel, receipt: Receipt, progress: Progress) -> chips.Reading:
    """Look for a mark in a file in whatever codec, as far as its tensors are those of then."""
    moved = np.full(receipt.count, np.nan)
    with progress.task("reading the mark", len(receipt.tensors), unit="tensors") as bar:
        for name, marked in receipt.tensors.items():
            info = model.tensors.get(name)
            if info is not None and info.shape == marked.shape:
                values = dequantize(info.codec, model.raw(name), info.shape).reshape(-1)
                moved[marked.ranks] = (values[marked.places] - marked.before) / marked.steps
            bar.advance(1)
    if not np.isfinite(moved).any():
        raise FormatError(
            f"{model.path} has no matrix of the shape that was marked in {receipt.name}: "
            "it is another model"
        )
    return chips.read(receipt.key, receipt.code, moved)


def _chosen(
    model: GGUFModel, importance: Importance, key: bytes, progress: Progress
) -> dict[str, MarkedTensor]:
    """Weights of all tensors, as many of each as its size is of the whole."""
    infos = markable(model)
    total = sum(int(np.prod(info.shape)) for info in infos.values())
    wanted = min(PER_BIT * chips.BITS, int(total * _LARGEST_SHARE))
    noise = np.random.default_rng(np.frombuffer(key, np.uint32))
    found: dict[str, tuple[npt.NDArray[np.int64], weights.Levels]] = {}
    with progress.task("choosing weights", len(infos), unit="tensors") as bar:
        for name, info in infos.items():
            levels = weights.levels(info.codec, model.raw(name), info.shape)
            channels = importance.get(name, np.ones(info.shape[-1], np.float32))
            places = weights.qualified(levels, channels)
            share = min(len(places), round(wanted * levels.now.size / total))
            picked = np.sort(noise.choice(places, share, replace=False)) if share else places[:0]
            found[name] = (picked, _only(levels, picked))
            bar.advance(1)
    count = sum(len(places) for places, _ in found.values())
    if count < _LEAST * chips.BITS:
        raise BadInput(
            f"{model.path} has {count} weights that could carry a mark and {_LEAST * chips.BITS} "
            "are needed: it is too small, or in no codec with levels (Q4_0 to Q8_0, IQ4_NL, K)"
        )
    ranks = noise.permutation(count)  # every bit is spread over all tensors
    out, first = {}, 0
    for name, (places, levels) in found.items():
        if len(places):
            mine = ranks[first : first + len(places)]
            out[name] = _marked(infos[name].shape, places, mine, levels)
            first += len(places)
    return out


def _only(levels: weights.Levels, places: npt.NDArray[np.int64]) -> weights.Levels:
    return weights.Levels(levels.now[places], levels.up[places], levels.down[places])


def _marked(
    shape: tuple[int, ...],
    places: npt.NDArray[np.int64],
    ranks: npt.NDArray[np.int64],
    levels: weights.Levels,
) -> MarkedTensor:
    """A move either way is as long for all codecs but IQ4_NL, whose mean is taken."""
    now = levels.now.astype(np.float64)
    steps = (np.abs(levels.up - now) + np.abs(levels.down - now)) / 2
    return MarkedTensor(shape, places, ranks, now, steps)
