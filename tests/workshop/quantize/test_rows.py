"""A few rows stand for all of them, and none that is loud is missed."""

from __future__ import annotations

import numpy as np
import pytest
from loud import tensor

from penjing.workshop.quantize.rows import stand_ins, telling_rows
from penjing.workshop.tensors import TensorSource


def test_a_single_huge_weight_is_seen_before_anything_is_rounded() -> None:
    _, weights, importance = tensor(900, 256)
    weights[500, 3] = 4.0  # its row is not among the largest
    source = TensorSource.of("a", weights)
    assert 500 in telling_rows(source, importance / importance).index


@pytest.mark.parametrize("count", [3, 16, 17, 48, 64, 65, 128, 1000])
def test_rows_stand_for_every_row_once(count: int) -> None:
    source, weights, importance = tensor(count, 32)
    for rows in (
        stand_ins(weights, np.zeros_like(weights), importance),
        telling_rows(source, importance),
    ):
        assert rows.weight.sum() == pytest.approx(count)
        assert len(set(rows.index.tolist())) == len(rows.index)
