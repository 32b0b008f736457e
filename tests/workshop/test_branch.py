"""Branch and bound against exhaustive search, and on tables of the shapes of real models."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Mapping

import pytest
from choosing import tables
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.bundle.codecs import CODECS
from penjing.workshop.search.branch import GAP, least_loss, useful
from penjing.workshop.search.budget import allocate
from penjing.workshop.search.choice import Choice, smallest
from penjing.workshop.search.groups import CANDIDATES
from penjing.workshop.search.uniform import best_uniform, uniform

Table = Mapping[str, list[Choice]]


def _row(weights: int, width: int, worth: float, chance: random.Random) -> list[Choice]:
    """What a group of so many weights costs in each codec its rows can take: 2^-1.9 a bit."""
    kinds = [CODECS[name] for name in CANDIDATES if CODECS[name].fits(width)]
    return [Choice("F16", 2 * weights, 0.0)] + [
        Choice(
            kind.name,
            weights // kind.width * kind.block_bytes,
            worth * 2 ** (-1.9 * kind.bits) * chance.lognormvariate(0, 0.15),
        )
        for kind in kinds
    ]


def _model(layers: int, hidden: int, ffn: int, inner: int, kv: int, vocabulary: int) -> Table:
    chance = random.Random(vocabulary)
    table = {"token_embd": _row(vocabulary * hidden, hidden, 30.0, chance)}
    for layer in range(layers):
        for kind, weights, width in (
            ("attn_q+attn_k", hidden * (inner + kv), hidden),
            ("attn_v", hidden * kv, hidden),
            ("attn_output", inner * hidden, inner),
            ("ffn_down", ffn * hidden, ffn),
            ("ffn_gate+ffn_up", 2 * ffn * hidden, hidden),
        ):
            worth = weights / hidden / ffn * chance.lognormvariate(0, 0.8)
            table[f"blk.{layer}.{kind}"] = _row(weights, width, worth, chance)
    return table


SHAPES = {
    "many alike": _model(30, 576, 1536, 576, 192, 49_152),  # SmolLM2 135M
    "one is most": _model(18, 640, 2048, 1024, 256, 262_144),  # Gemma 3 270M
    "one alone": {"token_embd": _row(262_144 * 640, 640, 30.0, random.Random(0))},
}


def _budgets() -> list[tuple[str, int]]:
    chance = random.Random(20_261_129)
    out = []
    for i in range(200):
        shape = list(SHAPES)[i % 3]
        least = smallest(SHAPES[shape])
        most = sum(max(c.nbytes for c in row) for row in SHAPES[shape].values())
        out.append((shape, int(least + (most - least) * chance.random() ** 2)))
    return out


def test_random_budgets_are_kept_and_beaten_and_solved_in_time() -> None:
    """Never over, never worse than one codec everywhere, near the bound, under a second each."""
    for shape, budget in _budgets():
        begun = time.process_time()
        found = allocate(SHAPES[shape], budget)
        assert time.process_time() - begun < 1.0
        assert found.nbytes <= budget
        even = best_uniform(SHAPES[shape], budget)
        assert even is None or found.loss <= even.loss
        assert found.bound <= found.loss
        assert found.loss <= found.bound * 1.01 + 1e-12, (shape, budget)


def test_a_group_that_is_most_of_the_file_is_not_left_small() -> None:
    """Greed spends the room on many small steps and cannot take the one large step any more."""
    small = [Choice("two", 10, 1.0), Choice("four", 20, 0.5), Choice("eight", 40, 0.45)]
    choices = {f"blk.{i}.ffn_down": small for i in range(10)}
    choices["token_embd"] = [Choice("two", 500, 20.0), Choice("four", 900, 1.0)]
    # a step of a small group saves 0.05 a byte and one of the embedding 0.0475
    found = allocate(choices, 1000)
    assert found.plan["token_embd"] == "four"
    assert found.loss == pytest.approx(1.0 + 10 * 1.0)
    found = allocate(choices, 1050)
    assert found.plan["token_embd"] == "four"
    assert sum(codec == "four" for codec in found.plan.values()) == 1 + 5


@given(tables(5), st.integers(0, 200), st.integers(1, 60))
@settings(max_examples=300, deadline=None)
def test_small_tables_are_solved_to_the_gap(choices: Table, extra: int, large: int) -> None:
    first = sorted(choices)[0]  # one group larger than the others
    choices = {
        **choices,
        first: [Choice(c.codec, c.nbytes * large, c.loss) for c in choices[first]],
    }
    room = smallest(choices) + extra * large
    best = min(
        sum(c.loss for c in combination)
        for combination in itertools.product(*choices.values())
        if sum(c.nbytes for c in combination) <= room
    )
    found = least_loss(choices, room)
    assert found.nbytes <= room
    assert found.bound <= best + 1e-9
    assert best - 1e-9 <= found.loss <= best / (1 - GAP) + 1e-9


@given(tables(5), st.integers(0, 200), st.integers(0, 3))
@settings(deadline=None)
def test_a_search_that_is_cut_short_still_says_a_true_bound(
    choices: Table, extra: int, nodes: int
) -> None:
    room = smallest(choices) + extra
    cut, whole = least_loss(choices, room, nodes=nodes), least_loss(choices, room)
    assert cut.nbytes <= room
    assert cut.bound <= whole.loss + 1e-9
    assert whole.loss <= cut.loss * (1 + GAP) + 1e-9


def test_the_order_of_groups_changes_nothing() -> None:
    table = SHAPES["one is most"]
    room = int(smallest(table) * 1.7)
    turned = dict(reversed(table.items()))
    assert least_loss(table, room).chosen == least_loss(turned, room).chosen
    assert list(least_loss(turned, room).chosen) == list(turned)


def test_what_is_larger_and_no_better_is_useless() -> None:
    row = [Choice("a", 10, 1.0), Choice("b", 12, 1.0), Choice("c", 10, 0.5), Choice("d", 20, 0.1)]
    assert [c.codec for c in useful(row)] == ["c", "d"]


def test_one_codec_everywhere_falls_back_to_more_bits_never_to_fewer() -> None:
    choices = {
        "wide": [Choice("Q8_0", 85, 0.0), Choice("Q3_K", 34, 0.2), Choice("Q4_0", 45, 0.1)],
        "narrow": [Choice("Q8_0", 85, 0.0), Choice("Q2_0", 22, 0.9), Choice("Q4_0", 45, 0.1)],
        "kept": [Choice("as it is", 30, 0.0), Choice("Q2_0", 22, 0.9)],
    }
    assert uniform(choices, "Q3_K").plan == {"wide": "Q3_K", "narrow": "Q4_0", "kept": "as it is"}
    assert uniform(choices, "Q2_0").plan == {"wide": "Q3_K", "narrow": "Q2_0", "kept": "Q2_0"}
    assert best_uniform(choices, 77) is None
    found = best_uniform(choices, 78)
    assert found is not None
    assert found.plan["narrow"] == "Q2_0"
    timed = {"g": [Choice("Q4_0", 45, 0.1, time=2.0), Choice("Q2_0", 22, 0.9, time=0.5)]}
    found = best_uniform(timed, 100, time=1.0)
    assert found is not None
    assert found.plan == {"g": "Q2_0"}
