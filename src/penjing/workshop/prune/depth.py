"""Which layers, or halves of layers, are missed least: each is left out and the KLD is measured.

One after another, each time the one whose absence changes the next-token distribution least, all
others measured again: effects do not add up (Song et al. 2024, arXiv:2402.09025, algorithm 1, with
KLD in place of perplexity). All candidates walk through the blocks side by side, so that a block's
weights are loaded once for all; one block is in memory at a time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from penjing.core.errors import BadInput, PenjingError
from penjing.core.files import write_text
from penjing.core.plain_json import read_json
from penjing.core.progress import Progress
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.divergence import kld
from penjing.workshop.forward import TorchModel
from penjing.workshop.hyperparameters import ModelConfig
from penjing.workshop.prune.reshape import period
from penjing.workshop.streamed import streamed_model

_PROCESS = 700 * 10**6
"""Python and torch."""
_MOST_BYTES = 2**20

Half = Literal["attention", "ffn"]
Part = tuple[int, Half]
"""A layer and one half of it."""


@dataclass(frozen=True)
class Step:
    """One decision."""

    parts: frozenset[Part]
    """What was left out."""
    kld: float
    """Mean KLD from the whole model with all that is left out so far, nats."""


def candidates(
    checkpoint: Checkpoint, kind: Literal["layers", "sublayers"]
) -> list[frozenset[Part]]:
    """What may be left out in one step.

    Whole layers, in runs where their family has turns; or single halves.
    """
    config = checkpoint.config
    if kind == "sublayers":
        every = [(layer, half) for layer in range(config.layers) for half in _halves(config, layer)]
        return [frozenset([part]) for part in every]
    run = period(config, checkpoint.architecture)
    return [
        frozenset(part for layer in range(first, first + run) for part in _both(layer))
        for first in range(config.layers - run + 1)
    ]


@torch.no_grad()
def least_missed(
    checkpoint: Checkpoint,
    windows: Sequence[Sequence[int]],
    kind: Literal["layers", "sublayers"],
    count: int,
    progress: Progress,
    *,
    partial: Path | None = None,
) -> list[Step]:
    """`count` steps, each leaving out what is missed least; windows are equally long.

    `partial` is a file that keeps the steps so far, for a run that is killed. BadInput where that
    would leave nothing.
    """
    left = candidates(checkpoint, kind)
    if not 0 < count < len(left):
        raise BadInput(
            f"{count} of {len(left)} {kind} cannot be dropped: give 1 to {len(left) - 1}"
        )
    model, ids = streamed_model(checkpoint), torch.tensor([list(w) for w in windows])
    clean = model.logits(model.hidden_from(0, model.embed(ids))).log_softmax(-1)
    steps = _restored(partial)[:count]
    gone: frozenset[Part] = frozenset().union(*(step.parts for step in steps))
    lacking = count - len(steps)
    with progress.task(f"which {kind} are missed least", lacking, unit="steps") as task:
        for _ in range(lacking):
            left = [parts for parts in left if not parts & gone]
            if not left:
                raise BadInput(f"no more than {len(steps)} {kind} can be dropped: give fewer")
            found = _divergences(model, ids, clean, [gone | parts for parts in left])
            best = min(range(len(left)), key=lambda place: found[place])
            steps.append(Step(left[best], found[best]))
            gone |= left[best]
            if partial:
                _save(steps, partial)
            task.advance(1)
    return steps


def chosen_by_chance(
    checkpoint: Checkpoint, kind: Literal["layers", "sublayers"], count: int, seed: int
) -> list[Step]:
    """The control: `count` of them by chance; no KLD is known. BadInput as in `least_missed`."""
    left = candidates(checkpoint, kind)
    chance = np.random.default_rng(seed)
    steps: list[Step] = []
    gone: frozenset[Part] = frozenset()
    for _ in range(count):
        left = [parts for parts in left if not parts & gone]
        if len(left) < 2:
            raise BadInput(f"{count} {kind} cannot be dropped: give fewer")
        steps.append(Step(left[int(chance.integers(len(left)))], float("nan")))
        gone |= steps[-1].parts
    return steps


def depth_bytes(checkpoint: Checkpoint, windows: int, length: int) -> int:
    """Peak memory of `least_missed`: a block, the head, and the states of every candidate."""
    config, tokens = checkpoint.config, windows * length
    blocks = Counter[str]()
    for name, source in checkpoint.tensors.items():
        blocks[".".join(name.split(".")[:2])] += source.parameters
    states = (2 * config.layers + 2) * tokens * config.hidden
    inside = tokens * (6 * config.hidden + 4 * config.ffn)
    return _PROCESS + 4 * (2 * max(blocks.values()) + states + inside + 4 * tokens * config.vocab)


def _save(steps: Sequence[Step], path: Path) -> None:
    write_text(path, json.dumps([[sorted(step.parts), step.kld] for step in steps]))


def _restored(path: Path | None) -> list[Step]:
    """What `_save` wrote; nothing where that is not there or not whole."""
    try:
        found = read_json(path, limit=_MOST_BYTES) if path and path.exists() else []
        return [Step(frozenset((at, half) for at, half in parts), kld) for parts, kld in found]
    except (PenjingError, ValueError, TypeError):
        return []


def _divergences(
    model: TorchModel, ids: torch.Tensor, clean: torch.Tensor, absent: Sequence[frozenset[Part]]
) -> list[float]:
    """Mean KLD without each of these sets of parts, nats."""
    start = model.embed(ids)
    states: dict[frozenset[Part], torch.Tensor] = {frozenset(): start}
    for layer in range(model.config.layers):
        for half in ("attention", "ffn"):
            states = _walked(model, (layer, half), states, absent)
    return [float(kld(clean, model.logits(states[parts])).mean()) for parts in absent]


def _walked(
    model: TorchModel,
    part: Part,
    states: Mapping[frozenset[Part], torch.Tensor],
    absent: Sequence[frozenset[Part]],
) -> dict[frozenset[Part], torch.Tensor]:
    """States behind one half; variants that differ in nothing so far are one.

    Keyed by what of them was left out so far.
    """
    layer, half = part
    apply = model.attention_half if half == "attention" else model.feed_forward_half
    out: dict[frozenset[Part], torch.Tensor] = {}
    for so_far, hidden in states.items():
        branches = {part in parts for parts in absent if _until(parts, part) == so_far}
        if True in branches:
            out[so_far | {part}] = hidden
        if False in branches:
            out[so_far] = apply(layer, hidden)
    return out


def _until(parts: frozenset[Part], part: Part) -> frozenset[Part]:
    """Those of `parts` that come before `part`."""
    return frozenset(each for each in parts if _order(each) < _order(part))


def _order(part: Part) -> tuple[int, bool]:
    return part[0], part[1] == "ffn"


def _both(layer: int) -> tuple[Part, Part]:
    return (layer, "attention"), (layer, "ffn")


def _halves(config: ModelConfig, layer: int) -> list[Half]:
    sizes = config.sizes(layer)
    there: dict[Half, int] = {"attention": sizes.heads, "ffn": sizes.ffn}
    return [half for half, size in there.items() if size]


def gone_by_layer(steps: Sequence[Step]) -> dict[int, str]:
    """For `reshape.without`: a layer both of whose halves are left out is gone."""
    parts = {part for step in steps for part in step.parts}
    layers = {layer for layer, _ in parts}
    return {
        layer: "layer" if set(_both(layer)) <= parts else next(h for at, h in parts if at == layer)
        for layer in layers
    }
