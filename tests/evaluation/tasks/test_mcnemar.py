"""Paired statistics beside exact sums, and how often their intervals hold the truth."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.evaluation.tasks.mcnemar import Flips, at_least, below, difference, flips


@given(st.integers(1, 60), st.data())
def test_binomial_tails_are_the_exact_ones(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    p = data.draw(st.sampled_from([Fraction(1, 2), Fraction(1, 4), Fraction(1, 5), Fraction(5, 8)]))
    exact = sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))
    assert below(k, n, float(p)) == pytest.approx(float(exact), rel=1e-9)
    upper = sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))
    assert at_least(k, n, float(p)) == pytest.approx(float(upper), rel=1e-9)


def test_mcnemar_by_hand() -> None:
    assert Flips(100, 0, 0).p == 1.0
    assert Flips(100, 5, 0).p == pytest.approx(2 / 32)
    assert Flips(100, 6, 0).p == pytest.approx(2 / 64)
    assert Flips(100, 8, 2).p == pytest.approx(2 * (1 + 10 + 45) / 1024)
    assert Flips(100, 2, 8).p == Flips(100, 8, 2).p
    assert Flips(100, 5, 5).p == 1.0


def test_flips_are_counted_both_ways() -> None:
    before, after = np.array([1, 1, 0, 0, 1], bool), np.array([1, 0, 1, 0, 0], bool)
    assert flips(before, after) == Flips(5, lost=2, won=1)
    assert flips(after, before) == Flips(5, lost=1, won=2)
    assert flips(before, before) == Flips(5, 0, 0)


def pair(
    n: int, lost: float, won: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Answers of two models that differ so often."""
    draw = rng.random(n)
    before = np.where(draw < lost, 1.0, np.where(draw < lost + won, 0.0, rng.random(n) < 0.6))
    after = np.where(draw < lost, 0.0, np.where(draw < lost + won, 1.0, before))
    return before, after


@pytest.mark.parametrize(
    ("n", "lost", "won"), [(200, 0.01, 0.005), (500, 0.05, 0.03), (1500, 0.02, 0.02)]
)
def test_intervals_hold_the_truth(n: int, lost: float, won: float) -> None:
    rng = np.random.default_rng(1)
    held = 0
    for seed in range(120):
        found, _ = difference(*pair(n, lost, won, rng), seed=seed)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= won - lost <= found.high
    assert held >= 108  # 95% of 120 are 114


def test_no_flips_do_not_prove_that_nothing_changed() -> None:
    right = np.ones(300)
    found, method = difference(right, right, seed=0)
    assert (found.value, method) == (0.0, "Agresti-Min")
    assert found.low is not None
    assert -0.02 < found.low < 0 < -found.low == found.high


def test_the_smallest_difference_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(3)
    n, share = 1000, 0.10
    smallest = Flips(n, 50, 50).smallest_difference
    found = 0
    for _ in range(300):
        before, after = pair(n, (share + smallest) / 2, (share - smallest) / 2, rng)
        found += flips(before > 0.5, after > 0.5).p < 0.05
    assert 0.70 < found / 300 < 0.90
    assert Flips(4000, 200, 200).smallest_difference < smallest
    assert Flips(8, 0, 0).smallest_difference == 6 / 8
