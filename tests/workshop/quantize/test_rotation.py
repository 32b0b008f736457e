"""Rotations keep the function, change the basis they say, and refuse where neither is possible."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from whole_model import TOKENS, engine_logits, logits, mean_squares, whole

from penjing.core.errors import BadInput
from penjing.workshop.architectures import ARCHITECTURES
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.forward import TorchModel
from penjing.workshop.quantize.rotation import (
    WRITERS,
    RotatedCheckpoint,
    hadamard,
    orthogonal,
    paley,
    paley_double,
    rotate_residual,
    rotate_values,
)

FAMILIES = sorted(ARCHITECTURES)
WITH_R2 = [name for name in FAMILIES if not ARCHITECTURES[name].fused]
WITH_R1 = [name for name in FAMILIES if not name.startswith(("gemma", "olmo2"))]
SAME = {"rtol": 0, "atol": 5e-6}
"""Logits are about 1 apart; float32 weights are rounded once."""


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def assert_only_changed(before: Checkpoint, after: Checkpoint, endings: tuple[str, ...]) -> None:
    for name, source in before.tensors.items():
        if name.endswith(endings):
            assert not np.array_equal(after.tensors[name].load(), source.load()), name
        else:
            assert after.tensors[name] is source, name


# -- values


@pytest.mark.parametrize("build", [whole, tiny.checkpoint])
@pytest.mark.parametrize("family", WITH_R2)
def test_values_are_rotated_and_the_function_stays(family: str, build: object) -> None:
    checkpoint = build(family)  # type: ignore[operator]
    found = rotate_values(checkpoint, 3)
    before, after = logits(checkpoint), logits(found.checkpoint)
    assert float(before.std()) > 0.3
    torch.testing.assert_close(after, before, **SAME)
    assert_only_changed(
        checkpoint, found.checkpoint, ("attn_v.weight", "attn_v.bias", "attn_output.weight")
    )
    assert found.added == ()
    assert found.checkpoint.config == checkpoint.config
    assert found.stale == {f"blk.{layer}.attn_output.weight" for layer in range(2)}


def test_values_in_one_matrix_with_queries_are_not_rotated() -> None:
    with pytest.raises(BadInput, match="phi3 model are in one matrix with its queries"):
        rotate_values(tiny.checkpoint("phi3"), 3)


def test_the_comparison_would_see_a_forgotten_part() -> None:
    checkpoint = whole("llama")
    found = rotate_values(checkpoint, 3).checkpoint
    clean = logits(checkpoint)
    for name in ("blk.0.attn_v.bias", "blk.1.attn_v.weight", "blk.1.attn_output.weight"):
        wrong = found.replacing({name: checkpoint.tensors[name].load()})
        assert float((logits(wrong) - clean).abs().max()) > 1e-3, name


def test_every_head_is_turned_by_the_layers_own_matrix() -> None:
    checkpoint = whole("qwen3")
    found = rotate_values(checkpoint, 9).checkpoint
    turns = []
    for layer in range(2):
        turn = orthogonal(16, (9, layer))
        turns.append(turn)
        name = f"blk.{layer}.attn_v.weight"
        old, new = checkpoint.tensors[name].load(), found.tensors[name].load()
        for head in range(2):
            rows = slice(16 * head, 16 * head + 16)
            np.testing.assert_allclose(new[rows], turn.T @ old[rows], atol=1e-7)
        name = f"blk.{layer}.attn_output.weight"
        old, new = checkpoint.tensors[name].load(), found.tensors[name].load()
        for head in range(4):
            columns = slice(16 * head, 16 * head + 16)
            np.testing.assert_allclose(new[:, columns], old[:, columns] @ turn, atol=1e-7)
    assert not np.allclose(turns[0], turns[1])


def test_layers_may_be_chosen() -> None:
    checkpoint = whole("gemma3", layers=3)
    found, every = rotate_values(checkpoint, 4, layers=[1]), rotate_values(checkpoint, 4)
    torch.testing.assert_close(logits(found.checkpoint), logits(checkpoint), **SAME)
    assert_only_changed(
        checkpoint, found.checkpoint, ("blk.1.attn_v.weight", "blk.1.attn_output.weight")
    )
    assert found.stale == {"blk.1.attn_output.weight"}
    name = "blk.1.attn_v.weight"
    same = found.checkpoint.tensors[name].load()
    assert np.array_equal(same, every.checkpoint.tensors[name].load())
    for layers in ([3], [0, -1]):
        with pytest.raises(BadInput, match="layers 0 to 2"):
            rotate_values(checkpoint, 4, layers=layers)


# -- the residual stream


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("family", WITH_R1)
def test_the_stream_is_rotated_and_the_function_stays(family: str, tied: bool) -> None:
    checkpoint = whole(family, tied=tied)
    found = rotate_residual(checkpoint, 3, untie=tied)
    before, after = logits(checkpoint), logits(found.checkpoint)
    assert float(before.std()) > 0.3
    torch.testing.assert_close(after, before, **SAME)
    assert found.added == (("output.weight",) if tied else ())
    assert not found.checkpoint.config.tied
    for name, source in found.checkpoint.tensors.items():
        if name.endswith(("attn_norm.weight", "ffn_norm.weight", "output_norm.weight")):
            assert (source.load() == 1).all()
        elif name.endswith(("q_norm.weight", "k_norm.weight", "attn_q.bias", "ffn_up.bias")):
            assert source is checkpoint.tensors[name]


@pytest.mark.parametrize("family", WITH_R1)
def test_hidden_states_are_the_old_ones_times_the_matrix(family: str) -> None:
    checkpoint = whole(family)
    turn = torch.tensor(orthogonal(64, 5))
    found = rotate_residual(checkpoint, 5).checkpoint
    with torch.no_grad():
        old = TorchModel.load(checkpoint, dtype=torch.float64).prefix(TOKENS)
        new = TorchModel.load(found, dtype=torch.float64).prefix(TOKENS)
    assert len(old.inputs) == 3
    for before, after in zip(old.inputs, new.inputs, strict=True):
        torch.testing.assert_close(after, before @ turn, **SAME)
        assert float((after - before).abs().max()) > 0.1


def test_an_own_head_costs_an_embedding_and_is_only_made_when_allowed() -> None:
    checkpoint = whole("qwen2", tied=True)
    with pytest.raises(BadInput, match=r"needs a second one \(16640 weights more\).*untie"):
        rotate_residual(checkpoint, 0)
    found = rotate_residual(checkpoint, 0, untie=True)
    assert found.checkpoint.parameters == checkpoint.parameters + 260 * 64
    norm = checkpoint.tensors["output_norm.weight"].load()
    expected = (checkpoint.tensors["token_embd.weight"].load() * norm) @ orthogonal(64, 0)
    np.testing.assert_allclose(
        found.checkpoint.tensors["output.weight"].load(), expected, atol=1e-6
    )
    assert found.stale >= {"token_embd.weight", "output.weight"}


@pytest.mark.parametrize("untie", [False, True])
def test_norms_behind_the_mixers_are_refused_with_the_reason(untie: bool) -> None:
    for tied in (False, True):
        with pytest.raises(
            BadInput, match=r"gemma3.*'post_attention_norm\.weight' weighs channels"
        ):
            rotate_residual(whole("gemma3", tied=tied), 0, untie=untie)


def test_norm_weights_may_be_zero_or_negative() -> None:
    checkpoint = whole("llama")
    norm = checkpoint.tensors["blk.0.ffn_norm.weight"].load()
    norm[3], norm[4] = 0.0, -0.7
    checkpoint = checkpoint.replacing({"blk.0.ffn_norm.weight": norm})
    found = rotate_residual(checkpoint, 3).checkpoint
    torch.testing.assert_close(logits(found), logits(checkpoint), **SAME)


def test_a_width_without_a_hadamard_matrix_is_rotated_too() -> None:
    checkpoint = tiny.checkpoint("llama", hidden=88)
    assert hadamard(88) is None
    assert hadamard(22) is None
    both = rotate_values(rotate_residual(checkpoint, 1, untie=True).checkpoint, 1)
    torch.testing.assert_close(logits(both.checkpoint), logits(checkpoint), **SAME)


@pytest.mark.parametrize("family", FAMILIES)
def test_writers_are_the_matrices_that_make_the_streams_width(family: str) -> None:
    known = ARCHITECTURES[family]
    kinds = {kind.name: kind for kind in known.tensors}
    reading = {
        member
        for group in known.groups
        if group.producer == "" or len(kinds[group.producer].shape) == 1
        for member in group.members
    }
    matrices = {kind.name for kind in known.tensors if kind.quantizable}
    inner = {"attn_v.weight", "ffn_up.weight"} & matrices
    assert matrices - reading - {"token_embd.weight"} == {*WRITERS, *inner} - reading
    assert all(kinds[name].shape[0] == "hidden" for name in WRITERS)


# -- importance


@pytest.mark.parametrize("step", ["values", "residual"])
def test_stale_are_exactly_the_matrices_that_read_something_else(step: str) -> None:
    checkpoint = whole("llama")
    found: RotatedCheckpoint = (
        rotate_values(checkpoint, 2) if step == "values" else rotate_residual(checkpoint, 2)
    )
    before, after = mean_squares(checkpoint), mean_squares(found.checkpoint)
    true = found.still_true(before)
    assert 0 < len(true) < len(before)
    for name, row in after.items():
        if name in true:
            np.testing.assert_allclose(row, before[name], rtol=1e-4, err_msg=name)
        else:
            assert np.abs(row / before[name] - 1).max() > 0.2, name
            if step == "values":  # the energy of a head is in its channels, whichever those are
                assert row.sum() == pytest.approx(before[name].sum(), rel=1e-4)


# -- the engine


def test_the_engine_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = whole("llama", tied=True)
    both = rotate_values(rotate_residual(checkpoint, 1, untie=True).checkpoint, 2).checkpoint
    before = engine_logits(checkpoint, tmp_path / "before.gguf", monkeypatch)
    after = engine_logits(both, tmp_path / "after.gguf", monkeypatch)
    assert np.abs(after - before).max() < 3e-5 < 0.3 < before.std()
    with Checkpoint.open(tmp_path / "after.gguf") as opened:
        assert opened.sha256() == both.sha256()


# -- matrices


def test_hadamard_matrices_are_hadamard_and_exist_where_they_can() -> None:
    for size in range(1, 321):
        found = hadamard(size)
        left, quarters = size, 0
        for prime in (3, 5, 7):
            while left % prime == 0:
                left, quarters = left // prime, quarters + 1
        twos = (left & -left).bit_length() - 1
        assert (found is not None) == (left == 1 << twos and twos >= 2 * quarters), size
        if found is not None:
            assert set(np.unique(found)) <= {-1.0, 1.0}
            assert np.array_equal(found @ found.T, size * np.eye(size))


@pytest.mark.parametrize("size", [576, 640, 896, 960, 1152])
def test_widths_of_small_models_have_one(size: int) -> None:
    found = hadamard(size)
    assert found is not None
    assert np.array_equal(found @ found.T, size * np.eye(size))


@pytest.mark.parametrize("prime", [3, 7, 11, 19, 23, 31])
def test_paleys_first_construction(prime: int) -> None:
    found = paley(prime)
    assert np.array_equal(found @ found.T, (prime + 1) * np.eye(prime + 1))
    assert np.array_equal(np.abs(found), np.ones_like(found))


@pytest.mark.parametrize("prime", [5, 13, 17, 29])
def test_paleys_second_construction(prime: int) -> None:
    found, order = paley_double(prime), 2 * (prime + 1)
    assert np.array_equal(found @ found.T, order * np.eye(order))
    assert np.array_equal(np.abs(found), np.ones_like(found))


@given(st.integers(1, 100), st.integers(0, 2**32 - 1))
def test_orthogonal_matrices_are_orthogonal_and_of_their_seed(size: int, seed: int) -> None:
    found = orthogonal(size, seed)
    assert found.shape == (size, size)
    np.testing.assert_allclose(found @ found.T, np.eye(size), atol=1e-12)
    assert np.array_equal(found, orthogonal(size, seed))
    if size % 4 == 0 and hadamard(size) is not None:
        np.testing.assert_allclose(np.abs(found), size**-0.5)


@pytest.mark.parametrize("size", [64, 44])
def test_another_seed_mixes_other_channels_and_not_only_signs(size: int) -> None:
    between = orthogonal(size, 1).T @ orthogonal(size, 2)
    assert np.abs(between).max() < 0.95
