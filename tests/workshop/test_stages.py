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
from penjing.workshop.compress.stages import Stages
from penjing.workshop.mixture import OWN, Window, interleaved, mixed, spread

Sizes = dict[str, int]
sizes = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.integers(1, 40), min_size=1)


@given(sizes, st.integers(1, 20), st.integers(0, 60))
def test_what_is_kept_apart_is_tuned_on_by_nothing(have: Sizes, few: int, more: int) -> None:
    """One that was trained on and kept apart as well would praise what only remembers it."""
    pools = pools_of(have)
    made = mixed(pools, dict.fromkeys(pools, 1.0), few=few, many=few + more)
    for name, windows in made.apart.items():
        assert windows
        assert set(windows) <= set(pools[name])
        assert not set(windows) & set(made.training)
        if any(window not in made.first for window in pools[name]):
            assert not set(windows) & set(made.first)
    assert len(made.first) == min(few, sum(have.values()))
    assert len(made.training) <= few + more


@given(sizes, st.integers(1, 100))
def test_every_beginning_is_near_the_shares(have: Sizes, count: int) -> None:
    """Statistics read the beginning of the mix, and rounding a longer one."""
    shares = {name: place + 1.0 for place, name in enumerate(have)}
    order = interleaved(shares, dict.fromkeys(have, count), count)
    assert len(order) == count
    for length in range(1, count + 1):
        for name, share in shares.items():
            due = length * share / sum(shares.values())
            assert abs(order[:length].count(name) - due) < len(shares)


def test_a_short_text_is_judged_by_itself_too() -> None:
    """Statistics may read all of it; what is trained leaves its last window alone."""
    made = mixed(pools_of({OWN: 6, "yours": 6}), {OWN: 1.0, "yours": 1.0}, few=12, many=24)
    assert made.apart == {OWN: ((5,),), "yours": ((11,),)}
    assert len(made.first) == 12


def test_a_small_domain_is_repeated_rather_than_lost() -> None:
    made = mixed(pools_of({"small": 8, "large": 400}), {"small": 1.0, "large": 1.0}, few=4, many=60)
    small = [window for window in made.training if window[0] < 8]
    assert len(set(small)) == 7, "one is apart"
    assert len(small) == 4 * 7
    assert max(small.count(window) for window in small) == 4


@given(st.integers(0, 30), st.integers(-3, 40))
def test_spread_takes_as_many_as_there_are_and_from_all_parts(have: int, wanted: int) -> None:
    windows: list[Window] = [(i,) for i in range(have)]
    found = spread(windows, wanted)
    assert len(found) == max(0, min(have, wanted))
    assert found == sorted(found)
    gaps = [b[0] - a[0] for a, b in itertools.pairwise(found)]
    assert max(gaps, default=0) - min(gaps, default=0) <= 1


@pytest.mark.parametrize("name", ["light", "standard", "best"])
@pytest.mark.parametrize("cut", [0, 3, 40, 400])
def test_errors_are_made_up_for_on_nothing_that_is_kept_apart(name: str, cut: int) -> None:
    """Else training would be judged by windows that its start was tuned on."""
    stages = stages_of(name, {OWN: 12} | ({"given": cut} if cut else {}))
    rounding, apart = stages.rounding, [w for ws in stages.apart.values() for w in ws]
    assert rounding
    assert apart
    assert all(window in stages.training for window in rounding)
    assert not any(window in apart for window in rounding)
    assert (
        len(set(map(tuple, rounding))) == len(rounding) <= effort(name).rounding_tokens // CONTEXT
    )


def pools_of(have: Sizes) -> dict[str, list[Window]]:
    """So many windows of each domain, no two alike."""
    place = itertools.count()
    return {name: [(next(place),) for _ in range(count)] for name, count in have.items()}


def stages_of(name: str, have: Sizes) -> Stages:
    """With so many windows of each domain, the engine never asked."""
    pools, chosen = pools_of(have), effort(name)
    few, many = chosen.calibration_tokens // CONTEXT, chosen.training_tokens // CONTEXT
    made = mixed(pools, dict.fromkeys(pools, 1.0), few=few, many=max(few, many))
    settings = SimpleNamespace(effort=name, forward=True)
    stages = Stages(cast("Any", SimpleNamespace(settings=settings)))
    stages.__dict__["calibration"] = Calibration(made.first, 0, 0, 0, made.training, made.apart)
    return stages
