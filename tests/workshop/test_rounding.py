"""Errors of codecs from a few rows are those of the whole tensor, super weights included."""

from __future__ import annotations

import numpy as np
import pytest

from penjing.bundle.codecs import CODECS
from penjing.workshop.checkpoint import TensorSource
from penjing.workshop.search.rounding import candidates, errors, round_trip, stand_ins

NOISE = np.random.default_rng(2)


def tensor(rows: int, row: int) -> tuple[TensorSource, np.ndarray, np.ndarray]:
    weights = NOISE.normal(0, 0.1, (rows, row)).astype(np.float32)
    weights *= NOISE.lognormal(0, 0.7, (rows, 1)).astype(np.float32)
    importance = NOISE.lognormal(0, 1, row).astype(np.float32)
    return TensorSource.of("blk.0.ffn_down.weight", weights), weights, importance


def whole(weights: np.ndarray, importance: np.ndarray, name: str) -> float:
    back = round_trip(CODECS[name], weights, importance)
    return float((np.square(weights - back) * importance).sum(dtype=np.float64))


@pytest.mark.parametrize("loud", [False, True])
def test_a_few_rows_give_the_error_of_all(loud: bool) -> None:
    source, weights, importance = tensor(1500, 256)
    if loud:
        weights[777] *= 80.0
        source = TensorSource.of(source.name, weights)
    probe = round_trip(CODECS["Q4_0"], weights, importance)
    rows = stand_ins(weights, probe, importance)
    names = ("Q4_0", "IQ4_NL", "Q5_0", "Q2_K", "Q8_0")
    found = errors(source, importance, [CODECS[n] for n in names], rows)
    if loud:
        assert 777 in rows.index
    for name in names:
        expected = whole(weights, importance, name)
        assert found[name] / found["Q4_0"] == pytest.approx(
            expected / whole(weights, importance, "Q4_0"), rel=0.15
        )


def test_rows_stand_for_every_row_once() -> None:
    for count in (3, 64, 65, 128, 1000):
        _, weights, importance = tensor(count, 32)
        rows = stand_ins(weights, np.zeros_like(weights), importance)
        assert rows.weight.sum() == pytest.approx(count)
        assert len(set(rows.index.tolist())) == len(rows.index)


def test_candidates_are_smaller_than_what_the_tensor_has_and_fit_its_rows() -> None:
    source, _, _ = tensor(4, 576)
    found = candidates(source)
    assert found[0] is source.codec
    assert all(c.fits(576) and c.bits < 32 for c in found[1:])
    assert "Q4_K" not in {c.name for c in found}
    assert "IQ4_NL" in {c.name for c in found}
