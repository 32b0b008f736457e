"""Effects measured in the engine: bands, shares, and readings that a file would give."""

from __future__ import annotations

from pathlib import Path

import families
import numpy as np
import pytest
import tiny
import torch

from penjing.core.progress import Silent
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop import importance as imatrix
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.divergence import kld
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.search import engine_effects
from penjing.workshop.search.effect_store import EffectStore
from penjing.workshop.search.engine_effects import bands
from penjing.workshop.search.engine_probe import EngineProbe, spacing
from penjing.workshop.search.groups import groups_of
from penjing.workshop.search.measure import measure as measure_by_torch
from penjing.workshop.search.rounder import Rounder
from penjing.workshop.surveyed import open_model, open_surveyed

WINDOWS = np.random.default_rng(3).integers(3, 260, (2, 48)).tolist()


def importance_of(checkpoint: Checkpoint, path: Path) -> dict[str, np.ndarray]:
    with LlamaCpp.open(path, threads=1) as engine:
        return imatrix.with_lookups(checkpoint, imatrix.collect(engine, WINDOWS, Silent()))


def quantizable_only(checkpoint: Checkpoint, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: found[name] for name in checkpoint.quantizable}


@pytest.fixture
def llama(tmp_path: Path) -> Path:
    path = tmp_path / "llama.gguf"
    made = tiny.checkpoint("llama", hidden=64, ffn=128, layers=3)
    export_gguf(made, path, dict.fromkeys(made.quantizable, "F16"))
    return path


def table_in_engine(path: Path, folder: Path, readings: int) -> tuple[dict, list[dict]]:
    with open_surveyed(path, threads=1) as checkpoint:
        importance = quantizable_only(checkpoint, importance_of(checkpoint, path))
        rounder = Rounder(checkpoint, importance, keep=10**8)
        probe = EngineProbe(path, checkpoint, rounder, WINDOWS, threads=1)
        asked = []

        def read(plan: dict[str, str]) -> float:
            asked.append(plan)
            return probe.read(plan).kld

        table = engine_effects.measure(
            checkpoint, importance, read, readings=readings, store=EffectStore(folder),
            key="k" * 40, progress=Silent(),
        )  # fmt: skip
        probe.close()
    return table, asked


def test_the_table_is_what_the_forward_pass_fills(llama: Path, tmp_path: Path) -> None:
    table, _ = table_in_engine(llama, tmp_path / "engine", readings=10_000)
    with open_model(llama) as checkpoint:
        importance = quantizable_only(checkpoint, importance_of(checkpoint, llama))
        store = EffectStore(tmp_path / "torch")
        expected = measure_by_torch(checkpoint, importance, WINDOWS, store=store, progress=Silent())
    ours = {frozenset(n.split(".", 2)[-1].split("+")): t for n, t in table.items()
            if not n.startswith("blk.") or n.startswith("blk.1.")}  # fmt: skip
    theirs = {frozenset(n.split(".", 2)[-1].split("+")): t for n, t in expected.items()
              if not n.startswith("blk.") or n.startswith("blk.1.")}  # fmt: skip
    assert ours.keys() == theirs.keys()
    for group, found in theirs.items():
        assert ours[group].measured.keys() == found.measured.keys()
        value, other = ours[group].measured["Q2_0"], found.measured["Q2_0"]
        assert value == pytest.approx(other, rel=0.3), group


def test_few_readings_measure_bands_and_a_killed_run_goes_on(llama: Path, tmp_path: Path) -> None:
    table, asked = table_in_engine(llama, tmp_path, readings=1)
    every, _ = table_in_engine(llama, tmp_path / "every", readings=10_000)
    assert len(asked) < sum(len(t.measured) for t in every.values())
    down = [table[f"blk.{layer}.ffn_down"] for layer in range(3)]
    (plan,) = (p for p in asked if p.get("blk.0.ffn_down.weight") == "Q2_0" and len(p) > 1)
    assert set(plan) == {f"blk.{layer}.ffn_down.weight" for layer in range(3)}
    shares = [t.measured["Q2_0"] / t.damage["Q2_0"].total for t in down]
    assert shares == pytest.approx([shares[0]] * 3)
    again, asked = table_in_engine(llama, tmp_path, readings=1)
    assert asked == []
    assert again == table


def test_a_reading_is_that_of_the_file(tmp_path: Path) -> None:
    path = families.write(tmp_path / "m.gguf", "qwen3moe")
    with open_surveyed(path, threads=1) as checkpoint:
        importance = quantizable_only(checkpoint, importance_of(checkpoint, path))
        rounder = Rounder(checkpoint, importance)
        plan = dict.fromkeys(checkpoint.quantizable, "Q4_0")
        export_gguf(
            checkpoint, tmp_path / "x.gguf", plan,
            encoded=lambda name, kind: rounder.raw(name, kind) if name in plan else None,
        )  # fmt: skip
        probe = EngineProbe(path, checkpoint, rounder, WINDOWS, threads=1)
        found, nothing = probe.read(plan, tops=True), probe.read({}, tops=True)
        probe.close()
    values, same = [], []
    with (
        LlamaCpp.open(path, threads=1, repack=False) as before,
        LlamaCpp.open(tmp_path / "x.gguf", threads=1, repack=False) as after,
    ):
        for window in WINDOWS:
            clean = torch.from_numpy(before.score(window).copy()).log_softmax(-1)
            logits = torch.from_numpy(after.score(window).copy())
            values.append(kld(clean, logits))
            same.append(clean.argmax(-1) == logits.argmax(-1))
    assert found.kld == pytest.approx(float(torch.cat(values).double().mean()), rel=1e-5)
    assert found.same_top == pytest.approx(float(torch.cat(same).double().mean()))
    assert nothing.kld == pytest.approx(0, abs=1e-9)
    assert nothing.same_top == 1.0


def test_bands_are_even_and_in_order(llama: Path) -> None:
    with open_model(llama) as checkpoint:
        kind = [g for g in groups_of(checkpoint) if g.name.endswith("ffn_down")]
    assert [len(b.groups) for b in bands(kind, 1)] == [1, 1, 1]
    assert [len(b.groups) for b in bands(kind, 2)] == [1, 2]
    (whole,) = bands(kind, 5)
    assert whole.groups == tuple(kind)
    assert whole.name == "blk.0.ffn_down to blk.2.ffn_down"


def test_positions_of_a_large_vocabulary_are_spaced() -> None:
    assert spacing(384, 50_000) == 1
    assert spacing(384, 262_144) == 2


def test_what_is_near_the_floor_is_not_believed_but_the_worst_is() -> None:
    found = {"Q2_0": 0.5, "Q4_0": 0.02, "Q5_0": 0.004}
    assert engine_effects._believed(found, 0.002) == ["Q2_0", "Q4_0"]
    assert engine_effects._believed(found, 1.0) == ["Q2_0"]
    assert engine_effects._believed(found, 0.0) == list(found)
