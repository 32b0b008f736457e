"""Round a whole model of any family by GPTQ, its statistics collected in the engine.

Layer after layer: the text is read as far as the layer, with the layers before it already rounded
in the engine's memory (`engine/weights.py`), and x x^T is summed of what its matrices multiply. So
each layer makes up for its own errors on the inputs that the rounded ones give it, as in
`whole.py`. Stacks of experts are rounded by importance alone: each would need a Hessian of its own.
Must not know how codecs were chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from penjing.bundle.codecs import codec
from penjing.core.progress import Progress
from penjing.engine.llamacpp import LlamaCpp
from penjing.engine.weights import Exchange, Use, uses
from penjing.ggml.layout import EvalCallback, Tensor
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.importance import EMBEDDING, inputs_of, is_product
from penjing.workshop.quantize.grids import GRIDS
from penjing.workshop.quantize.stored import encode_stored
from penjing.workshop.quantize.whole import TIED_DAMPING, Store, rounded_together
from penjing.workshop.tensors import Floats, TensorSource

_USUAL = 2 * 10**9
"""Weights of a model whose layers are taken one at a time; of larger ones several are."""


@dataclass(frozen=True)
class Work:
    """What is rounded, and from what."""

    checkpoint: Checkpoint
    """The starting model."""
    path: Path
    """The file the engine reads it from."""
    plan: Mapping[str, str]
    """Codec of every quantizable tensor."""
    importance: Mapping[str, Floats]
    """For what no Hessian is collected of."""
    windows: Sequence[Sequence[int]]
    """Calibration text."""
    threads: int
    """Cores."""


def round_model(work: Work, store: Store, progress: Progress) -> None:
    """Round every tensor of the plan into `store`; what lies there already is not rounded again."""
    stages = _stages(work)
    if all(store.has(name, latent=False) for names in stages for name in names):
        return
    with (
        LlamaCpp.open(work.path, threads=work.threads, repack=False) as model,
        progress.task("rounding, errors made up for", len(stages), unit="parts") as task,
    ):
        found = uses(model, work.checkpoint.quantizable)
        exchange = Exchange(found)
        for names in stages:
            missing = [name for name in names if not store.has(name, latent=False)]
            if missing:
                _round(work, missing, _hessians(work, model, found, missing), store)
            for name in names:
                source, kind = work.checkpoint.tensors[name], codec(work.plan[name])
                if kind != source.codec:
                    exchange.put(name, kind, store.raw(source, kind))
            work.checkpoint.release()
            task.advance()


def _stages(work: Work) -> list[list[str]]:
    """Names in the order of rounding: what is in no layer, then some layers at a time."""
    together = 1 + work.checkpoint.parameters // _USUAL
    stages: dict[int, list[str]] = {}
    for name in work.plan:
        layer = int(name.split(".")[1]) if name.startswith("blk.") else -together
        stages.setdefault(layer // together, []).append(name)
    return [stages[place] for place in sorted(stages)]


def _hessians(
    work: Work, model: LlamaCpp, found: Mapping[str, Use], names: Sequence[str]
) -> dict[str, torch.Tensor]:
    """Mean of x x^T of what each matrix multiplies; those that share an input share a tensor."""
    flat = [name for name in names if len(work.checkpoint.tensors[name].shape) == 2]
    first: dict[frozenset[int], str] = {}
    of = {name: first.setdefault(found[name].inputs, name) for name in flat if found[name].inputs}
    watcher = _Watcher(set(of.values()))
    for window in work.windows:
        watcher.left = set(watcher.wanted)
        model.watch(window, watcher.callback)
        if watcher.error is not None:
            raise watcher.error
    seen = watcher.sums
    return {name: seen[other] / watcher.rows[other] for name, other in of.items() if other in seen}


def _round(
    work: Work, names: Sequence[str], hessians: Mapping[str, torch.Tensor], store: Store
) -> None:
    """Those of one codec and one input together; by importance what has no Hessian or no grid."""
    together: dict[tuple[int, str], list[TensorSource]] = {}
    for name in names:
        source, kind = work.checkpoint.tensors[name], codec(work.plan[name])
        hessian = hessians.get(name)
        if hessian is None or kind.name not in GRIDS or kind == source.codec:
            store.put(name, encode_stored(kind, source, work.importance.get(name)), None)
        else:
            together.setdefault((id(hessian), kind.name), []).append(source)
    for (_, kind_name), sources in together.items():
        metric = _metric(work.checkpoint, sources[0].name, hessians[sources[0].name])
        for source, raw, _ in rounded_together(sources, codec(kind_name), metric, latents=False):
            store.put(source.name, raw, None)


def _metric(checkpoint: Checkpoint, name: str, hessian: torch.Tensor) -> torch.Tensor:
    """Of a tied embedding, which is looked up too, every channel counts in itself as well; of an
    input that is always zero every channel alike."""
    if not hessian.diagonal().any():
        return torch.eye(len(hessian))
    if name != EMBEDDING or "output.weight" in checkpoint.tensors:
        return hessian
    return hessian + TIED_DAMPING * hessian.diagonal().mean() * torch.eye(len(hessian))


class _Watcher:
    """Sums x x^T of what some weights are multiplied with, and stops when it has seen them all."""

    def __init__(self, wanted: set[str]) -> None:
        self.wanted, self.left = wanted, set(wanted)
        self.sums: dict[str, torch.Tensor] = {}
        self.rows: dict[str, int] = {}
        self.error: BaseException | None = None
        self.callback = EvalCallback(self._see)

    def _see(self, pointer: Any, asking: bool, _data: Any) -> bool:
        try:
            tensor = pointer.contents
            if asking:
                return is_product(tensor) and _name(tensor) in self.wanted
            self._add(tensor)
        except BaseException as error:  # must not unwind through C
            self.error = error
            return False
        return bool(self.left)

    def _add(self, tensor: Tensor) -> None:
        name, values = _name(tensor), inputs_of(tensor)
        x = torch.from_numpy(np.array(values, np.float32).reshape(-1, values.shape[-1]))
        self.sums[name] = self.sums.get(name, torch.zeros(())) + x.T @ x
        self.rows[name] = self.rows.get(name, 0) + len(x)
        self.left.discard(name)


def _name(tensor: Tensor) -> str:
    """Of the weight that is multiplied by."""
    name: bytes = tensor.src[0].contents.name
    return name.decode("utf-8", "replace")


def rounding_bytes(checkpoint: Checkpoint) -> int:
    """Memory of `round_model`, the process and what the engine holds apart: the largest Hessian and
    its inverse in float64, those of a layer beside it, the largest tensor in three shapes."""
    matrices = [checkpoint.tensors[name] for name in checkpoint.quantizable]
    flat = [source for source in matrices if len(source.shape) == 2]
    widest = max((source.shape[-1] for source in flat), default=0)
    largest = max((source.parameters for source in flat), default=0)
    return (4 * 8 + 4 * 4) * widest**2 + 3 * 4 * largest
