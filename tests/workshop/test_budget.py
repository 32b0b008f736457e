"""The budget solver against exhaustive search, and what it must never do."""

from __future__ import annotations

import itertools

import pytest
from choosing import tables
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.core.errors import BudgetError
from penjing.workshop.search.budget import allocate, inverted
from penjing.workshop.search.choice import Choice, smallest


def _best(choices, budget):
    return min(
        sum(c.loss for c in combination)
        for combination in itertools.product(*choices.values())
        if sum(c.nbytes for c in combination) <= budget
    )


@given(tables(4), st.integers(0, 200))
@settings(max_examples=300, deadline=None)
def test_within_budget_and_near_the_optimum(choices, extra):
    budget = smallest(choices) + extra
    found = allocate(choices, budget)
    assert found.nbytes <= budget
    assert set(found.chosen) == set(choices)
    # The relaxed optimum bounds the gap: at most one tensor's whole range of losses.
    widest = max(max(c.loss for c in row) - min(c.loss for c in row) for row in choices.values())
    assert found.loss <= _best(choices, budget) + widest + 1e-9


@given(tables(4), st.integers(0, 100))
@settings(deadline=None)
def test_unlimited_budget_takes_the_least_loss(choices, extra):
    budget = sum(max(c.nbytes for c in row) for row in choices.values()) + extra
    assert allocate(choices, budget).loss == pytest.approx(
        sum(min(c.loss for c in row) for row in choices.values())
    )


def test_many_tensors_come_near_the_lagrangian_bound():
    choices = {
        f"t{i}": [Choice(str(b), b * (50 + i), (i % 7 + 1) * 2.0 ** (-2 * b)) for b in range(2, 9)]
        for i in range(40)
    }
    budget = int(smallest(choices) * 1.9)
    found = allocate(choices, budget)
    # Lagrangian lower bound: no assembly can be better than it.
    bound = max(
        sum(min(c.loss + price * c.nbytes for c in row) for row in choices.values())
        - price * budget
        for price in (2.0**-k for k in range(4, 60))
    )
    assert found.loss <= bound * 1.35
    assert found.nbytes > 0.99 * budget


def test_impossible_budget_names_the_smallest():
    choices = {"a": [Choice("x", 100, 1.0), Choice("y", 200, 0.5)]}
    with pytest.raises(BudgetError, match=r"smallest is .*\(150 bytes\)"):
        allocate(choices, 149, fixed=50)
    assert allocate(choices, 150, fixed=50).plan == {"a": "x"}


def test_same_input_same_plan():
    row = [Choice("x", 10, 1.0), Choice("y", 20, 0.5), Choice("z", 20, 0.5)]
    tables = {"a": row, "b": row, "c": row}
    assert allocate(tables, 50).plan == allocate(dict(reversed(tables.items())), 50).plan


# -- turned round


@given(tables(4), st.integers(0, 200))
@settings(max_examples=150, deadline=None)
def test_inverted_keeps_the_budget_and_tells_true_losses(choices, extra):
    # as in a real table: one row per codec
    choices = {n: list({c.codec: c for c in row}.values()) for n, row in choices.items()}
    budget = smallest(choices) + extra
    found = inverted(choices, budget)
    assert found.nbytes <= budget
    assert set(found.chosen) == set(choices)
    for name, choice in found.chosen.items():
        assert choice in choices[name]


def test_inverted_gives_the_most_bits_to_what_matters_least():
    choices = {
        f"g{i:02}": [Choice(str(b), b * 100, 1.2**i * 2.0 ** (-2 * b)) for b in range(2, 9)]
        for i in range(40)
    }
    budget = smallest(choices) * 2
    right, wrong = allocate(choices, budget), inverted(choices, budget)
    assert abs(wrong.nbytes - right.nbytes) < 200

    def bits(found, half):
        return sum(choice.nbytes for _, choice in sorted(found.chosen.items())[half])

    assert bits(right, slice(0, 20)) < bits(right, slice(20, 40))
    assert bits(wrong, slice(0, 20)) > bits(wrong, slice(20, 40))
    even = sum(row[2].loss for row in choices.values())  # the same budget, everyone alike
    assert right.loss < even < wrong.loss


def test_inverted_turns_groups_of_other_sizes_too():
    choices = {
        "large and loud": [Choice("a", 1000, 8.0), Choice("b", 2000, 1.0)],
        "small and quiet": [Choice("a", 500, 0.004), Choice("b", 1000, 0.0005)],
        "free": [Choice("a", 10, 0.0)],
    }
    assert allocate(choices, 2510).plan["large and loud"] == "b"
    assert inverted(choices, 2510).plan == {
        "large and loud": "a", "small and quiet": "b", "free": "a",
    }  # fmt: skip
    with pytest.raises(BudgetError, match="smallest is"):
        inverted(choices, 1000)


# -- a limit of time

timed_rows = st.lists(
    st.builds(
        Choice,
        codec=st.sampled_from(["a", "b", "c", "d"]),
        nbytes=st.integers(1, 60),
        loss=st.floats(0, 10, allow_nan=False),
        time=st.floats(0.001, 2),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda choice: choice.codec,
)
timed_tables = st.dictionaries(st.sampled_from("uvwxyz"), timed_rows, min_size=1, max_size=4)


@given(timed_tables, st.integers(0, 200), st.floats(0.01, 8))
@settings(max_examples=300, deadline=None)
def test_a_limit_of_time_is_kept_or_refused(choices, extra, limit):
    # the smallest in bytes may be the slowest: no promise where bytes decide
    budget = smallest(choices) + extra
    free = allocate(choices, budget)
    try:
        found = allocate(choices, budget, time=limit)
    except BudgetError:
        assert free.time > limit
        return
    assert found.nbytes <= budget
    assert found.time <= limit + 1e-9
    for name, choice in found.chosen.items():  # with their own losses, not dearer ones
        assert any(c.codec == choice.codec and c.loss == pytest.approx(choice.loss, abs=1e-6)
                   for c in choices[name])  # fmt: skip


def test_time_is_bought_where_it_costs_least():
    choices = {
        "sensitive": [Choice("slow", 100, 0.0, 1.0), Choice("fast", 90, 9.0, 0.5)],
        "robust": [Choice("slow", 100, 0.0, 1.0), Choice("fast", 90, 0.1, 0.5)],
    }
    assert allocate(choices, 200).plan == {"sensitive": "slow", "robust": "slow"}
    assert allocate(choices, 200, time=1.5).plan == {"sensitive": "slow", "robust": "fast"}
    assert allocate(choices, 200, time=1.0).plan == {"sensitive": "fast", "robust": "fast"}
    with pytest.raises(BudgetError, match=r"1\.00 times"):
        allocate(choices, 200, time=0.9)


def test_a_limited_plan_of_many_tensors_is_near_the_optimum():
    choices = {
        f"t{i}": [
            Choice("x", 100, 0.0, 1.0),
            Choice("y", 90, (i % 7 + 1) * 0.1, 0.6),
            Choice("z", 80, (i % 5 + 1) * 0.9, 0.3),
        ]
        for i in range(40)
    }
    found = allocate(choices, 4000, time=30.0)
    assert 29.0 <= found.time <= 30.0
    # by hand: moving x to y saves 0.4 for 0.1, 0.2 ... 0.7; the 25 cheapest are enough
    cheapest = sorted((i % 7 + 1) * 0.1 for i in range(40))[:25]
    assert found.loss <= sum(cheapest) + 0.7  # at most one group's step beside it
