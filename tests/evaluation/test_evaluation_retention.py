"""Recording a baseline and measuring by it, against plain formulas on models that are tables."""

from __future__ import annotations

import dataclasses
import json
import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from table_model import TableModel, random_table, text_tokens

from penjing.core.errors import BadInput, EngineError, IntegrityError, StorageError
from penjing.core.report import Report
from penjing.evaluation.perplexity import measure_alone
from penjing.evaluation.reference import disk_need, record
from penjing.evaluation.retention import Kept, Positions, measure, paired_difference, summarise

V, CONTEXT = 60, 32
TABLE = random_table(V, 0)
NEAR = random_table(V, 1, like=TABLE)
TOKENS = text_tokens(CONTEXT * 7 + 5, V)

METRICS = [
    "perplexity", "baseline_perplexity", "perplexity_ratio", "kld_mean", "kld_median", "kld_p99",
    "kld_max", "same_top", "prob_delta_rms",
]  # fmt: skip


def kept(folder: Path, table: np.ndarray = NEAR, base: np.ndarray = TABLE) -> Kept:
    reference = record(TableModel(base, name="base"), TOKENS, CONTEXT, folder, identity="b")
    return measure(TableModel(table, name="near"), reference, identity="m")


def by_hand(table: np.ndarray, base: np.ndarray) -> dict[str, float]:
    """llama.cpp's `kl_divergence`, a position at a time, in float64."""
    klds, surprises, befores, tops, deltas = [], [], [], [], []
    for window in range(len(TOKENS) // CONTEXT):
        piece = [0, *TOKENS[window * CONTEXT + 1 : (window + 1) * CONTEXT]]
        for row in range(CONTEXT // 2, CONTEXT - 1):
            p, q = (np.exp(t[piece[row]] - t[piece[row]].max()) for t in (base, table))
            p, q = p / p.sum(), q / q.sum()
            klds.append(sum(p * np.log(p / q)))
            befores.append(-math.log(p[piece[row + 1]]))
            surprises.append(-math.log(q[piece[row + 1]]))
            deltas.append(q[piece[row + 1]] - p[piece[row + 1]])
            tops.append(p.argmax() == q.argmax())
    klds.sort()
    place = 0.99 * (len(klds) - 1)
    low = int(place)
    return {
        "perplexity": math.exp(sum(surprises) / len(klds)),
        "baseline_perplexity": math.exp(sum(befores) / len(klds)),
        "perplexity_ratio": math.exp((sum(surprises) - sum(befores)) / len(klds)),
        "kld_mean": sum(klds) / len(klds),
        "kld_median": (klds[(len(klds) - 1) // 2] + klds[len(klds) // 2]) / 2,
        "kld_p99": klds[low] + (place - low) * (klds[low + 1] - klds[low]),
        "kld_max": klds[-1],
        "same_top": sum(tops) / len(klds),
        "prob_delta_rms": math.sqrt(sum(x * x for x in deltas) / len(klds)),
    }


def test_every_metric_is_its_formula(tmp_path: Path) -> None:
    report = kept(tmp_path).report
    expected = by_hand(NEAR, TABLE)
    assert [item.metric for item in report.measurements] == METRICS
    for item in report.measurements:
        assert item.value == pytest.approx(expected[item.metric], rel=2e-5, abs=1e-6), item.metric
        assert item.n == 7 * 15
        assert item.low is not None
        assert item.low <= item.value
        assert item.high is None or item.value <= item.high
    assert (report.model, report.baseline) == ("near", "base")
    assert (report.windows, report.context, report.seed) == (7, CONTEXT, 0)


def test_a_model_against_itself_kept_everything(tmp_path: Path) -> None:
    report = kept(tmp_path, TABLE).report
    assert report.find("kld_mean") == dataclasses.replace(
        report.find("kld_mean"), value=0.0, low=0.0, high=0.0
    )
    assert report.find("kld_max").value == 0.0
    assert report.find("perplexity_ratio").value == 1.0
    assert report.find("prob_delta_rms").high == 0.0
    top = report.find("same_top")
    assert (top.value, top.high) == (1.0, 1.0)
    assert 0.9 < top.low < 1.0


@given(st.integers(0, 10**6), st.integers(0, V - 1))
@settings(max_examples=15, deadline=None)
def test_kld_is_zero_only_where_nothing_changed(
    tmp_path_factory: pytest.TempPathFactory, seed: int, token: int
) -> None:
    """Changing what follows one token shows after that token and nowhere else."""
    rng = np.random.default_rng(seed)
    changed = TABLE.copy()
    changed[token] += rng.normal(size=V)
    found = kept(tmp_path_factory.mktemp("kept"), changed)
    ids = np.array(TOKENS[: 7 * CONTEXT]).reshape(7, CONTEXT)
    after = ids[:, CONTEXT // 2 : CONTEXT - 1] == token
    assert np.array_equal(found.positions.kld > 0, after)


def test_logits_may_be_shifted_without_a_difference(tmp_path: Path) -> None:
    assert kept(tmp_path, TABLE + 5.0).report.find("kld_mean").value < 1e-5


def test_values_do_not_depend_on_the_seed_and_intervals_do(tmp_path: Path) -> None:
    reference = record(TableModel(TABLE), TOKENS, CONTEXT, tmp_path)
    one, two = (measure(TableModel(NEAR), reference, seed=seed).report for seed in (1, 2))
    again = measure(TableModel(NEAR), reference, seed=1).report
    assert one == again
    assert [m.value for m in one.measurements] == [m.value for m in two.measurements]
    assert one.find("kld_mean").low != two.find("kld_mean").low


def test_the_report_goes_through_json(tmp_path: Path) -> None:
    report = dataclasses.replace(
        kept(tmp_path).report, hardware={"cores": 2}, hashes={"model": "x"}
    )
    again = json.loads(json.dumps(report.document()))
    assert Report.from_document(again) == report


# -- resuming ---------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [0, 1, 4, 6])
def test_a_killed_recording_goes_on_and_gives_identical_numbers(tmp_path: Path, stop: int) -> None:
    expected = kept(tmp_path / "whole")
    killed = TableModel(TABLE, name="base")
    killed.stop_after = stop
    with pytest.raises(KeyboardInterrupt):
        record(killed, TOKENS, CONTEXT, tmp_path / "cut", identity="b")
    fresh = TableModel(TABLE, name="base")
    record(fresh, TOKENS, CONTEXT, tmp_path / "cut", identity="b")
    assert len(fresh.read) == 7 - stop
    assert kept(tmp_path / "cut").report == expected.report


@pytest.mark.parametrize("stop", [0, 3, 6])
def test_a_killed_measurement_goes_on_and_gives_identical_numbers(
    tmp_path: Path, stop: int
) -> None:
    reference = record(TableModel(TABLE), TOKENS, CONTEXT, tmp_path)
    expected = measure(TableModel(NEAR), reference)
    killed = TableModel(NEAR)
    killed.stop_after = stop
    with pytest.raises(KeyboardInterrupt):
        measure(killed, reference, identity="m")
    other = TableModel(NEAR)
    measure(other, reference, identity="another file")
    assert len(other.read) == 7
    fresh = TableModel(NEAR)
    found = measure(fresh, reference, identity="m")
    assert len(fresh.read) == 7 - stop
    assert found.report == expected.report
    for field in dataclasses.fields(Positions):
        one, two = (getattr(item.positions, field.name) for item in (found, expected))
        assert np.array_equal(one, two)


def test_a_complete_recording_is_not_read_again_unless_something_changed(tmp_path: Path) -> None:
    def reads(identity: str = "b", tokens: list[int] = TOKENS, context: int = CONTEXT) -> int:
        model = TableModel(TABLE)
        record(model, tokens, context, tmp_path, identity=identity)
        return len(model.read)

    assert [reads(), reads(), reads()] == [7, 0, 0]
    assert reads(identity="c") == 7
    assert reads(identity="c", tokens=[*TOKENS[:40], 1, *TOKENS[41:]]) == 7
    assert reads(context=16) == 14


def test_without_an_identity_nothing_is_taken_over(tmp_path: Path) -> None:
    for _ in range(2):
        model = TableModel(TABLE)
        record(model, TOKENS, CONTEXT, tmp_path)
        assert len(model.read) == 7


def test_perplexity_alone_resumes_and_is_the_same_number(tmp_path: Path) -> None:
    expected = kept(tmp_path / "kept").report.find("perplexity")
    assert measure_alone(TableModel(NEAR), TOKENS, CONTEXT).report.measurements == (expected,)
    killed = TableModel(NEAR)
    killed.stop_after = 3
    folder = tmp_path / "alone"
    with pytest.raises(KeyboardInterrupt):
        measure_alone(killed, TOKENS, CONTEXT, folder=folder, identity="m")
    fresh = TableModel(NEAR)
    found = measure_alone(fresh, TOKENS, CONTEXT, folder=folder, identity="m")
    assert len(fresh.read) == 4
    assert found.report.measurements == (expected,)


class Watched:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.said: list[list] = []
        self.notes: list[str] = []

    def task(self, label: str, total: float | None, *, unit: str = "") -> Watched:
        self.said.append([label, total, unit, 0])
        return self

    def note(self, text: str) -> None:
        self.notes.append(text)

    def advance(self, amount: float = 1.0) -> None:
        self.said[-1][3] += amount

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_progress_counts_the_tokens_that_are_left(tmp_path: Path) -> None:
    watched = Watched()
    killed = TableModel(TABLE, name="base")
    killed.stop_after = 2
    with pytest.raises(KeyboardInterrupt):
        record(killed, TOKENS, CONTEXT, tmp_path, watched, identity="b")
    base = TableModel(TABLE, name="base")
    reference = record(base, TOKENS, CONTEXT, tmp_path, watched, identity="b")
    measure(TableModel(NEAR, name="near"), reference, progress=watched)
    measure_alone(TableModel(NEAR, name="near"), TOKENS, CONTEXT, progress=watched)
    assert watched.said == [
        ["reading with base", 7 * CONTEXT, "tokens", 2 * CONTEXT],
        ["reading with base", 5 * CONTEXT, "tokens", 5 * CONTEXT],
        ["comparing near", 7 * CONTEXT, "tokens", 7 * CONTEXT],
        ["reading with near", 7 * CONTEXT, "tokens", 7 * CONTEXT],
    ]
    assert watched.notes == ["reading with base: 2 of 7 windows are read already"]


# -- bounds and bad input ---------------------------------------------------------------------


def test_memory_stays_at_a_few_blocks_however_long_the_text(tmp_path: Path) -> None:
    """16 windows of 127 x 3000 log-probabilities are 24 MB on disk; memory has 1 MB blocks."""
    vocabulary, context = 3000, 256
    base = TableModel(random_table(vocabulary, 0)[:, :vocabulary])
    near = TableModel(base.table + np.float32(0.1) * base.table[::-1])
    tokens = text_tokens(16 * context, vocabulary)
    logits = context * vocabulary * 4
    tracemalloc.start()
    try:
        reference = record(base, tokens, context, tmp_path)
        measure(near, reference)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    on_disk = (tmp_path / "baseline.rows").stat().st_size
    assert on_disk == disk_need(16, context, vocabulary) == 16 * 127 * vocabulary * 4
    assert peak < logits + 6 * 2**20 < on_disk / 2


def test_the_disk_need_is_the_documented_one() -> None:
    assert disk_need(1, 512, 49152) == 50_135_040


def test_vocabularies_of_different_sizes_are_refused_by_name(tmp_path: Path) -> None:
    reference = record(TableModel(TABLE, name="base"), TOKENS, CONTEXT, tmp_path)
    with pytest.raises(BadInput, match="odd has a vocabulary of 61 tokens and base one of 60"):
        measure(TableModel(random_table(61, 0), name="odd"), reference)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_model_that_breaks_is_named_with_the_window(tmp_path: Path, bad: float) -> None:
    broken = TABLE.copy()
    token = TOKENS[2 * CONTEXT + 20]
    windows = {place // CONTEXT for place, seen in enumerate(TOKENS[: 7 * CONTEXT])
               if seen == token and CONTEXT // 2 <= place % CONTEXT < CONTEXT - 1}  # fmt: skip
    broken[token, 3] = bad
    expected = f"poor, window {min(windows) + 1}: a logit is not a finite number"
    with pytest.raises(EngineError, match=expected):
        record(TableModel(broken, name="poor"), TOKENS, CONTEXT, tmp_path)
    reference = record(TableModel(TABLE), TOKENS, CONTEXT, tmp_path)
    with pytest.raises(EngineError, match=expected):
        measure(TableModel(broken, name="poor"), reference)


def test_logits_of_another_shape_are_an_engine_error(tmp_path: Path) -> None:
    class Short(TableModel):
        def score(self, tokens: list[int]) -> np.ndarray:  # type: ignore[override]
            return super().score(tokens)[-1:]

    with pytest.raises(EngineError, match="logits of shape"):
        record(Short(TABLE), TOKENS, CONTEXT, tmp_path)


@pytest.mark.parametrize("value", [-50.0, 0.0, math.nan, math.inf])
def test_a_recording_that_was_damaged_is_noticed(tmp_path: Path, value: float) -> None:
    reference = record(TableModel(TABLE), TOKENS, CONTEXT, tmp_path)
    path = tmp_path / "baseline.rows"
    with path.open("r+b") as file:  # one row of the last window
        file.seek(-4 * V, 2)
        file.write(np.full(V, value, dtype=np.float32).tobytes())
    with pytest.raises(IntegrityError, match="is damaged: delete it"):
        measure(TableModel(NEAR), reference)
    path.write_bytes(b"short")
    with pytest.raises(StorageError, match="shorter than it was"):
        measure(TableModel(NEAR), reference)


# -- pairs ------------------------------------------------------------------------------------


def test_a_paired_difference_sees_what_single_intervals_cannot() -> None:
    rng = np.random.default_rng(0)
    common = np.exp(1.2 * rng.normal(size=(12, 100)))
    one, two = common * 1.05, common
    found = paired_difference(one, two, metric="kld_mean", unit="nats")
    assert found.value == pytest.approx(0.05 * common.mean())
    assert 0 < found.low < found.value < found.high
    half = 1.96 * common.std() / math.sqrt(common.size)
    assert found.value < half  # unpaired, it would drown
    assert (found.metric, found.n, found.unit) == ("kld_mean", 1200, "nats")
    back = paired_difference(two, one)
    assert back.value == pytest.approx(-found.value)
    assert paired_difference(one, one).high == 0.0


def test_other_positions_cannot_be_paired() -> None:
    with pytest.raises(BadInput, match="measure both on the same windows"):
        paired_difference(np.zeros((2, 3)), np.zeros((3, 2)))


def test_a_perplexity_ratio_is_a_paired_number() -> None:
    rng = np.random.default_rng(0)
    before = rng.exponential(3, size=(12, 100))
    after = before + rng.normal(0.1, 0.05, size=before.shape)
    zero = np.zeros_like(before)
    rows = {m.metric: m for m in summarise(Positions(after, before, zero, zero == 0))}
    ratio, perplexity = rows["perplexity_ratio"], rows["perplexity"]
    assert ratio.value == pytest.approx(math.exp(0.1), rel=0.01)
    assert ratio.high - ratio.low < 0.02
    assert (perplexity.high - perplexity.low) / perplexity.value > 0.2
