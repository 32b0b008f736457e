"""Effects of every group for a model of any family, measured in the engine band by band.

Each measurement is a whole pass over the text, and a large model allows few of them. Neighbouring
layers' groups of one kind are therefore a band, rounded and measured together; each group's part of
the KLD is its part of the band's weighted squared error, which `damage.py` estimates. In a small
model every band is one group, and the table is the one that `measure.py` would fill.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from penjing.core.progress import Progress
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.search.effect_store import EffectStore
from penjing.workshop.search.effects import Effects
from penjing.workshop.search.groups import CANDIDATES, Group, codecs_of, groups_of
from penjing.workshop.search.measure import (
    LARGE,
    Importance,
    add_damage,
    require_filled,
    unmeasured,
)

Read = Callable[[Mapping[str, str]], float]
"""Mean KLD of a plan, codec by tensor name."""


@dataclass(frozen=True)
class Band:
    """Groups of one kind in neighbouring layers."""

    groups: tuple[Group, ...]
    """In the file's order."""

    @property
    def name(self) -> str:
        """Its ends."""
        names = [group.name for group in self.groups]
        return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"

    def plan(self, codec: str) -> dict[str, str]:
        """Codec name by tensor name."""
        return {name: kind for g in self.groups for name, kind in g.plan(codec).items()}


def measure(
    checkpoint: Checkpoint,
    importance: Importance,
    read: Read,
    *,
    readings: int,
    store: EffectStore,
    key: str,
    progress: Progress,
) -> dict[str, Effects]:
    """Effects of every group, by group name, in about `readings` passes.

    What `store` knows under `key` is not measured again; each reading is kept there.
    """
    require_filled(checkpoint, importance)
    groups = groups_of(checkpoint)
    table = {group.name: Effects(group.own, {}, {}) for group in groups}
    table |= store.load(key, progress)
    if add_damage(checkpoint, CANDIDATES, importance, table, progress):
        store.save(key, table)
    variants = list(_variants(groups, table, readings))
    known = store.plans(key, progress)
    with progress.task("effect of every codec in the engine", len(variants), unit="codecs") as task:
        for band, codec in variants:
            name = f"{band.name} in {codec}"
            if name not in known:
                known[name] = read(band.plan(codec))
                store.save_plans(key, known)
            for group, kld in _shares(band, codec, known[name], table):
                measured = {**table[group.name].measured, codec: kld}
                table[group.name] = replace(table[group.name], measured=measured)
            task.advance()
    return {group.name: table[group.name] for group in groups}


def _variants(
    groups: Sequence[Group], table: Mapping[str, Effects], readings: int
) -> Iterator[tuple[Band, str]]:
    """What is measured: as few layers to a band as the readings allow."""
    whole = sum(group.parameters for group in groups)
    longest = max(len(kind) for kind in _kinds(groups))
    for layers in range(1, longest + 1):
        found = [
            (band, codec)
            for kind in _kinds(groups)
            for band in bands(kind, layers)
            for codec in _codecs(band, table, whole)
        ]
        if len(found) <= readings:
            break
    yield from found


def _kinds(groups: Sequence[Group]) -> list[list[Group]]:
    """Groups that differ in their layer alone."""
    kinds: dict[tuple[str, ...], list[Group]] = {}
    for group in groups:
        stem = group.name.split(".", 2)[-1] if group.layer is not None else group.name
        kinds.setdefault((stem, *codecs_of(group, CANDIDATES)), []).append(group)
    return list(kinds.values())


def bands(kind: Sequence[Group], layers: int) -> list[Band]:
    """Bands of at most so many groups, as even as can be."""
    count = math.ceil(len(kind) / layers)
    ends = [len(kind) * i // count for i in range(count + 1)]
    return [Band(tuple(kind[a:b])) for a, b in pairwise(ends)]


def _codecs(band: Band, table: Mapping[str, Effects], whole: int) -> list[str]:
    """What is measured of a band: what any of its groups alone would want."""
    wanted: dict[str, None] = {}
    for group in band.groups:
        large = group.parameters >= LARGE * whole
        fresh = replace(table[group.name], measured={})
        wanted |= dict.fromkeys(unmeasured(group, CANDIDATES, fresh, every=large))
    return list(wanted)


def _shares(
    band: Band, codec: str, kld: float, table: Mapping[str, Effects]
) -> Iterator[tuple[Group, float]]:
    """Each group's part of a band's KLD."""
    errors = [table[group.name].damage[codec].total for group in band.groups]
    whole = sum(errors)
    for group, error in zip(band.groups, errors, strict=True):
        yield group, kld * error / whole if whole > 0 else kld / len(errors)
