"""Measured assemblies get better and never worse, whatever the measurement says."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.core.errors import BudgetError
from penjing.workshop.search import refine as module
from penjing.workshop.search.budget import allocate
from penjing.workshop.search.choice import Allocation, Choice, smallest
from penjing.workshop.search.refine import Limits, plan_hash, refine

CODECS = {"Q2_0": 2.25, "Q3_K": 3.44, "IQ4_NL": 4.5, "Q5_0": 5.5}
KINDS = ("attn_q+attn_k", "attn_v", "ffn_down", "ffn_gate+ffn_up")


def table(layers: int = 8, seed: int = 0) -> dict[str, list[Choice]]:
    chance = random.Random(seed)
    out = {}
    for layer in range(layers):
        for kind in KINDS:
            weights, worth = chance.choice([1000, 2000, 4000]), chance.lognormvariate(-4, 1)
            row = [
                Choice(name, int(weights * bits / 8), worth * 2.0 ** (-2 * bits))
                for name, bits in CODECS.items()
            ]
            out[f"blk.{layer}.{kind}"] = [*row, Choice("F16", 2 * weights, 0.0)]
    return out


CHOICES = table()
BUDGET = int(smallest(CHOICES) * 1.6)


class World:
    """What assemblies really cost: losses of other size for a codec, a kind, and some groups."""

    def __init__(self, seed: int, choices: Mapping[str, Any] = CHOICES) -> None:
        chance = random.Random(seed)
        self.by_codec = {name: chance.lognormvariate(0, 0.5) for name in CODECS}
        self.by_kind = {kind: chance.lognormvariate(0, 0.5) for kind in KINDS}
        self.by_group = {name: chance.lognormvariate(0, 0.4) for name in choices}
        self.choices = choices
        self.calls: list[str] = []

    def alone(self, name: str, choice: Choice) -> float:
        """What one group costs."""
        factor = self.by_codec.get(choice.codec, 1.0) * self.by_kind[name.split(".", 2)[2]]
        return choice.loss * factor * self.by_group[name]

    def __call__(self, plan: Mapping[str, str]) -> float:
        self.calls.append(plan_hash(plan))
        total = sum(
            self.alone(name, next(c for c in self.choices[name] if c.codec == codec))
            for name, codec in plan.items()
        )
        return total + 0.5 * total**2


@pytest.mark.parametrize("seed", range(6))
def test_a_world_that_differs_from_the_table_is_learnt(seed: int) -> None:
    world = World(seed)
    found = refine(CHOICES, BUDGET, world, limits=Limits(measurements=120))
    start = allocate(CHOICES, BUDGET)
    assert found.first == pytest.approx(World(seed)(start.plan))
    assert found.kld == pytest.approx(World(seed)(found.allocation.plan))
    assert found.kld < found.first * 0.99
    assert found.allocation.nbytes <= BUDGET
    assert len(world.calls) == len(set(world.calls)) <= 120
    # how far it came of the way to what knowing the world would give
    true = {
        name: [Choice(c.codec, c.nbytes, World(seed).alone(name, c)) for c in row]
        for name, row in CHOICES.items()
    }
    best = World(seed)(allocate(true, BUDGET).plan)
    assert found.first - found.kld > 0.4 * (found.first - best)


def test_a_table_that_is_right_is_left_as_it_is() -> None:
    def additive(plan: Mapping[str, str]) -> float:
        return sum(
            next(c.loss for c in CHOICES[name] if c.codec == codec) for name, codec in plan.items()
        )

    found = refine(CHOICES, BUDGET, additive, limits=Limits(measurements=80))
    assert found.first * 0.97 <= found.kld <= found.first


@given(st.integers(0, 10**6), st.floats(1.0, 3.0), st.integers(1, 15))
@settings(max_examples=30, deadline=None)
def test_never_worse_never_larger_whatever_is_measured(seed: int, factor: float, most: int) -> None:
    """Even when measuring is pure chance."""
    choices = table(layers=2, seed=seed)
    budget, calls = int(smallest(choices) * factor), []

    def noise(plan: Mapping[str, str]) -> float:
        calls.append(plan)
        return random.Random(plan_hash(plan)).random()

    found = refine(choices, budget + 77, noise, fixed=77, limits=Limits(measurements=most))
    assert found.allocation.nbytes <= budget
    assert found.kld == noise(found.allocation.plan) == min(kld for _, kld in found.history)
    assert found.kld <= found.first
    assert len(calls) - 1 <= most
    assert found.allocation.chosen.keys() == choices.keys()
    for name, choice in found.allocation.chosen.items():
        assert choice in choices[name]  # with the table's own loss


def test_the_same_inputs_give_the_same_plans_and_a_killed_run_repeats_nothing() -> None:
    limits, whole = Limits(measurements=50), World(3)
    expected = refine(CHOICES, BUDGET, whole, limits=limits)

    class Killed(BaseException):
        pass

    kept: dict[str, float] = {}
    mortal = World(3)

    def measure(plan: Mapping[str, str]) -> float:
        if len(mortal.calls) == 17:
            raise Killed
        return mortal(plan)

    with pytest.raises(Killed):
        refine(CHOICES, BUDGET, measure, limits=limits, keep=kept.update)
    assert len(kept) == 17
    rest = World(3)
    again = refine(
        CHOICES, BUDGET, rest, limits=Limits(measurements=50), known=kept, keep=kept.update
    )
    assert again.allocation.plan == expected.allocation.plan
    assert again.kld == expected.kld
    assert mortal.calls + rest.calls == whole.calls
    assert kept.keys() == set(whole.calls)


def test_time_and_measurements_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    world = World(1)

    def slow(plan: Mapping[str, str]) -> float:
        now[0] += 10.0
        return world(plan)

    found = refine(CHOICES, BUDGET, slow, limits=Limits(seconds=45.0))
    assert len(world.calls) == 5  # the fifth began before the end
    assert found.kld <= found.first
    world.calls.clear()
    refine(CHOICES, BUDGET, world, limits=Limits(measurements=1))
    assert len(world.calls) == 1


def test_an_impossible_budget_names_the_smallest() -> None:
    with pytest.raises(BudgetError, match="smallest is"):
        refine(CHOICES, 10, World(0))


def test_history_says_how_each_plan_came_about() -> None:
    found = refine(CHOICES, BUDGET, World(2), limits=Limits(measurements=90))
    ways = [way.split()[0] for way, _ in found.history]
    assert ways[0] == "table"
    assert {"one", "tilt", "exchange"} <= set(ways)


def test_exchanges_alone_find_a_pair_that_the_table_has_the_wrong_way_round() -> None:
    """Two groups of one size; the table prefers one, the world the other."""
    row = [Choice("Q2_0", 100, 1.0), Choice("Q5_0", 200, 0.1)]
    other = [Choice("Q2_0", 100, 0.9), Choice("Q5_0", 200, 0.1)]
    choices = {"blk.0.ffn_down": row, "blk.1.ffn_down": other}

    def measure(plan: Mapping[str, str]) -> float:
        worse = {"Q2_0": 1.0, "Q5_0": 0.1}
        return 0.3 * worse[plan["blk.0.ffn_down"]] + worse[plan["blk.1.ffn_down"]]

    assert allocate(choices, 300).plan["blk.0.ffn_down"] == "Q5_0"
    found = refine(choices, 300, measure)
    assert found.allocation.plan == {"blk.0.ffn_down": "Q2_0", "blk.1.ffn_down": "Q5_0"}
    assert found.history[-1][0] in ("exchange", "tilt blk.0.ffn_down") or len(found.history) > 1
    assert isinstance(found.allocation, Allocation)


def test_no_plan_is_proposed_that_takes_too_long() -> None:
    slow = {"Q2_0": 4.0, "Q3_K": 2.0, "IQ4_NL": 1.0, "Q5_0": 2.0, "F16": 5.0}
    choices = {
        name: [Choice(c.codec, c.nbytes, c.loss, slow[c.codec] / 32) for c in row]
        for name, row in CHOICES.items()
    }
    limit = allocate(choices, BUDGET).time * 0.97
    world = World(4, choices)

    def measure(plan: Mapping[str, str]) -> float:
        assert sum(slow[codec] / 32 for codec in plan.values()) <= limit + 1e-9
        return world(plan)

    found = refine(choices, BUDGET, measure, time_limit=limit, limits=Limits(measurements=60))
    assert found.allocation.time <= limit
    assert found.kld <= found.first


def test_one_codec_everywhere_is_measured_and_taken_where_it_wins() -> None:
    """The table's best is never believed to be better than what everybody would try first."""
    even = dict.fromkeys(CHOICES, "IQ4_NL")
    budget = sum(c.nbytes for row in CHOICES.values() for c in row if c.codec == "IQ4_NL")
    tried = []

    def measure(plan: Mapping[str, str]) -> float:
        tried.append(plan)
        return 0.1 if plan == even else 1.0

    found = refine(CHOICES, budget, measure, limits=Limits(measurements=2))
    assert even in tried
    assert found.allocation.plan == even
    assert found.history == (("table", 1.0), ("one codec", 0.1))


def test_a_group_that_is_most_of_the_file_is_tried_at_its_other_codecs() -> None:
    """No exchange of two groups gets there: the large one needs what several small ones have."""
    embedding = [Choice("Q2_0", 500, 0.9), Choice("IQ4_NL", 900, 0.5), Choice("F16", 4000, 0.0)]
    small = [Choice("Q2_0", 50, 0.1), Choice("IQ4_NL", 100, 0.02), Choice("F16", 400, 0.0)]
    choices = {"token_embd": embedding, **{f"blk.{i}.ffn_down": small for i in range(10)}}

    def measure(plan: Mapping[str, str]) -> float:
        blocks = sum(plan[name] == "Q2_0" for name in choices)
        return (8.0 if plan["token_embd"] == "Q2_0" else 0.0) + 0.1 * blocks

    assert allocate(choices, 1500).plan["token_embd"] == "Q2_0"
    found = refine(choices, 1500, measure, limits=Limits(measurements=6))
    assert found.allocation.plan["token_embd"] == "IQ4_NL"
    assert found.allocation.nbytes <= 1500
    assert found.kld <= 1.0
    assert any(way == "hold token_embd" for way, _ in found.history)


def test_a_large_group_is_not_held_where_the_table_sees_no_hope() -> None:
    row = [Choice("Q1_0", 250, 9.0), Choice("Q2_0", 500, 0.6), Choice("IQ4_NL", 900, 0.5)]
    choices = {"token_embd": row, "blk.0.ffn_down": [Choice("Q2_0", 50, 0.1)]}
    tried = []

    def measure(plan: Mapping[str, str]) -> float:
        tried.append(plan["token_embd"])
        return 1.0

    refine(choices, 1000, measure, limits=Limits(measurements=9))
    assert set(tried) == {"IQ4_NL", "Q2_0"}
