"""Groups: every matrix in one, and no codec that would give a member more bits than it has."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.bundle.codecs import CODECS
from penjing.core.errors import BadInput
from penjing.ggml.quantize import quantize
from penjing.workshop.architectures import ARCHITECTURES
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import WRITABLE
from penjing.workshop.search.groups import (
    CANDIDATES,
    KEEP,
    LATTICE,
    Group,
    candidates,
    codecs_of,
    expand,
    groups_of,
    ladder,
)
from penjing.workshop.tensors import TensorSource


def source(name: str, codec: str, row: int = 256, rows: int = 4) -> TensorSource:
    raw = np.zeros(CODECS[codec].nbytes((rows, row)), np.uint8)
    return TensorSource(name, (rows, row), CODECS[codec], lambda: raw)


APART = ("attn_q+attn_k", "attn_v", "attn_output", "ffn_gate+ffn_up", "ffn_down")
FUSED = ("attn_qkv", "attn_output", "ffn_up", "ffn_down")


def padded(count: int) -> int:
    return -(-count // 32) * 32


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_every_matrix_is_in_one_group_and_groups_are_those_of_the_plan(family: str) -> None:
    checkpoint = tiny.checkpoint(family, layers=2)
    groups = groups_of(checkpoint)
    members = [source.name for group in groups for source in group.members]
    assert sorted(members) == sorted(checkpoint.quantizable)
    assert len({group.name for group in groups}) == len(groups)
    names = {group.name: group.layer for group in groups}
    ends = [name for name in ("token_embd", "output") if f"{name}.weight" in checkpoint.tensors]
    assert names == {
        **dict.fromkeys(ends),
        **{
            f"blk.{layer}.{stem}": layer
            for layer in range(2)
            for stem in (FUSED if checkpoint.architecture.fused else APART)
        },
    }
    for group in groups:
        assert {member.shape[-1] for member in group.members} == {group.row}


def test_an_own_head_is_a_group() -> None:
    checkpoint = tiny.checkpoint("llama", layers=1)
    head = TensorSource.of("output.weight", np.ones((260, 64), np.float32))
    whole = Checkpoint.of("m", checkpoint.metadata, {**checkpoint.tensors, head.name: head})
    assert {g.name for g in groups_of(whole) if g.layer is None} == {"token_embd", "output"}


@given(
    st.lists(st.sampled_from(sorted({*CANDIDATES, "F16", "F32"})), min_size=1, max_size=3),
    st.sampled_from((32, 64, 128, 256, 768)),
)
@settings(max_examples=200, deadline=None)
def test_no_member_gets_more_bits_and_every_codec_fits(owns: list[str], row: int) -> None:
    owns = [name for name in owns if CODECS[name].fits(row)] or ["F16"]
    members = tuple(source(f"blk.0.m{i}.weight", own, row) for i, own in enumerate(owns))
    group = Group("g", members, 0)
    found = codecs_of(group)
    assert found[0] == group.own
    assert len(set(found)) == len(found)
    for codec in found:
        plan = group.plan(codec)
        for member in members:
            assert CODECS[plan[member.name]].bits <= member.codec.bits
            assert CODECS[plan[member.name]].fits(row)
        expected = sum(padded(CODECS[plan[m.name]].nbytes(m.shape)) for m in members)
        assert group.nbytes(codec, padded) == expected
    # nothing that could be is left out
    for name in CANDIDATES:
        allowed = all(
            name == m.codec.name or (CODECS[name].fits(row) and CODECS[name].bits < m.codec.bits)
            for m in members
        )
        assert (name in found) == (allowed or name == group.own)
    steps = ladder(group)
    assert set(steps) <= set(found[1:])
    assert bool(steps) == (len(found) > 1)


def test_members_of_several_codecs_keep_them_unless_all_change() -> None:
    group = Group("g", (source("a", "Q4_K"), source("b", "Q6_K")), 0)
    assert group.own == KEEP
    assert group.plan(KEEP) == {"a": "Q4_K", "b": "Q6_K"}
    assert group.plan("Q4_K") == {"a": "Q4_K", "b": "Q4_K"}
    assert "Q5_K" not in codecs_of(group)
    assert "Q4_K" in codecs_of(group)


@pytest.mark.parametrize(
    ("row", "own", "expected"),
    [
        (576, "F16", ["Q2_0", "IQ4_NL", "Q5_0"]),
        (576, "Q4_1", ["Q2_0", "IQ4_NL"]),
        (1536, "F16", ["Q2_0", "Q2_K", "Q3_K", "Q4_K"]),
        (1536, "Q4_1", ["Q2_0", "Q2_K", "Q3_K", "Q4_K"]),
        (576, "Q4_0", ["Q2_0", "MXFP4"]),
        (576, "Q2_0", []),
        (48, "F16", []),
    ],
)
def test_a_few_codecs_are_measured(row: int, own: str, expected: list[str]) -> None:
    assert ladder(Group("g", (source("a", own, row),), 0)) == expected


def test_expanding_gives_every_tensor_a_codec_and_misses_none() -> None:
    checkpoint = tiny.checkpoint("llama", layers=1)
    groups = groups_of(checkpoint)
    chosen = {group.name: codecs_of(group)[-1] for group in groups}
    assert expand(groups, chosen).keys() == set(checkpoint.quantizable)
    chosen.pop("blk.0.attn_v")
    with pytest.raises(BadInput, match=r"blk\.0\.attn_v"):
        expand(groups, chosen)


def test_candidates_are_smaller_than_what_the_tensor_has_and_fit_its_rows() -> None:
    tensor = source("a", "F32", 576)
    found = candidates(tensor)
    assert found[0] is tensor.codec
    assert all(c.fits(576) and c.bits < 32 for c in found[1:])
    assert "Q4_K" not in {c.name for c in found}
    assert {"IQ4_NL", "MXFP4", "Q2_0"} <= {c.name for c in found}


@pytest.mark.parametrize("name", CANDIDATES)
def test_every_candidate_can_be_written(name: str) -> None:
    assert name in WRITABLE
    assert CODECS[name].bits < 9


def test_lattice_codecs_are_chosen_only_when_asked_for_and_never_for_embedding_or_head() -> None:
    group = Group("g", (source("a", "F16"),), 0)
    assert not set(codecs_of(group)) & set(LATTICE)
    found = codecs_of(group, (*CANDIDATES, *LATTICE))
    assert set(LATTICE) <= set(found)
    alone = Group("h", group.members, None)
    assert codecs_of(alone, (*CANDIDATES, *LATTICE)) == codecs_of(group)
    weights = np.random.default_rng(0).normal(0, 1, (2, 256)).astype(np.float32)
    raw = quantize(CODECS["IQ3_XXS"], weights, np.ones(256, np.float32))  # the quickest of them
    assert raw.nbytes == CODECS["IQ3_XXS"].nbytes((2, 256))
