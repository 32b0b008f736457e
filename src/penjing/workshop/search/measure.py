"""Fills the table of effects: every group is rounded alone, for real, and the KLD is measured.

A few codecs of each group are, its ladder; the errors of all are estimated, to interpolate by. Of a
group that is much of the model all are: the whole file hangs on that one choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from penjing.bundle.codecs import CODECS
from penjing.core.errors import PenjingError
from penjing.core.progress import Progress
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.quantize.stored import round_rows
from penjing.workshop.search.damage import Damage, stored_errors
from penjing.workshop.search.effect_store import EffectStore
from penjing.workshop.search.effects import Effects, upset
from penjing.workshop.search.groups import (
    CANDIDATES,
    LATTICE,
    Group,
    codecs_of,
    groups_of,
    ladder,
)
from penjing.workshop.search.means import Means
from penjing.workshop.search.wavefront import Wavefront
from penjing.workshop.threads import workers

Importance = Mapping[str, npt.NDArray[np.float32]]

LARGE = 0.1
"""Of all weights that can be rounded: a group that is much of the model."""

_BATCH = 16  # groups whose errors are estimated between two steps of the progress bar


def measure(
    checkpoint: Checkpoint,
    importance: Importance,
    windows: Sequence[Sequence[int]],
    *,
    store: EffectStore,
    progress: Progress,
    means: Means | None = None,
    names: Iterable[str] = CANDIDATES,
) -> dict[str, Effects]:
    """Effects of every group over `windows` (equally long token lists), by group name.

    What `store` knows is not measured again; each wave is kept there, so that a killed run loses
    one. BudgetError when `means.ram` is too little for this model and text.
    """
    require_filled(checkpoint, importance)
    means, known, groups = means or Means(), tuple(names), groups_of(checkpoint)
    key = store.key(checkpoint, importance, windows, str(means.dtype))
    table = {group.name: Effects(group.own, {}, {}) for group in groups}
    table |= store.load(key, progress)
    if add_damage(checkpoint, known, importance, table, progress):
        store.save(key, table)
    whole = sum(group.parameters for group in groups)
    missing = [
        (group, codec)
        for group in groups
        for codec in unmeasured(
            group, known, table[group.name], every=group.parameters >= LARGE * whole
        )
    ]
    if missing:
        front = Wavefront(checkpoint, windows, means)
        for found in _in_waves(front, missing, checkpoint, importance, progress):
            for group, codec, kld in found:
                before = table[group.name]
                table[group.name] = replace(before, measured={**before.measured, codec: kld})
            store.save(key, table)
    return {group.name: table[group.name] for group in groups}


def require_filled(checkpoint: Checkpoint, importance: Importance) -> None:
    """Raise unless every quantizable tensor has a filled importance: never round uncalibrated."""
    for name in checkpoint.quantizable:
        row = importance.get(name)
        if row is None or not row.any():
            raise PenjingError(
                f"the importance of '{name}' was never filled: calibrate again with more text"
            )


def add_damage(
    checkpoint: Checkpoint,
    names: Sequence[str],
    importance: Importance,
    table: dict[str, Effects],
    progress: Progress,
) -> bool:
    """Fill in the damage of codecs that the table lacks; says whether there were any."""
    lacking = {
        group: [c for c in codecs_of(group, names)[1:] if c not in table[group.name].damage]
        for group in groups_of(checkpoint)
    }
    todo = [group for group in lacking if lacking[group]]

    def look(group: Group) -> dict[str, Damage]:
        codecs = [CODECS[name] for name in lacking[group]]
        by_member = [
            stored_errors(source, importance[source.name], codecs) for source in group.members
        ]
        return {
            name: sum((each[name] for each in by_member), Damage(0.0, 0.0))
            for name in lacking[group]
        }

    if not todo:
        return False
    task = progress.task("rounding errors of every codec", len(todo), unit="groups")
    with task, workers() as side_by_side:
        for first in range(0, len(todo), _BATCH):
            batch = todo[first : first + _BATCH]
            for group, more in zip(batch, side_by_side(look, batch), strict=True):
                before = table[group.name]
                table[group.name] = replace(before, damage={**before.damage, **more})
            checkpoint.release()
            task.advance(len(batch))
    return True


def unmeasured(
    group: Group, names: Sequence[str], found: Effects, *, every: bool = False
) -> list[str]:
    """Codecs still to be measured: the ladder's, and those that a super weight sets apart; or
    `every` one. Never lattice ones: a matrix takes long to encode."""
    possible = [name for name in codecs_of(group, names)[1:] if name not in LATTICE]
    outliers = upset({name: found.damage[name] for name in possible})
    wanted = [*ladder(group, names), *sorted(outliers), *(possible if every else ())]
    return [name for name in dict.fromkeys(wanted) if name not in found.measured]


def _in_waves(
    front: Wavefront,
    variants: Sequence[tuple[Group, str]],
    checkpoint: Checkpoint,
    importance: Importance,
    progress: Progress,
) -> Iterator[list[tuple[Group, str, float]]]:
    """Measure all, wave by wave."""
    plans = {(group.name, codec): group.plan(codec) for group, codec in variants}
    order = sorted(variants, key=lambda v: front.birth(plans[v[0].name, v[1]]))
    total = sum(front.work(plan) for plan in plans.values())

    def rounded(name: str, codec: str, rows: slice | torch.Tensor) -> torch.Tensor:
        return round_rows(CODECS[codec], checkpoint.tensors[name], importance[name], rows)

    with progress.task("effect of every codec on the output", total, unit="blocks") as task:
        for part in front.memory.waves(len(order)):
            wave = order[part]
            planned = [plans[group.name, codec] for group, codec in wave]
            readings = front.read(planned, rounded, on_work=task.advance)
            yield [(g, c, r.kld) for (g, c), r in zip(wave, readings, strict=True)]
