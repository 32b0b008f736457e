"""Damage is the error's definition, and from a few rows it is that of the whole tensor."""

from __future__ import annotations

import numpy as np
import pytest
from loud import tensor, whole_error

from penjing.bundle.codecs import CODECS
from penjing.workshop.quantize.rows import Rows, stand_ins, telling_rows
from penjing.workshop.quantize.stored import round_trip
from penjing.workshop.search.damage import damage, errors
from penjing.workshop.tensors import TensorSource


@pytest.mark.parametrize("loud", [False, True])
@pytest.mark.parametrize("before", [False, True])
def test_a_few_rows_give_the_whole_error(loud: bool, before: bool) -> None:
    source, weights, importance = tensor(500, 256)
    if loud:
        weights[333] *= 80.0
        source = TensorSource.of(source.name, weights)
    if before:
        rows = telling_rows(source, importance)
    else:
        rows = stand_ins(weights, round_trip(CODECS["Q4_0"], weights, importance), importance)
    names = ("Q4_0", "IQ4_NL", "Q5_0", "Q2_K")
    found = errors(source, importance, [CODECS[n] for n in names], rows)
    if loud:
        assert 333 in rows.index
    for name in names:
        expected = whole_error(weights, importance, name) / whole_error(weights, importance, "Q4_0")
        assert found[name].total / found["Q4_0"].total == pytest.approx(expected, rel=0.15)


def test_damage_of_a_super_weight_is_in_the_total_and_not_in_what_is_typical() -> None:
    _, weights, importance = tensor(64, 256)
    rows = Rows(np.arange(64), np.ones(64, np.float32))
    noise = np.random.default_rng(0)
    rounded = weights + noise.normal(0, 0.01, weights.shape).astype(np.float32)
    calm = damage(weights, rounded, importance, rows)
    assert calm.typical < calm.total < 4 * calm.typical
    one = rounded.copy()
    one[5, 7] += 5.0
    channel = rounded.copy()
    channel[:, 9] += 1.0
    for worse in (one, channel):
        hit = damage(weights, worse, importance, rows)
        assert hit.total > 5 * calm.total
        assert hit.typical == pytest.approx(calm.typical, rel=0.15)


def test_damage_is_the_definition_for_every_row() -> None:
    _, weights, importance = tensor(10, 32)
    rounded = round_trip(CODECS["Q4_0"], weights, importance)
    rows = Rows(np.arange(10), np.full(10, 2.0, np.float32))
    expected = 2 * (np.square(weights - rounded) * importance).sum(dtype=np.float64)
    assert damage(weights, rounded, importance, rows).total == pytest.approx(expected, rel=1e-6)
    nothing = damage(weights, weights, importance, rows)
    assert nothing.total == nothing.typical == 0
