"""Log-probabilities and what differs between two, against plain float64 formulas."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.core.errors import EngineError
from penjing.evaluation.logprobs import (
    block_rows,
    blocks,
    compare,
    log_softmax,
    negative_log_likelihood,
)


def soft(logits: np.ndarray) -> np.ndarray:
    out = np.empty(logits.shape, dtype=np.float32)
    return log_softmax(logits.astype(np.float32), out, np.empty_like(out))


def exact(logits: np.ndarray) -> np.ndarray:
    wide = logits.astype(np.float32).astype(np.longdouble)
    wide -= wide.max(axis=1, keepdims=True)
    return wide - np.log(np.exp(wide).sum(axis=1, keepdims=True))


@given(st.integers(0, 2**32), st.floats(0.01, 20), st.floats(-50, 50), st.integers(1, 5000))
@settings(max_examples=40, deadline=None)
def test_log_softmax_is_exact_enough(
    seed: int, spread: float, offset: float, vocabulary: int
) -> None:
    logits = np.random.default_rng(seed).normal(offset, spread, (3, vocabulary))
    assert np.abs(soft(logits) - exact(logits)).max() < 2e-5


def test_log_softmax_by_hand() -> None:
    found = soft(np.log(np.array([[1.0, 2.0, 5.0]])))
    assert found[0].tolist() == pytest.approx([math.log(x) for x in (0.125, 0.25, 0.625)])


def test_huge_logits_do_not_overflow() -> None:
    found = soft(np.array([[3e38, 0.0, -3e37], [-3e38, -3e38, -3e38]]))
    assert found[0, 0] == 0.0
    assert found[1] == pytest.approx([-math.log(3)] * 3)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [(0, 0), (1, 3), (2, 6)])
def test_a_logit_that_is_no_number_is_an_engine_error(bad: float, place: tuple[int, int]) -> None:
    logits = np.random.default_rng(0).normal(size=(3, 7))
    logits[place] = bad
    with pytest.raises(EngineError, match="not a finite number"):
        soft(logits)


def test_logits_too_far_apart_to_subtract_are_refused() -> None:
    with pytest.raises(EngineError, match="not a finite number"):
        soft(np.array([[3e38, -3e38]]))


def differences(p: np.ndarray, q: np.ndarray):
    return compare(soft(p), soft(q), np.empty(p.shape, dtype=np.float32))


def test_kld_by_hand() -> None:
    p, q = np.log(np.array([[0.5, 0.25, 0.25]])), np.log(np.array([[0.25, 0.5, 0.25]]))
    found = differences(p, q)
    assert found.kld[0] == pytest.approx(0.25 * math.log(2), abs=1e-7)
    assert found.same_top.tolist() == [False]


@given(st.integers(0, 2**32), st.floats(0.1, 10), st.floats(0, 3), st.integers(2, 300))
@settings(max_examples=60, deadline=None)
def test_kld_is_the_formula_and_never_below_zero(
    seed: int, spread: float, shake: float, vocabulary: int
) -> None:
    rng = np.random.default_rng(seed)
    p = rng.normal(0, spread, (4, vocabulary)).astype(np.float32)
    q = (p + shake * rng.normal(size=p.shape)).astype(np.float32)
    found = differences(p, q)
    lp, lq = exact(p), exact(q)
    assert found.kld == pytest.approx((np.exp(lp) * (lp - lq)).sum(axis=1).astype(float), abs=2e-5)
    assert found.kld.min() > -1e-5
    assert found.same_top.tolist() == (p.argmax(1) == q.argmax(1)).tolist()


@given(st.integers(0, 2**32), st.integers(2, 2000))
@settings(max_examples=30, deadline=None)
def test_a_model_is_exactly_itself(seed: int, vocabulary: int) -> None:
    p = np.random.default_rng(seed).normal(0, 4, (5, vocabulary))
    found = differences(p, p)
    assert found.kld.tolist() == [0.0] * 5
    assert found.same_top.all()


@given(st.integers(0, 2**32), st.integers(2, 200))
@settings(max_examples=30, deadline=None)
def test_a_model_that_differs_has_a_kld_above_zero(seed: int, vocabulary: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.normal(0, 1, (5, vocabulary))
    q = p.copy()
    q[:, rng.integers(vocabulary)] += 2.0
    assert differences(p, q).kld.min() > 0


def test_surprise_is_that_of_the_token_that_followed() -> None:
    log_probs = np.log(np.array([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]], dtype=np.float32))
    found = negative_log_likelihood(log_probs, np.array([1, 2], dtype=np.int32))
    assert found == pytest.approx([math.log(4), -math.log(0.75)])


@given(st.integers(1, 3000), st.integers(1, 10**6))
def test_blocks_cover_every_row_once(rows: int, vocabulary: int) -> None:
    seen = [row for part in blocks(rows, vocabulary) for row in range(part.start, part.stop)]
    assert seen == list(range(rows))
    assert block_rows(vocabulary) * vocabulary <= max(2**18, vocabulary)


def test_a_window_takes_a_fraction_of_a_second() -> None:
    """0.05 s for log-softmax and comparison on an idle core; ten times that is allowed here."""
    vocabulary, step = 49152, block_rows(49152)
    p = np.random.default_rng(0).normal(0, 3, (step, vocabulary)).astype(np.float32)
    out, scratch = np.empty_like(p), np.empty_like(p)
    before = soft(p)
    started = time.process_time()
    for part in blocks(255, vocabulary):
        count = part.stop - part.start
        log_softmax(p[:count], out[:count], scratch[:count])
        compare(before[:count], out[:count], scratch[:count])
    assert time.process_time() - started < 1.0
