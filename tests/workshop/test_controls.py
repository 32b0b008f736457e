"""Negative controls have the bytes they claim and none of the method."""

from __future__ import annotations

from collections import Counter

import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.workshop.compress import controls
from penjing.workshop.export.gguf import export_bytes

CHECKPOINT = tiny.checkpoint("llama", layers=3, ffn=128)


def size(plan):
    return export_bytes(CHECKPOINT, plan)


@given(st.integers(0, 200_000))
@settings(deadline=None, max_examples=40)
def test_plain_is_within_budget_and_wastes_less_than_a_tensor(extra):
    least = size(dict.fromkeys(CHECKPOINT.quantizable, "Q2_0"))
    plan = controls.plain(CHECKPOINT, least + extra, size)
    assert plan is not None
    assert size(plan) <= least + extra
    assert len(set(plan.values())) <= 2


def test_plain_refuses_what_is_too_small():
    assert controls.plain(CHECKPOINT, 1000, size) is None


def test_shuffled_has_the_same_bytes_and_the_same_codecs_per_shape():
    names = CHECKPOINT.quantizable
    plan = {name: ("Q4_0", "Q5_0", "Q8_0")[i % 3] for i, name in enumerate(names)}
    dealt = controls.shuffled(CHECKPOINT, plan, seed=1)
    assert dealt != plan
    assert size(dealt) == size(plan)
    shapes = {name: CHECKPOINT.tensors[name].shape for name in names}
    for shape in set(shapes.values()):
        mine = [name for name in names if shapes[name] == shape]
        assert Counter(plan[n] for n in mine) == Counter(dealt[n] for n in mine)
    assert controls.shuffled(CHECKPOINT, plan, seed=1) == dealt
