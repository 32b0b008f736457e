"""What a weight costs in decoding time, codec by codec, from the speed of whole files. Pure.

A token's time is taken as a sum over weights, each at the price of its codec: decoding reads every
weight once, and a processor unpacks some codecs several times as fast as others. Prices are fitted
to files in which as many groups as can be are in one codec (least squares); the chosen assembly
must be timed afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from penjing.workshop.search.groups import Group


@dataclass(frozen=True)
class Timed:
    """A file whose decoding was timed."""

    plan: Mapping[str, str]
    """The codec of each quantizable tensor."""
    time: float
    """Of a token, in tokens of the starting model."""


@dataclass(frozen=True)
class Times:
    """Prices of weights."""

    price: Mapping[str, float]
    """By codec: what a weight takes of a token of the starting model."""
    looked_up: tuple[str, ...] = ()
    """Tensors of which a token reads one row."""

    def of(self, group: Group, codec: str) -> float:
        """What a group takes in a codec; 0 where that codec is in no file that was timed.

        An embedding that is no head as well takes nothing: one row of it is read for a token.
        """
        return sum(
            source.parameters * self.price.get(group.codec_of(source, codec).name, 0.0)
            for source in group.members
            if source.name not in self.looked_up
        )


def fit(groups: Sequence[Group], files: Sequence[Timed]) -> Times:
    """Prices that explain the times of the files; none below zero."""
    looked_up = _looked_up(groups)
    sizes = {
        source.name: source.parameters
        for group in groups
        for source in group.members
        if source.name not in looked_up
    }
    names = sorted({codec for file in files for codec in file.plan.values()})
    weights = np.zeros((len(files), len(names)))
    for row, file in enumerate(files):
        for tensor, codec in file.plan.items():
            weights[row, names.index(codec)] += sizes.get(tensor, 0)
    scale = weights.sum(axis=1).max(initial=1.0)
    found, *_ = np.linalg.lstsq(weights / scale, np.array([f.time for f in files]), rcond=None)
    prices = {name: max(float(x), 0.0) / scale for name, x in zip(names, found, strict=True)}
    return Times(prices, looked_up)


def _looked_up(groups: Sequence[Group]) -> tuple[str, ...]:
    """The embedding, where a head stands beside it."""
    names = {source.name for group in groups for source in group.members}
    return tuple(name for name in ("token_embd.weight",) if "output.weight" in names)
