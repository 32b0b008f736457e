"""Assemblies one after another give what each gives alone, in float64 and from scratch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rounded import EXACT, WINDOWS, case, straight

from penjing.workshop.architectures import ARCHITECTURES
from penjing.workshop.search.assembly import Assemblies
from penjing.workshop.search.wavefront import Plan, Wavefront


def assert_exact(family: str, plans: Sequence[Plan], *, head: bool = True) -> None:
    checkpoint, rounder = case(family, head=head)
    assemblies = Assemblies(Wavefront(checkpoint, WINDOWS, EXACT), rounder)
    for plan in plans:
        found = assemblies.read(plan, tops=True)
        kld, same = straight(checkpoint, rounder, plan)
        assert found.kld == pytest.approx(kld, rel=1e-6, abs=1e-13), plan
        assert found.same_top == pytest.approx(same)


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
@pytest.mark.parametrize("head", [False, True])
def test_each_is_a_whole_forward(family: str, head: bool) -> None:
    checkpoint, _ = case(family, head=head)
    names = checkpoint.quantizable
    every = dict.fromkeys(names, "MXFP4")
    late = {**every, "blk.1.ffn_up.weight": "Q8_0"}
    early = {**every, "token_embd.weight": "Q4_0"}
    alone = {"blk.1.attn_output.weight": "Q4_0"}
    assert_exact(family, [every, late, every, early, alone, {}, early], head=head)


@given(data=st.data())
@settings(max_examples=15)
def test_what_was_read_before_changes_nothing(data: st.DataObject) -> None:
    names = case("llama")[0].quantizable
    codecs = st.sampled_from(["MXFP4", "Q8_0", None])
    plan = st.fixed_dictionaries(dict.fromkeys(names, codecs))
    drawn = data.draw(st.lists(plan, min_size=2, max_size=7))
    assert_exact("llama", [{n: c for n, c in each.items() if c} for each in drawn])


def test_the_least_memory_remembers_no_walk_and_gives_the_same_numbers() -> None:
    checkpoint, rounder = case("llama")
    front = Wavefront(checkpoint, WINDOWS, EXACT)
    held = front.memory
    one = held.fixed + held.passing + (held.layers + 1) * held.variant // 2
    front.memory = replace(held, ram=one)
    some, every = Assemblies(front, rounder), dict.fromkeys(checkpoint.quantizable, "MXFP4")
    late = {**every, "blk.1.ffn_up.weight": "Q8_0"}
    assert (front.memory.walks, front.memory.spare) == (1, 0)
    for plan in (every, late, every):
        assert some.read(plan).kld == pytest.approx(straight(checkpoint, rounder, plan)[0])


def test_blocks_that_two_plans_share_are_walked_once() -> None:
    checkpoint, rounder = case("llama")
    asked: list[str] = []

    def rounded(name: str, codec: str, rows: slice | torch.Tensor) -> torch.Tensor:
        asked.append(name)
        return rounder(name, codec, rows)

    assemblies = Assemblies(Wavefront(checkpoint, WINDOWS, EXACT), rounded)
    every = dict.fromkeys(checkpoint.quantizable, "MXFP4")
    assemblies.read(every)
    asked.clear()
    assemblies.read({**every, "blk.1.ffn_up.weight": "Q8_0"})
    assert asked
    assert not any(name.startswith("blk.0.") for name in asked)
