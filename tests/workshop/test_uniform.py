"""One codec everywhere, measured: whatever the budget, what is searched is never worse."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import tiny
import torch

from penjing.core.progress import Silent
from penjing.workshop.search.effect_store import EffectStore
from penjing.workshop.search.effects import choices
from penjing.workshop.search.groups import expand, groups_of
from penjing.workshop.search.means import Means
from penjing.workshop.search.measure import measure
from penjing.workshop.search.refine import Limits, refine
from penjing.workshop.search.rounder import Rounder
from penjing.workshop.search.uniform import best_uniform
from penjing.workshop.search.wavefront import measured_divergence

EXACT = Means(ram=10**8, dtype=torch.float64)
NAMES = ("Q2_0", "MXFP4", "IQ4_NL", "Q4_0", "Q5_0", "Q8_0")


def test_twenty_budgets_measured_are_never_worse_than_one_codec(tmp_path: Path) -> None:
    """A tiny Gemma whose embedding is the largest group by far; real rounding, whole forwards."""
    checkpoint = tiny.checkpoint("gemma3", layers=2, ffn=64)
    windows = np.random.default_rng(5).integers(3, 260, (1, 24)).tolist()
    noise = np.random.default_rng(1)
    importance = {
        name: noise.uniform(0.5, 2, checkpoint.tensors[name].shape[-1]).astype(np.float32)
        for name in checkpoint.quantizable
    }
    table = measure(
        checkpoint, importance, windows,
        store=EffectStore(tmp_path), progress=Silent(), means=EXACT, names=NAMES,
    )  # fmt: skip
    groups, rounder = groups_of(checkpoint), Rounder(checkpoint, importance)
    rows = choices(groups, table, lambda n: n, NAMES)
    even = [sum(c.nbytes for row in rows.values() for c in row if c.codec == n) for n in NAMES]
    chance = random.Random(20)

    def read(plan: dict[str, str]) -> float:
        return measured_divergence(
            checkpoint, lambda name, codec: rounder(name, codec, slice(None)),
            expand(groups, plan), windows, means=EXACT,
        ).kld  # fmt: skip

    for _ in range(20):
        budget = chance.randint(min(even), max(even))
        found = refine(rows, budget, lambda plan: read(dict(plan)), limits=Limits(measurements=3))
        uniform = best_uniform(rows, budget)
        assert uniform is not None
        assert found.allocation.nbytes <= budget
        assert found.kld <= read(uniform.plan) * 1.0011  # GAIN: less is chance
