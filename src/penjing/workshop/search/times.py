"""What a weight costs in decoding time, codec by codec, from the speed of whole files. Pure.

A token's time is taken as a sum over weights, each at the price of its codec: decoding reads every
weight once, and a processor unpacks some codecs several times as fast as others. The head has
prices of its own: one large matrix may be read at another pace than the many of the blocks. Prices
are fitted to files in which as many groups as can be, or the head alone, are in one codec; the
chosen assembly must be timed afterwards.

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
from penjing.workshop.search.choice import Choice, Choices
from penjing.workshop.search.groups import Group
from penjing.workshop.search.wavefront import EMBEDDING, HEAD

NOISE = 0.03
"""Standard deviation of a time, by the starting model's."""
_APART, _EXACT = 0.4, 1e-6
"""Standard deviation of a price, by what its bytes would take; and of one that is given."""
_LOOKED_UP = ""
"""An embedding that is no head as well takes nothing: one row of it is read for a token."""


@dataclass(frozen=True)
class TimedFile:
    """A file whose decoding was timed."""

    plan: Mapping[str, str]
    """The codec of each quantizable tensor."""
    time: float
    """Of a token, in tokens of the starting model."""


@dataclass(frozen=True)
class Times:
    """Prices of weights."""

    price: Mapping[str, float]
    """By part and codec ("head Q8_0"): what a weight takes of a token of the starting model."""
    head: str
    """The tensor that is the head."""

    def of(self, group: Group, codec: str) -> float:
        """What a group takes in a codec; 0 where that codec is in no file that was timed."""
        kinds = {
            source: _kind(source.name, group.codec_of(source, codec).name, self.head)
            for source in group.members
        }
        return sum(each.parameters * self.price.get(kind, 0.0) for each, kind in kinds.items())


def fit(groups: Sequence[Group], files: Sequence[TimedFile], noise: float = NOISE) -> Times:
    """Prices that explain the times of the files, the first of which is the starting model's."""
    sizes = {source.name: source.parameters for group in groups for source in group.members}
    head = head_of(groups)
    kinds = [{name: _kind(name, codec, head) for name, codec in f.plan.items()} for f in files]
    names = sorted({kind for file in kinds for kind in file.values()} - {_LOOKED_UP})
    weights = np.zeros((len(files), len(names)))
    for row, file in enumerate(kinds):
        for tensor, kind in file.items():
            if kind != _LOOKED_UP:
                weights[row, names.index(kind)] += sizes.get(tensor, 0)
    bits = np.array([CODECS[name.split()[-1]].bits for name in names])
    usual = bits * files[0].time / (weights[0] @ bits)
    # Unknown is each price by its usual one: 1, give or take _APART. What every head has more and
    # all blocks have less shows in no file: the head's is taken as usual where it came.
    held = np.full(len(names), 1 / _APART)
    held[names.index(kinds[0][head])] = 1 / _EXACT
    rows = np.vstack([weights * usual / noise, np.diag(held)])
    values = np.array([*(file.time / noise for file in files), *held])
    found, *_ = np.linalg.lstsq(rows, values, rcond=None)
    prices = usual * np.maximum(found, 0.0)
    return Times(dict(zip(names, prices.tolist(), strict=True)), head)


def with_floats(times: Times) -> Times:
    """The same, and what was stored in floating point as dear as it would be by its bytes.

    A model that lost parts comes so, and no file of it was timed.
    """
    dearest = {
        part: max(
            (price / CODECS[kind.split()[1]].bits
             for kind, price in times.price.items() if kind.startswith(part)),
            default=0.0,
        )
        for part in ("blocks", "head")
    }  # fmt: skip
    more = {
        f"{part} {name}": dearest[part] * CODECS[name].bits
        for part in dearest for name in ("F16", "BF16", "F32")
    }  # fmt: skip
    return Times({**more, **times.price}, times.head)


def without_codecs(
    groups: Sequence[Group], rows: Choices, names: frozenset[str]
) -> dict[str, list[Choice]]:
    """The choices that multiply by no weight in these codecs, but for what came so."""
    looked_up = EMBEDDING if head_of(groups) != EMBEDDING else None

    def multiplied(group: Group, codec: str) -> set[str]:
        return {kind for name, kind in group.plan(codec).items() if name != looked_up}

    return {
        group.name: [
            choice for choice in rows[group.name]
            if choice.codec == group.own or not names & multiplied(group, choice.codec)
        ]
        for group in groups
    }  # fmt: skip


def head_of(groups: Sequence[Group]) -> str:
    """The tensor that gives the logits: the embedding, where no other does."""
    names = {source.name for group in groups for source in group.members}
    return HEAD if HEAD in names else EMBEDDING


def _kind(tensor: str, codec: str, head: str) -> str:
    """What has one price."""
    if tensor == head:
        return f"head {codec}"
    return _LOOKED_UP if tensor == EMBEDDING else f"blocks {codec}"
