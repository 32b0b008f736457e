"""The table of effects: measured where it says so, and between two measurements elsewhere."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.bundle.codecs import CODECS
from penjing.core.errors import BudgetError, PenjingError
from penjing.core.progress import Silent
from penjing.ggml.quantize import quantize
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.divergence import kld
from penjing.workshop.forward import TorchModel
from penjing.workshop.search import means as means_module
from penjing.workshop.search import measure as measuring
from penjing.workshop.search.budget import allocate
from penjing.workshop.search.choice import Choice, smallest
from penjing.workshop.search.damage import Damage
from penjing.workshop.search.effect_store import EffectStore
from penjing.workshop.search.effects import UPSET, Effects, choices, upset
from penjing.workshop.search.groups import codecs_of, groups_of, ladder
from penjing.workshop.search.means import Means
from penjing.workshop.search.measure import LARGE, measure
from penjing.workshop.search.rounder import Rounder
from penjing.workshop.search.wavefront import Wavefront, scored
from penjing.workshop.tensors import TensorSource

WINDOWS = np.random.default_rng(5).integers(3, 260, (2, 24)).tolist()
EXACT = Means(ram=10**8, dtype=torch.float64)
NAMES = ("Q2_0", "MXFP4", "IQ4_NL", "Q4_0", "Q5_0", "Q5_1")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def padded(count: int) -> int:
    return -(-count // 32) * 32


def even(error: float) -> Damage:
    return Damage(error, error / 1.2)


# -- between the measurements


def test_the_own_codec_is_free_and_measured_ones_are_what_was_measured() -> None:
    effects = Effects("F16", {"Q2_0": 0.4, "Q4_0": 0.02}, {"Q2_0": even(9), "Q4_0": even(0.5)})
    assert effects.loss("F16") == 0
    assert effects.loss("Q2_0") == 0.4
    assert effects.loss("Q4_0") == 0.02
    assert effects.kld == 0.4


def test_between_and_beyond() -> None:
    damage = {"a": even(1.0), "b": even(100.0), "mid": even(10.0), "low": even(0.01)}
    damage["high"] = even(1000.0)
    effects = Effects("F16", {"a": 0.001, "b": 0.01}, damage)  # half a decade for each decade
    assert effects.loss("mid") == pytest.approx(math.sqrt(0.001 * 0.01))
    assert effects.loss("low") == pytest.approx(0.001 * 0.01)  # in proportion to the error
    assert effects.loss("high") == pytest.approx(0.01 * 10)
    steep = Effects("F16", {"a": 0.001, "b": 10.0}, damage)
    assert steep.loss("high") == pytest.approx(1000.0)  # as steep as it was
    exact = Effects("F16", {"a": 0.001}, {"a": even(1.0), "z": Damage(0.0, 0.0)})
    assert exact.loss("z") == 0


errors = st.lists(
    st.tuples(st.floats(1e-3, 1e3), st.floats(1e-6, 1.0)), min_size=1, max_size=5,
    unique_by=lambda pair: pair[0],
)  # fmt: skip


@given(errors, st.lists(st.floats(1e-5, 1e5), min_size=2, max_size=6))
@settings(max_examples=200, deadline=None)
def test_more_error_never_costs_less(measured: list[Any], others: list[float]) -> None:
    names = [f"m{i}" for i in range(len(measured))]
    damage = {name: even(error) for name, (error, _) in zip(names, measured, strict=True)}
    damage |= {f"o{i}": even(error) for i, error in enumerate(others)}
    klds = {name: kld for name, (_, kld) in zip(names, measured, strict=True)}
    effects = Effects("F16", klds, damage)
    by_error = sorted((error, effects.loss(f"o{i}")) for i, error in enumerate(others))
    for (_, less), (_, more) in itertools.pairwise(by_error):
        assert less <= more * (1 + 1e-9)
    assert all(loss > 0 and math.isfinite(loss) for _, loss in by_error)


def test_a_super_weight_is_no_anchor() -> None:
    """The real numbers of blk.11.ffn_down: Q4_0's error is huge, and harmless for its size."""
    damage = {
        "Q2_K": Damage(41.0, 37.0), "Q4_K": Damage(0.43, 0.16), "IQ4_NL": Damage(5.1, 2.5),
        "Q4_0": Damage(454.0, 3.3), "Q3_K": Damage(3130.0, 11.0), "Q1_0": Damage(504.0, 250.0),
    }  # fmt: skip
    assert upset(damage) == {"Q4_0", "Q3_K"}
    measured = {"Q2_K": 0.0104, "Q4_K": 0.00003, "Q4_0": 0.026, "Q3_K": 0.03}
    effects = Effects("Q4_1", measured, damage)
    assert effects.loss("Q4_0") == 0.026
    without = Effects("Q4_1", {k: v for k, v in measured.items() if k[:2] in ("Q2", "Q4")}, damage)
    for name in ("IQ4_NL", "Q1_0"):
        assert effects.loss(name) == pytest.approx(without.loss(name))
    assert 0.0003 < effects.loss("IQ4_NL") < 0.002  # 0.0008 was measured
    assert effects.loss("Q1_0") > 0.1
    only = Effects("Q4_1", {"Q4_0": 0.026}, damage)  # better than nothing
    assert only.loss("IQ4_NL") == pytest.approx(0.026 * 5.1 / 454)
    with pytest.raises(PenjingError, match="measure again"):
        Effects("Q4_1", {}, damage).loss("IQ4_NL")


def test_upset_needs_a_calm_one_to_compare_with() -> None:
    assert upset({}) == set()
    assert upset({"a": Damage(0, 0), "b": Damage(5.0, 1.0)}) == set()
    assert upset({"a": Damage(1.0, 0.0), "b": Damage(1.0, 0.9)}) == {"a"}
    assert upset({"a": Damage(UPSET * 1.01, 1.0), "b": Damage(1.0, 1.0)}) == {"a"}
    assert upset({"a": Damage(UPSET * 0.99, 1.0), "b": Damage(1.0, 1.0)}) == set()


# -- measuring


def small() -> tuple[Checkpoint, dict[str, np.ndarray[Any, Any]]]:
    checkpoint, noise = tiny.checkpoint("llama", layers=2, ffn=64), np.random.default_rng(1)
    importance = {
        name: noise.uniform(0.5, 2, checkpoint.tensors[name].shape[-1]).astype(np.float32)
        for name in checkpoint.quantizable
    }
    return checkpoint, importance


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Any:
    checkpoint, importance = small()
    store = EffectStore(tmp_path_factory.mktemp("effects"))
    return checkpoint, importance, store, run(checkpoint, importance, store)


def run(checkpoint: Any, importance: Any, store: Any, **more: Any) -> dict[str, Effects]:
    options = {"means": EXACT, "names": NAMES, "progress": Silent(), **more}
    return measure(checkpoint, importance, WINDOWS, store=store, **options)


def test_each_effect_is_that_of_a_whole_forward_with_the_group_rounded(case: Any) -> None:
    checkpoint, importance, _, table = case
    model = TorchModel.load(checkpoint, dtype=torch.float64)
    rounder, tokens = Rounder(checkpoint, importance), torch.tensor(WINDOWS)
    positions = scored(24)
    with torch.no_grad():
        clean = model.forward(tokens, positions=positions).log_softmax(-1)
    groups = groups_of(checkpoint)
    assert table.keys() == {group.name for group in groups}
    for group in groups:
        found = table[group.name]
        assert set(ladder(group, NAMES)) <= found.measured.keys()
        codec = "Q2_0" if group.layer else "IQ4_NL"
        changes = {
            s.name: rounder(s.name, codec, slice(None)).double() for s in group.members
        }  # fmt: skip
        with torch.no_grad(), model.replaced(changes):
            expected = float(kld(clean, model.forward(tokens, positions=positions)).mean())
        assert found.measured[codec] == pytest.approx(expected, rel=1e-6), group.name


def test_a_group_that_is_much_of_the_model_is_measured_in_every_codec(case: Any) -> None:
    checkpoint, _, _, table = case
    groups = groups_of(checkpoint)
    whole = sum(group.parameters for group in groups)
    much = [group for group in groups if group.parameters >= LARGE * whole]
    assert 0 < len(much) < len(groups)
    for group in groups:
        lacking = set(codecs_of(group, NAMES)[1:]) - table[group.name].measured.keys()
        assert bool(lacking) == (group not in much), group.name


def test_codecs_that_were_not_measured_are_predicted_within_reason(case: Any) -> None:
    checkpoint, importance, _, table = case
    groups = groups_of(checkpoint)
    codec, rounder = "Q4_0", Rounder(checkpoint, importance)
    plans = [group.plan(codec) for group in groups]
    true = Wavefront(checkpoint, WINDOWS, EXACT).read(plans, rounder)
    ratios = [
        table[group.name].loss(codec) / reading.kld
        for group, reading in zip(groups, true, strict=True)
        if codec not in table[group.name].measured
    ]
    assert len(ratios) >= 8
    assert 0.8 < float(np.median(ratios)) < 1.25
    assert 0.5 < min(ratios) < max(ratios) < 2


def test_a_second_budget_is_solved_from_the_table_in_under_a_second(
    case: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint, importance, store, table = case

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(measuring, "Wavefront", never)
    monkeypatch.setattr(measuring, "stored_errors", never)
    begun = time.process_time()
    again = run(checkpoint, importance, store)
    groups = groups_of(checkpoint)
    offers = choices(groups, again, padded, NAMES)
    found = allocate(offers, int(smallest(offers) * 1.4))
    assert time.process_time() - begun < 1
    assert again == table
    assert found.loss > 0
    assert {name: row[0].loss for name, row in offers.items()} == dict.fromkeys(offers, 0.0)
    for group in groups:
        assert [c.codec for c in offers[group.name]] == codecs_of(group, NAMES)


def test_a_real_size_is_solved_in_under_a_second() -> None:
    """150 groups, ten codecs each."""
    noise = np.random.default_rng(0)
    table = {}
    for i in range(150):
        errors = np.sort(noise.uniform(0.1, 100, 10))
        damage = {f"c{k}": even(float(e)) for k, e in enumerate(errors)}
        measured = {f"c{k}": float(noise.uniform(1, 2) * errors[k] * 1e-4) for k in (0, 4, 9)}
        table[f"g{i}"] = Effects("own", measured, damage)
    begun = time.process_time()
    offers = {
        name: [Choice(f"c{k}", 100_000 * (12 - k), effects.loss(f"c{k}")) for k in range(10)]
        for name, effects in table.items()
    }
    for factor in (1.1, 1.5, 2.5):
        allocate(offers, int(smallest(offers) * factor))
    assert (time.process_time() - begun) / 3 < 1


def test_a_killed_run_loses_one_wave_and_ends_where_an_unbroken_one_does(
    case: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint, importance, _, table = case
    monkeypatch.setattr(means_module, "_WAVE", 4)

    class Killed(BaseException):
        pass

    class Mortal(EffectStore):
        saves = 0

        def save(self, key: str, table: Any) -> None:
            super().save(key, table)
            self.saves += 1
            if self.saves == 4:  # errors, then three waves
                raise Killed

    with pytest.raises(Killed):
        run(checkpoint, importance, Mortal(tmp_path))
    key = EffectStore.key(checkpoint, importance, WINDOWS, str(torch.float64))
    kept = EffectStore(tmp_path).load(key, Silent())
    assert sum(len(effects.measured) for effects in kept.values()) == 12
    read: list[int] = []
    whole = Wavefront.read

    def counted(self: Wavefront, plans: Any, *args: Any, **more: Any) -> Any:
        read.append(len(plans))
        return whole(self, plans, *args, **more)

    monkeypatch.setattr(Wavefront, "read", counted)
    again = run(checkpoint, importance, EffectStore(tmp_path))
    total = sum(len(effects.measured) for effects in table.values())
    assert sum(read) == total - 12
    assert max(read) == 4
    for name, effects in again.items():
        assert effects.measured == pytest.approx(table[name].measured, rel=1e-9)
        assert effects.damage == table[name].damage


def test_more_codecs_later_measure_only_those(case: Any) -> None:
    checkpoint, importance, store, table = case
    again = run(checkpoint, importance, store, names=(*NAMES, "Q8_0"))
    for name, effects in again.items():
        assert table[name].measured.items() <= effects.measured.items()
        assert "Q8_0" in effects.damage
        assert 0 < effects.loss("Q8_0") < effects.loss("Q5_0")


def test_a_super_weight_is_found_and_measured(tmp_path: Path) -> None:
    """One huge weight beside small ones: Q4_0 and MXFP4 lose the small ones, K-quants do not."""
    checkpoint, importance = small()
    name = "blk.1.ffn_down.weight"
    weights = checkpoint.tensors[name].load().copy()
    weights[5, 7], weights[5, 8] = 30.0, -27.9
    loud = {**importance, name: importance[name].copy()}
    loud[name][8] = 1e4
    changed = checkpoint.replacing({name: weights})
    table = run(changed, loud, EffectStore(tmp_path))["blk.1.ffn_down"]
    hit = upset(table.damage)
    assert hit
    assert hit <= table.measured.keys()
    assert not hit >= table.damage.keys()


def test_importance_that_was_never_filled_is_an_error(tmp_path: Path) -> None:
    checkpoint, importance = small()
    name = checkpoint.quantizable[3]
    store = EffectStore(tmp_path)
    with pytest.raises(PenjingError, match=f"{name}.*never filled"):
        run(checkpoint, {**importance, name: np.zeros_like(importance[name])}, store)
    importance.pop(name)
    with pytest.raises(PenjingError, match="never filled"):
        run(checkpoint, importance, store)


def test_too_little_memory_is_refused_before_the_first_wave(tmp_path: Path) -> None:
    checkpoint, importance = small()
    with pytest.raises(BudgetError, match="the least is"):
        run(checkpoint, importance, EffectStore(tmp_path), means=Means(ram=1000))


def test_what_cannot_become_smaller_is_no_trouble(tmp_path: Path) -> None:
    """A model already in the smallest codec has nothing to measure."""
    checkpoint, importance = small()
    tensors = dict(checkpoint.tensors)
    for name in checkpoint.quantizable:
        raw = quantize(CODECS["Q2_0"], tensors[name].load())
        shape = tensors[name].shape
        tensors[name] = TensorSource(name, shape, CODECS["Q2_0"], lambda raw=raw: raw)
    least = Checkpoint.of("least", checkpoint.metadata, tensors)
    table = run(least, importance, EffectStore(tmp_path))
    assert all(effects.loss("Q2_0") == 0 for effects in table.values())
