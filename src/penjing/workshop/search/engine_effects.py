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
from statistics import median

from penjing.core.progress import Progress
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.search.effect_store import EffectStore
from penjing.workshop.search.effects import Effects
from penjing.workshop.search.groups import CANDIDATES, KEEP, Group, codecs_of, groups_of
from penjing.workshop.search.measure import (
    LARGE,
    Importance,
    add_damage,
    require_filled,
    unmeasured,
)

_CLEAR = 3.0
"""Times the floor: what is read below it says more of the engine's arithmetic than of the codec."""
_FLOORS = 5  # groups that the floor is read on

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
    floor = _floor(groups, known, read)
    store.save_plans(key, known)
    readings_of: dict[Band, dict[str, float]] = {}
    with progress.task("effect of every codec in the engine", len(variants), unit="codecs") as task:
        for band, codec in variants:
            name = f"{band.name} in {codec}"
            if name not in known:
                known[name] = read(band.plan(codec))
                store.save_plans(key, known)
            readings_of.setdefault(band, {})[codec] = known[name]
            task.advance()
    for band, found in readings_of.items():
        for codec in _believed(found, floor):
            for group, kld in _shares(band, codec, found[codec], table):
                measured = {**table[group.name].measured, codec: kld}
                table[group.name] = replace(table[group.name], measured=measured)
    return {group.name: table[group.name] for group in groups}


def _floor(groups: Sequence[Group], known: dict[str, float], read: Read) -> float:
    """The KLD that the same weights in another arithmetic give: a quantized product rounds its
    input too, each codec its own way, and a change anywhere deals all of that out anew."""
    layered = [g for g in groups if g.layer is not None and g.own not in ("F32", KEEP)]
    step = max(1, len(layered) // _FLOORS)
    some = layered[step // 2 :: step][:_FLOORS]
    for group in some:
        name = f"{group.name} exact"
        if name not in known:
            known[name] = read({source.name: "F32" for source in group.members})
    return median([known[f"{group.name} exact"] for group in some]) if some else 0.0


def _believed(found: Mapping[str, float], floor: float) -> list[str]:
    """Codecs whose reading stands clear of the floor; the worst one in any case, from which the
    others are then predicted by their errors."""
    worst = max(found, key=lambda codec: found[codec])
    return [codec for codec in found if codec == worst or found[codec] > _CLEAR * floor]


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
