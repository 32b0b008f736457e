"""Which heads and feed-forward channels stay: every layer alike, or where they matter most.

What a structure is worth is the sum of the scores of all weights that would go with it
(`importance_sum.py`): of a key-value head the rows of its keys, values and queries and the columns
that read it; of a channel its rows in gate and up and its column in down. Scores that weigh inputs
(Wanda) are summed where the structure is read, as that is where its output goes (An et al. 2023,
arXiv:2312.11983, section 3). One layer's weights are in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from penjing.core.errors import BadInput
from penjing.core.progress import Progress
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.hyperparameters import FUSED
from penjing.workshop.prune import importance_sum, masks
from penjing.workshop.prune.cut import Index
from penjing.workshop.prune.evidence import Evidence
from penjing.workshop.prune.reshape import Layer
from penjing.workshop.prune.scores import SCORES

Known = Callable[[str], Evidence]
"""Tensor name -> what is known of it."""


@dataclass(frozen=True, eq=False)
class Worth:
    """What the structures of one layer are worth; only their order means something."""

    groups: torch.Tensor
    """Of each key-value head [kv_heads]."""
    channels: torch.Tensor
    """Of each feed-forward channel [ffn]."""


def worth_of(checkpoint: Checkpoint, score: str, known: Known, progress: Progress) -> list[Worth]:
    """What every head and channel of every layer is worth by this score."""
    layers = checkpoint.config.layers
    with progress.task("what every channel is worth", layers, unit="layers") as task:
        out = []
        for layer in range(layers):
            out.append(_layer(checkpoint, layer, score, known))
            checkpoint.release()
            task.advance(1)
    return out


def _layer(checkpoint: Checkpoint, layer: int, score: str, known: Known) -> Worth:
    config, sizes = checkpoint.config, checkpoint.config.sizes(layer)
    shared = sizes.heads // sizes.kv_heads if sizes.kv_heads else 0
    width = {"ffn": 1, "keys": config.head_dim, "queries": shared * config.head_dim}
    found: dict[str, list[torch.Tensor]] = {"groups": [], "channels": []}
    for kind in checkpoint.architecture.tensors:
        name = kind.gguf_name(layer)
        if not (kind.per_layer and kind.quantizable and name in checkpoint.tensors):
            continue
        for axis, side in enumerate(kind.shape):
            sides = FUSED.get(side, (side,))
            if not set(sides) <= set(width) or (SCORES[score].by_reader and axis == 0):
                continue
            weights = torch.from_numpy(checkpoint.tensors[name].load())
            each = SCORES[score].scores(weights, known(name))
            lengths = [config.size(one, layer) for one in sides]
            for one, lines in zip(sides, each.split(lengths, axis), strict=True):
                part = importance_sum.structures(lines, width[one], axis)
                found["channels" if one == "ffn" else "groups"].append(part)
    nothing = torch.zeros(0, dtype=torch.float64)
    sums = {key: importance_sum.total(parts) if parts else nothing for key, parts in found.items()}
    return Worth(**sums)


def evenly(
    layers: Sequence[Layer],
    worth: Sequence[Worth],
    *,
    heads: float,
    ffn: float,
    multiple: int,
) -> list[Layer]:
    """Of every layer the best share of heads and channels; channels in multiples of `multiple`."""
    out = []
    for layer, known in zip(layers, worth, strict=True):
        if heads != 1 and len(known.groups) != len(layer.groups):
            raise BadInput(
                "the heads of this family are as wide as its residual stream, so they cannot be "
                "cut: cut --ffn, or drop layers"
            )
        groups = _count(len(layer.groups), heads, 1)
        channels = _count(len(known.channels), ffn, multiple)
        out.append(
            replace(
                layer,
                groups=layer.groups if heads == 1 else _best(known.groups, groups),
                channels=_best(known.channels, channels),
            )
        )
    return out


def unevenly(
    layers: Sequence[Layer], worth: Sequence[Worth], *, ffn: float, multiple: int
) -> list[Layer]:
    """The best share of all channels together, in blocks of `multiple`, one in each layer at least.

    A layer's channels are compared with another's by their part of what the layer is worth.
    """
    blocks = []
    for place, known in enumerate(worth):
        order = known.channels.sort(descending=True).values
        whole = len(order) // multiple * multiple
        parts = order[:whole].reshape(-1, multiple).sum(1) / known.channels.mean()
        blocks += [(float(part), place) for part in parts]
    wanted = _count(sum(len(known.channels) for known in worth), ffn, multiple) // multiple
    counts = [1 if len(known.channels) >= multiple else 0 for known in worth]
    spare = [block for place in range(len(worth)) for block in _others(blocks, place)]
    for _, place in sorted(spare, reverse=True)[: max(0, wanted - sum(counts))]:
        counts[place] += 1
    return [
        replace(layer, channels=_best(known.channels, count * multiple))
        for layer, known, count in zip(layers, worth, counts, strict=True)
    ]


def _others(blocks: Sequence[tuple[float, int]], place: int) -> list[tuple[float, int]]:
    """A layer's blocks but its best, which stays in any case."""
    return sorted((block for block in blocks if block[1] == place), reverse=True)[1:]


def residual_worth(checkpoint: Checkpoint) -> torch.Tensor:
    """What the residual channels are worth [hidden]: sum |w| of all that writes or reads them."""
    total = torch.zeros(checkpoint.config.hidden, dtype=torch.float64)
    for name, source in checkpoint.tensors.items():
        for axis, side in enumerate(checkpoint.architecture.kind_of(name).shape):
            if side == "hidden" and len(source.shape) == 2:
                for piece in source.pieces():
                    part = torch.from_numpy(piece).abs()
                    total += _lines(part, axis, total)
        checkpoint.release()
    return total


def _lines(part: torch.Tensor, axis: int, total: torch.Tensor) -> torch.Tensor:
    return part.double().sum(0) if axis == 1 else _rows(part, total)


def _rows(part: torch.Tensor, total: torch.Tensor) -> torch.Tensor:
    if len(part) != len(total):
        raise BadInput("a layer is too wide to be looked at in one piece: leave --hidden out")
    return part.double().sum(1)


def narrower(worth: torch.Tensor, share: float, multiple: int) -> Index:
    """The best share of residual channels, in multiples of `multiple`."""
    return _best(worth, _count(len(worth), share, multiple))


def _count(size: int, share: float, multiple: int) -> int:
    """How many stay of `size`: the nearest multiple, at least one; all where share is 1."""
    if not 0 < share <= 1:
        raise BadInput(f"a share of {share:g} is not above 0 and at most 1: give 0.75 for 3 of 4")
    if share == 1 or size <= multiple:
        return size
    return max(multiple, round(share * size / multiple) * multiple)


def _best(worth: torch.Tensor, count: int) -> Index:
    return masks.highest(worth, count).numpy().astype(np.int64)
