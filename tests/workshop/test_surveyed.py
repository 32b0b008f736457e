"""What is opened by which path, and what is refused with a remedy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import families
import numpy as np
import pytest
import tiny

from penjing.bundle.gguf_values import Value
from penjing.core.errors import FormatError
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.search.groups import groups_of
from penjing.workshop.surveyed import open_model, open_surveyed
from penjing.workshop.tensors import TensorSource


def test_our_own_families_keep_their_forward_pass(tmp_path: Path) -> None:
    export_gguf(tiny.checkpoint("qwen3"), tmp_path / "m.gguf", {})
    with open_model(tmp_path / "m.gguf") as checkpoint:
        assert checkpoint.architecture.forward
        assert checkpoint.config.layers == 2


def test_a_family_of_ours_with_experts_takes_the_engines_path(tmp_path: Path, monkeypatch) -> None:
    family = replace(families.FAMILIES["qwen3moe"], layers=(
        {**families.NORMS, **families.ATTENTION, **families.EXPERTS},
    ))  # fmt: skip
    family = replace(family, numbers=family.numbers | {"feed_forward_length": families.FE})
    monkeypatch.setattr(families, "FAMILIES", {"llama": family})
    path = families.write(tmp_path / "m.gguf", "llama")
    with open_model(path, threads=1) as checkpoint:
        assert not checkpoint.architecture.forward
        assert "blk.0.ffn_down_exps.weight" in checkpoint.quantizable
        assert "blk.0.ffn_gate_inp.weight" not in checkpoint.quantizable


def test_groups_are_those_that_share_an_input(tmp_path: Path) -> None:
    path = families.write(tmp_path / "m.gguf", "qwen2moe")
    with open_model(path, threads=1) as checkpoint:
        names = [group.name for group in groups_of(checkpoint) if group.layer == 0]
        assert checkpoint.parameters == sum(t.parameters for t in checkpoint.tensors.values())
    assert names == [
        "blk.0.attn_q+attn_k", "blk.0.attn_v", "blk.0.attn_output",
        "blk.0.ffn_gate_exps+ffn_up_exps", "blk.0.ffn_down_exps",
        "blk.0.ffn_gate_shexp+ffn_up_shexp", "blk.0.ffn_down_shexp",
    ]  # fmt: skip


def test_the_survey_finds_the_same_matrices_and_groups_as_our_own_data(tmp_path: Path) -> None:
    for family in ("llama", "gemma3", "granite"):
        path = tmp_path / f"{family}.gguf"
        export_gguf(tiny.checkpoint(family), path, {})
        with open_model(path) as known, open_surveyed(path, threads=1) as found:
            assert found.quantizable == known.quantizable
            ours = [tuple(s.name for s in g.members) for g in groups_of(found)]
            assert ours == [tuple(s.name for s in g.members) for g in groups_of(known)]


def test_what_the_engine_lacks_is_refused_in_one_line(tmp_path: Path) -> None:
    made = tiny.checkpoint("llama")
    metadata = {**made.metadata, "general.architecture": Value.text("zebra")}
    export_gguf(replace(made, metadata=metadata), tmp_path / "m.gguf", {})
    with pytest.raises(FormatError, match="zebra") as told:
        open_model(tmp_path / "m.gguf", threads=1)
    assert "\n" not in str(told.value)


def test_a_folder_of_another_family_is_told_what_to_bring(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["ZebraForCausalLM"]}')
    with pytest.raises(FormatError, match="GGUF"):
        open_model(tmp_path)


def test_a_stack_is_taken_apart_into_its_matrices() -> None:
    weights = np.random.default_rng(0).normal(size=(3, 4, 32)).astype(np.float32)
    for place, matrix in enumerate(TensorSource.of("x", weights).matrices()):
        assert np.array_equal(matrix.load(), weights[place])
    flat = TensorSource.of("y", weights[0, 0])
    assert [m.shape for m in flat.matrices()] == [(1, 32)]


def test_the_checkpoint_of_an_unknown_family_has_no_numbers(tmp_path: Path) -> None:
    path = families.write(tmp_path / "m.gguf", "mamba")
    with open_model(path, threads=1) as checkpoint:
        assert checkpoint.vocabulary == 260
        with pytest.raises(FormatError, match="no forward pass of mamba"):
            _ = checkpoint.config
    with pytest.raises(FormatError, match="mamba"):
        Checkpoint.open(path)


def test_an_embedder_is_no_model_that_writes(embedding_model: Path) -> None:
    with pytest.raises(FormatError, match="tells the next token"):
        open_surveyed(embedding_model, threads=1)
