"""A goal is read strictly, and the smallest size that meets it is found with few measurements."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.core.errors import BadInput, BudgetError
from penjing.workshop.search.goals import Goal, parse_goal, smallest_meeting


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        ("same-top>=0.85", Goal("same-top", 0.85)),
        (" Same_Top >= .9 ", Goal("same-top", 0.9)),
        ("kld<=0.1", Goal("kld", 0.1)),
        ("KLD <= 1e-2", Goal("kld", 0.01)),
    ],
)
def test_goals_are_read(text: str, goal: Goal) -> None:
    assert parse_goal(text) == goal
    assert parse_goal(str(goal)) == goal


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a goal"),
        ("0.85", "not a goal"),
        ("same-top", "not a goal"),
        ("same-top 0.85", "not a goal"),
        ("same-top>=0.85 and kld<=1", "not a goal"),
        ("perplexity<=20", "'perplexity' cannot be a goal"),
        ("same-top<=0.85", "kept by same-top>=..., not by '<='"),
        ("same-top>0.85", "not by '>'"),
        ("same-top=0.85", "not by '='"),
        ("kld>=0.1", "kept by kld<=..."),
        ("same-top>=85", "share between 0 and 1, not '85'"),
        ("same-top>=85%", "not '85%'"),
        ("same-top>=1", "between 0 and 1"),
        ("same-top>=nan", "between 0 and 1"),
        ("kld<=0", "above 0"),
        ("kld<=-1", "above 0"),
        ("kld<=inf", "above 0"),
        ("kld<=x", "not 'x'"),
        ("kld<=0,1", "not '0,1'"),
    ],
)
def test_other_forms_are_refused_with_an_example(text: str, said: str) -> None:
    with pytest.raises(BadInput) as error:
        parse_goal(text)
    assert said in str(error.value)
    assert "same-top>=0.85 or kld<=0.1" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_margin_is_of_what_may_be_lost() -> None:
    assert Goal("kld", 0.1).tightened(0.2) == Goal("kld", pytest.approx(0.08))
    assert Goal("same-top", 0.85).tightened(0.2) == Goal("same-top", pytest.approx(0.88))
    assert not Goal("kld", 0.1).met(math.nan)
    assert not Goal("same-top", 0.1).met(math.nan)


Curve = Callable[[int], float]


def kld_of(bits: float, scale: float) -> Curve:
    return lambda size: scale * 2 ** (-2 * size / 1e7 * bits)


curves = st.builds(kld_of, st.floats(0.05, 1.5), st.floats(0.05, 50))


@given(curves, st.floats(1e-4, 5.0))
@settings(max_examples=300, deadline=None)
def test_the_smallest_size_within_the_tolerance_and_few_measurements(
    curve: Curve, value: float
) -> None:
    goal, low, high = Goal("kld", value), 50_000_000, 150_000_000
    asked: list[int] = []

    def measure(size: int) -> float:
        assert low <= size <= high
        asked.append(size)
        return curve(size)

    if curve(high) > value:
        with pytest.raises(BudgetError, match=r"not reached at the largest size, 150\.0 MB.*less"):
            smallest_meeting(goal, measure, low, high)
        assert len(asked) == 1
        return
    found = smallest_meeting(goal, measure, low, high, most=30)
    assert goal.met(found.value)
    assert (found.size, found.value) in found.measured
    assert [size for size, _ in found.measured] == asked
    assert len(asked) <= 12
    assert len(set(asked)) == len(asked)
    least = next(
        (s for s in range(low, high + 1, 100_000) if curve(s) <= value), high
    )  # fmt: skip
    assert found.size <= least + 0.005 * high + 100_000


@given(st.lists(st.floats(0.3, 0.999), min_size=101, max_size=101))
@settings(max_examples=100, deadline=None)
def test_steps_and_noise_end_at_a_size_that_was_measured_to_meet_it(values: list[float]) -> None:
    """Real curves have steps, and need not rise everywhere."""
    goal = Goal("same-top", 0.7)
    values[100] = 0.9

    def measure(size: int) -> float:
        return values[(size - 1000) // 10]

    found = smallest_meeting(goal, measure, 1000, 2000, most=8)
    assert goal.met(measure(found.size))
    assert len(found.measured) <= 8
    assert found.size == min(size for size, value in found.measured if goal.met(value))


def test_where_the_smallest_is_enough_it_is_taken() -> None:
    found = smallest_meeting(Goal("kld", 9.0), lambda size: 1.0, 10, 1000)
    assert found.size == 10
    assert len(found.measured) == 2
    assert smallest_meeting(Goal("kld", 9.0), lambda size: 1.0, 10, 10).measured == ((10, 1.0),)


def test_measurements_are_limited() -> None:
    found = smallest_meeting(
        Goal("kld", 0.5), lambda s: 1.0 if s < 777_777 else 0.0, 1, 10**6, tolerance=0, most=7
    )
    assert len(found.measured) == 7
    assert found.value == 0.0
