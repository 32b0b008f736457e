"""The engine's inner products, clocked."""

from __future__ import annotations

import pytest

from penjing.ggml import clock
from penjing.workshop.search.groups import CANDIDATES, LATTICE


def test_every_codec_of_the_search_is_clocked() -> None:
    times = clock.nanoseconds()
    assert {*CANDIDATES, *LATTICE} <= {*times}
    assert "F64" not in times  # which nothing is multiplied by
    assert all(0 < each < 1000 for each in times.values())


def test_slow_is_many_times_the_middle_one(monkeypatch: pytest.MonkeyPatch) -> None:
    times = {"Q4_0": 1.0, "Q8_0": 0.9, "IQ4_NL": 1.0, "Q2_0": 9.0, "IQ3_S": 4.0}
    monkeypatch.setattr(clock, "nanoseconds", lambda: times)
    assert clock.slow() == {"Q2_0"}
