"""Intervals: against hand-made numbers, and by how often they hold the truth."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from penjing.evaluation.statistics import (
    Estimate,
    critical_t,
    into_blocks,
    maximum,
    mean,
    quantile,
    share,
    through,
)

TABLES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    elements=st.floats(0, 50, allow_subnormal=False),
)


def neighbours(rng: np.random.Generator, windows: int, positions: int = 255) -> np.ndarray:
    """Normal values, each correlated 0.3 with the one before."""
    out = rng.normal(size=(windows, positions))
    for i in range(1, positions):
        out[:, i] = 0.3 * out[:, i - 1] + math.sqrt(1 - 0.09) * out[:, i]
    return out


def coverage(hits: list[bool]) -> float:
    return sum(hits) / len(hits)


def holds(estimate: Estimate, truth: float) -> bool:
    low = -math.inf if estimate.low is None else estimate.low
    high = math.inf if estimate.high is None else estimate.high
    return low <= truth <= high


# -- blocks -----------------------------------------------------------------------------------


def test_blocks_by_hand() -> None:
    found = into_blocks(np.arange(10.0).reshape(1, 10))
    assert found.sums.tolist() == list(range(10))  # one window, ten positions: ten blocks
    table = np.arange(24 * 6).reshape(24, 6)
    found = into_blocks(table)
    assert found.sums.tolist() == table.sum(axis=1).tolist()  # 24 windows: each is one
    assert found.counts.tolist() == [6] * 24
    found = into_blocks(np.ones((6, 255)))
    assert found.counts.tolist() == [63, 64, 64, 64] * 6


@given(TABLES)
def test_blocks_keep_every_value(table: np.ndarray) -> None:
    found = into_blocks(table)
    assert found.counts.sum() == table.size
    assert found.counts.min() >= 1
    assert found.mean == pytest.approx(table.mean(), abs=1e-9)


def test_many_windows_are_put_together() -> None:
    table = np.random.default_rng(0).normal(size=(5000, 3))
    found = into_blocks(table)
    assert len(found.sums) == 1024
    assert found.counts.sum() == table.size
    assert found.mean == pytest.approx(table.mean())


def test_the_standard_error_of_equal_blocks_is_the_textbook_one() -> None:
    table = np.random.default_rng(1).normal(size=(30, 7))
    means = table.mean(axis=1)
    assert into_blocks(table).standard_error == pytest.approx(means.std(ddof=1) / math.sqrt(30))


# -- means ------------------------------------------------------------------------------------


@given(TABLES, st.integers(0, 9))
@settings(max_examples=50, deadline=None)
def test_the_interval_holds_the_value_and_keeps_to_the_limits(table: np.ndarray, seed: int) -> None:
    found = mean(table, seed=seed, floor=0.0, ceiling=50.0)
    assert found.value == pytest.approx(table.mean(), abs=1e-9)
    assert found.low is not None
    assert found.high is not None
    assert -1e-9 <= found.low <= found.value <= found.high <= 50.0 + 1e-9


def test_the_same_seed_gives_the_same_interval() -> None:
    table = np.random.default_rng(0).exponential(size=(6, 255))
    assert mean(table, seed=5) == mean(table, seed=5)
    assert mean(table, seed=5) != mean(table, seed=6)
    assert mean(table, seed=5).low == pytest.approx(mean(table, seed=6).low, rel=0.02)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 255), (2000, 20)])
def test_values_all_alike_have_an_interval_of_no_width(shape: tuple[int, int]) -> None:
    found = mean(np.full(shape, 0.1), seed=0)
    if shape == (1, 1):
        assert (found.low, found.high) == (None, None)
    else:
        assert (found.low, found.high) == pytest.approx((0.1, 0.1))


def test_one_position_says_nothing_of_the_spread() -> None:
    assert mean([[3.0]], seed=0, floor=0.0) == Estimate(3.0, 0.0, None)


def test_the_interval_of_normal_values_is_students() -> None:
    table = np.random.default_rng(4).normal(size=(200, 9))
    found = mean(table, seed=0)
    error = table.mean(axis=1).std(ddof=1) / math.sqrt(200)
    assert found.high - found.value == pytest.approx(1.97 * error, rel=0.12)
    assert found.value - found.low == pytest.approx(1.97 * error, rel=0.12)


def test_skewed_values_stretch_the_interval_upwards() -> None:
    table = np.exp(1.5 * np.random.default_rng(4).normal(size=(30, 9)))
    found = mean(table, seed=0)
    assert found.high - found.value > 1.15 * (found.value - found.low)


@pytest.mark.parametrize("windows", [2, 6, 30])
def test_the_mean_is_held_about_95_times_in_100(windows: int) -> None:
    """Lognormal, as KLD is, and correlated with its neighbours."""
    rng = np.random.default_rng(windows)
    truth = math.exp(1.2**2 / 2)
    hits = [holds(mean(np.exp(1.2 * neighbours(rng, windows)), seed=i), truth) for i in range(300)]
    assert 0.915 <= coverage(hits) <= 0.98


def test_draws_that_ignore_the_neighbours_would_be_wrong() -> None:
    """The reason for blocks: topics last a while, and the naive interval misses too often."""
    rng = np.random.default_rng(8)
    naive, blocked = [], []
    for i in range(200):
        topics = np.repeat(rng.normal(size=(6, 5)), 51, axis=1)
        table = topics + neighbours(rng, 6)
        half = 1.96 * table.std() / math.sqrt(table.size)
        naive.append(abs(table.mean()) <= half)
        blocked.append(holds(mean(table, seed=i), 0.0))
    assert coverage(naive) < 0.4
    assert coverage(blocked) > 0.85


# -- shares and quantiles ---------------------------------------------------------------------


def test_wilson_by_hand() -> None:
    """When every block has its binomial spread or less, n positions count as n draws."""
    mask = np.tile(np.arange(100) < 80, (30, 1))  # blocks all alike
    found = share(mask)
    n, p, z = 3000, 0.8, critical_t(29)
    middle = (p + z * z / 2 / n) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n) / (1 + z * z / n)
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half))


@pytest.mark.parametrize("value", [True, False])
def test_a_share_of_all_or_nothing_is_not_certain(value: bool) -> None:
    found = share(np.full((6, 255), value))
    width = found.high - found.low
    assert 0.001 < width < 0.005
    assert found.value == (found.high if value else found.low) == float(value)


@pytest.mark.parametrize(("windows", "p"), [(1, 0.99), (2, 0.75), (6, 0.95), (30, 0.75)])
def test_the_share_is_held_about_95_times_in_100(windows: int, p: float) -> None:
    rng = np.random.default_rng(windows)
    limit = {0.75: 0.6744898, 0.95: 1.6448536, 0.99: 2.3263479}[p]
    hits = [holds(share(neighbours(rng, windows) < limit), p) for _ in range(400)]
    assert 0.92 <= coverage(hits) <= 0.995


@given(TABLES, st.sampled_from([0.5, 0.99]))
@settings(deadline=None)
def test_the_quantile_is_numpys_and_inside_its_interval(table: np.ndarray, q: float) -> None:
    found = quantile(table, q, floor=0.0)
    assert found.value == np.quantile(table, q)
    assert found.low <= found.value
    assert found.high is None or found.value <= found.high <= table.max()


@pytest.mark.parametrize(("windows", "q"), [(2, 0.5), (6, 0.5), (6, 0.99), (30, 0.99)])
def test_the_quantile_is_held_about_95_times_in_100(windows: int, q: float) -> None:
    rng = np.random.default_rng(windows)
    truth = {0.5: 0.0, 0.99: 2.3263479}[q]
    hits = [holds(quantile(neighbours(rng, windows), q), truth) for _ in range(400)]
    assert 0.915 <= coverage(hits) <= 0.99


def test_few_positions_set_no_upper_end_to_a_high_quantile() -> None:
    assert quantile(np.random.default_rng(0).normal(size=(1, 100)), 0.99).high is None


def test_the_maximum_is_bound_from_below_only() -> None:
    assert maximum([[1.0, 5.0], [2.0, 3.0]]) == Estimate(5.0, 5.0, None)


# -- the rest ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("freedom", "exact"), [(6, 2.4469), (15, 2.1314), (23, 2.0687), (100, 1.9840), (1023, 1.9623)]
)
def test_students_t_is_that_of_the_tables(freedom: int, exact: float) -> None:
    assert critical_t(freedom) == pytest.approx(exact, abs=0.003)


def test_an_end_too_large_to_compute_is_no_end() -> None:
    assert through(math.exp, Estimate(0.0, None, 1e6)) == Estimate(1.0, None, None)


def test_intervals_of_a_large_text_take_less_than_a_second() -> None:
    table = np.random.default_rng(0).exponential(size=(3500, 255))
    started = time.process_time()
    mean(table, seed=0)
    share(table > 1)
    quantile(table, 0.5)
    quantile(table, 0.99)
    assert time.process_time() - started < 1.5
