"""What a weight costs in decoding time, codec by codec, from the speed of whole files. Pure.

A token's time is taken as a sum over weights, each at the price of its codec: decoding reads every
weight once, and a processor unpacks some codecs several times as fast as others. Prices are fitted
to files in which as many groups as can be are in one codec; the chosen assembly must be timed
afterwards.

Times are noisy, and a codec that few rows can take shows in little of its file: plain least squares
gave such a codec a price of nothing, and then the solver used it everywhere. So every price is held
to what its bytes would take (ridge regression, Hoerl and Kennard, 1970: a Gaussian prior), as
strongly as the file says little of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from penjing.bundle.codecs import CODECS
from penjing.workshop.search.groups import Group

NOISE = 0.03
"""Standard deviation of a time, by the starting model's."""
_APART = 0.4
"""Standard deviation of a price, by what its bytes would take."""


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


def fit(groups: Sequence[Group], files: Sequence[Timed], noise: float = NOISE) -> Times:
    """Prices that explain the times of the files, the first of which is the starting model's."""
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
    bits = np.array([CODECS[name].bits for name in names])
    usual = bits * files[0].time / (weights[0] @ bits)
    # unknown is each price by its usual one: 1, give or take _APART
    rows = np.vstack([weights * usual / noise, np.eye(len(names)) / _APART])
    values = [*(file.time / noise for file in files), *([1 / _APART] * len(names))]
    found, *_ = np.linalg.lstsq(rows, np.array(values), rcond=None)
    prices = usual * np.maximum(found, 0.0)
    return Times(dict(zip(names, prices.tolist(), strict=True)), looked_up)


def _looked_up(groups: Sequence[Group]) -> tuple[str, ...]:
    """The embedding, where a head stands beside it."""
    names = {source.name for group in groups for source in group.members}
    return tuple(name for name in ("token_embd.weight",) if "output.weight" in names)
