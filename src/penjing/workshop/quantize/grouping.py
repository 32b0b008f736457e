"""Which values share parameters: the whole tensor, each channel, or each run of a row.

A tensor is cut into rows of values that share their parameters, and put together again. A channel
is one index of the first side (an output channel of a weight [out, in]); a vector is one channel.
A group is `group` neighbours along the last side. Pure reshapes; must not know what they are for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from penjing.core.errors import BadInput, UnknownName

GRANULARITIES = ("tensor", "channel", "group")


@dataclass(frozen=True)
class Grouping:
    """How fine the parameters are. UnknownName or BadInput for what cannot be."""

    granularity: str = "tensor"
    """"tensor", "channel" or "group"."""
    group: int | None = None
    """Values in a group; None unless the granularity is "group"."""

    def __post_init__(self) -> None:
        if self.granularity not in GRANULARITIES:
            raise UnknownName("granularity", self.granularity, GRANULARITIES)
        if (self.granularity == "group") != (self.group is not None):
            raise BadInput(
                f"granularity '{self.granularity}' with group size {self.group}: "
                "give a group size with granularity 'group', and only then"
            )
        if self.group is not None and self.group < 1:
            raise BadInput(f"a group of {self.group} values is not possible: choose at least 1")


PER_TENSOR = Grouping("tensor")
PER_CHANNEL = Grouping("channel")


def per_group(size: int) -> Grouping:
    """Groups of `size` neighbours along the last side."""
    return Grouping("group", size)


def split(x: torch.Tensor, grouping: Grouping) -> torch.Tensor:
    """x [any shape] -> [groups, members], in order; BadInput when a group does not divide a row."""
    if grouping.group is not None:
        row = x.shape[-1] if x.dim() else 1
        if row % grouping.group:
            raise BadInput(
                f"rows of {row} are no whole number of groups of {grouping.group}: "
                "choose a group size that divides the row"
            )
        return x.reshape(-1, grouping.group)
    if grouping.granularity == "channel" and x.dim() > 1:
        return x.reshape(x.shape[0], -1)
    return x.reshape(1, -1)


def merge(rows: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """[groups, members] -> the tensor of `shape` that `split` cut."""
    return rows.reshape(shape)
