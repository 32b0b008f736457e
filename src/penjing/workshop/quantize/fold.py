"""Where a change of a channel's scale can be hidden: divide what makes it, multiply what reads it.

The model stays the same function and the file the same kind of file. Which matrices share an input
and which tensor makes it is data of the family (`Architecture.groups`); this file turns it into the
tensors of one model. Must not know codecs, importance or why anybody wants a scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penjing.core.errors import BadInput
from penjing.workshop.architectures import InputGroup, TensorKind
from penjing.workshop.checkpoint import Checkpoint

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Link:
    """One input in one place of a model: the tensor that makes it and the matrices that read it."""

    group: str
    """What the family calls it: "attention", "ffn_down"."""
    layer: int | None
    """The block it is in; None: behind the last one."""
    producer: str
    """A norm, or a matrix whose rows make the channels. Channels are counted here."""
    members: tuple[str, ...]
    """Matrices that read it and nothing else; empty when the model's head is its embedding."""
    norm: bool
    """Whether the producer is a norm: the input is then the residual stream."""
    head: int
    """Width of a head where the channels are the values of heads, else 1."""
    readers: int
    """How many query heads read each value head; 1 where channels are not of heads."""

    def at_readers(self, scales: Doubles) -> Doubles:
        """Per channel of the producer -> per column of the members: query heads share values."""
        return np.repeat(scales.reshape(-1, self.head), self.readers, axis=0).reshape(-1)

    def at_producer(self, columns: Doubles) -> Doubles:
        """Per column of the members -> per channel of the producer, the mean of those sharing."""
        return columns.reshape(-1, self.readers, self.head).mean(1).reshape(-1)


def links(checkpoint: Checkpoint) -> list[Link]:
    """Every input of the model that a tensor makes, in the order it is computed."""
    kinds = {kind.name: kind for kind in checkpoint.architecture.tensors}
    places: list[int | None] = [*range(checkpoint.config.layers), None]
    return [
        _link(checkpoint, group, kinds[group.producer], layer)
        for layer in places
        for group in checkpoint.architecture.groups
        if group.producer
        and kinds[group.producer].per_layer == (layer is not None)
        and not (layer is not None and kinds[group.producer].absent(checkpoint.config.sizes(layer)))
    ]


def fold(checkpoint: Checkpoint, link: Link, scales: Doubles) -> dict[str, Floats]:
    """The tensors of `link` once its input is divided by `scales` [channels of the producer].

    Columns of the members are multiplied, the producer's rows (or norm weights) and bias divided.
    BadInput for scales that are not positive, or where nothing reads the input alone.
    """
    made = checkpoint.tensor(link.producer).load()
    if scales.shape != made.shape[:1] or not np.isfinite(scales).all() or (scales <= 0).any():
        raise BadInput(
            f"the scales of '{link.producer}' must be {made.shape[0]} positive numbers: "
            "collect the importance of this model"
        )
    if not link.members:
        raise BadInput(f"no matrix reads '{link.producer}' alone: leave it as it is")
    columns = link.at_readers(scales)
    out = {name: _times(checkpoint.tensor(name).load(), columns) for name in link.members}
    out[link.producer] = _times(made, 1 / (scales if made.ndim == 1 else scales[:, None]))
    bias = checkpoint.tensors.get(bias_of(link.producer))
    if bias is not None:
        out[bias.name] = _times(bias.load(), 1 / scales)
    return out


def bias_of(name: str) -> str:
    """The name of the bias that is added to what this matrix makes; few models have it."""
    return f"{name.removesuffix('.weight')}.bias"


def _link(checkpoint: Checkpoint, group: InputGroup, kind: TensorKind, layer: int | None) -> Link:
    config, prefix = checkpoint.config, "" if layer is None else f"blk.{layer}."
    of_heads = kind.shape[0] == "keys"
    sizes = config.widest if layer is None else config.sizes(layer)
    return Link(
        group.name,
        layer,
        prefix + group.producer,
        tuple(prefix + name for name in group.members if prefix + name in checkpoint.tensors),
        norm=len(kind.shape) == 1,
        head=config.head_dim if of_heads else 1,
        readers=sizes.heads // sizes.kv_heads if of_heads else 1,
    )


def _times(weights: Floats, factors: Doubles) -> Floats:
    """Their product, computed in float64 and rounded once."""
    out = np.empty_like(weights)
    return np.multiply(weights, factors, out=out, casting="same_kind")
