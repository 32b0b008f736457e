"""The effects of a whole model's groups, lent to a model that some parts were left out of. Pure.

Good enough to choose codecs for a shape that is only tried; what becomes of it is measured anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from penjing.workshop.search.choice import Choice
from penjing.workshop.search.damage import Damage
from penjing.workshop.search.effects import Effects
from penjing.workshop.search.groups import Group, codecs_of
from penjing.workshop.search.times import Times


@dataclass(frozen=True)
class Lender:
    """The whole model, by group name."""

    effects: Mapping[str, Effects]
    """What every codec costs."""
    weights: Mapping[str, int]
    """How many there are."""


def borrowed(
    groups: Sequence[Group],
    lender: Lender,
    layers: Sequence[int],
    *,
    padded: Callable[[int], int],
    names: Sequence[str],
    times: Times | None = None,
) -> dict[str, list[Choice]]:
    """Choices for the groups of a model whose layer i was layer `layers[i]` of another.

    A group that lost a part of its weights is taken to cost the same part of the KLD.
    """
    out = {}
    for group in groups:
        name = former(group, layers)
        known, share = lender.effects[name], group.parameters / lender.weights[name]
        out[group.name] = [
            Choice(
                codec,
                group.nbytes(codec, padded),
                share * (0.0 if codec == group.own else known.loss(codec)),
                times.of(group, codec) if times else 0.0,
            )
            for codec in codecs_of(group, names)
            if codec in (group.own, known.own) or codec in known.damage
        ]
    return out


def lent_to(group: Group, known: Effects) -> Effects:
    """Effects of a group of the whole model as those of one that came in another codec."""
    if known.own == group.own:
        return known
    nothing = {known.own: 0.0}, {known.own: Damage(0.0, 0.0)}
    return replace(
        known,
        own=group.own,
        measured={**known.measured, **nothing[0]},
        damage={**known.damage, **nothing[1]},
    )


def former(group: Group, layers: Sequence[int]) -> str:
    """What a group was called in the whole model."""
    if group.layer is None:
        return group.name
    return group.name.replace(f"blk.{group.layer}.", f"blk.{layers[group.layer]}.", 1)
