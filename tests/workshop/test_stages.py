"""Which windows a training reads."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.workshop.calibrate import Calibration
from penjing.workshop.compress.settings import CONTEXT, effort
from penjing.workshop.compress.stages import Stages, others, spread
from penjing.workshop.distill.train import kept_apart


@given(st.integers(1, 40), st.integers(1, 50), st.sets(st.integers(0, 39), max_size=40))
def test_no_window_is_read_twice(cut: int, count: int, given: set[int]) -> None:
    """One that was trained on and kept apart as well would praise what only remembers it."""
    tokens = list(range(cut * CONTEXT + 7))
    before = [tokens[i * CONTEXT : (i + 1) * CONTEXT] for i in sorted(given) if i < cut]
    found = others(tokens, before, count)
    everything = [tuple(window) for window in (*before, *found)]
    assert len(set(everything)) == len(everything)
    assert len(found) == min(count, cut - len(before))
    assert all(len(window) == CONTEXT for window in found)


@given(st.integers(0, 30), st.integers(-3, 40))
def test_spread_takes_as_many_as_there_are_and_from_all_parts(have: int, wanted: int) -> None:
    windows = [[i] for i in range(have)]
    found = spread(windows, wanted)
    assert len(found) == max(0, min(have, wanted))
    assert found == sorted(found)
    gaps = [b[0] - a[0] for a, b in itertools.pairwise(found)]
    assert max(gaps, default=0) - min(gaps, default=0) <= 1


@pytest.mark.parametrize("name", ["light", "standard", "best"])
@pytest.mark.parametrize("cut", [0, 3, 40, 400])
def test_errors_are_made_up_for_on_nothing_that_is_kept_apart(name: str, cut: int) -> None:
    """Else training would be judged by windows that its start was tuned on."""
    stages = stages_of(name, written=12, cut=cut)
    training, rounding = stages.training, stages.rounding
    apart = training[-kept_apart(len(training)) :]
    assert rounding
    assert all(window in training for window in rounding)
    assert not any(window in apart for window in rounding)
    wanted = effort(name).rounding_tokens // CONTEXT
    assert len(rounding) >= min(wanted, len(training) - len(apart))


def stages_of(name: str, *, written: int, cut: int) -> Stages:
    """With so many windows of calibration text, the engine never asked."""
    tokens = list(range(1000, 1000 + CONTEXT * (written + cut)))
    windows = [tuple(tokens[i * CONTEXT : (i + 1) * CONTEXT]) for i in range(written)]
    settings = SimpleNamespace(effort=name, text="given" if cut else None)
    stages = Stages(cast("Any", SimpleNamespace(settings=settings)))
    stages.__dict__["calibration"] = Calibration(tuple(windows), written * CONTEXT, 0, 0)
    stages.__dict__["_given"] = tokens[written * CONTEXT :]
    return stages
