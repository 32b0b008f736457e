"""The table of families agrees with llama.cpp's own (as packaged in gguf) and with itself."""

from __future__ import annotations

import gguf
import pytest
import tiny

from penjing.core.errors import FormatError
from penjing.workshop.architectures import (
    ARCHITECTURES,
    Architecture,
    architecture,
)
from penjing.workshop.huggingface.config import architecture_of_hf

FAMILIES = list(ARCHITECTURES.values())
LLAMA_CPP = {name: arch for arch, name in gguf.MODEL_ARCH_NAMES.items()}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_names_are_the_ones_llama_cpps_converter_gives(family: Architecture) -> None:
    names = gguf.get_tensor_name_map(LLAMA_CPP[family.name], 12)
    for ours, kind, layer in family.expected(12):
        if kind.hf:
            theirs = names.get_name(kind.hf_name(layer), try_suffixes=(".weight", ".bias"))
            assert theirs == ours


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_no_tensor_of_the_family_is_forgotten(family: Architecture) -> None:
    stems = {kind.name.rsplit(".", 1)[0] for kind in family.tensors}
    engine = {
        gguf.TENSOR_NAMES[tensor].removeprefix("blk.{bid}.")
        for tensor in gguf.MODEL_TENSORS[LLAMA_CPP[family.name]]
    }
    # experts, another family's, a table that the rotation computes, and one-off heads
    unused = {"attn_rot_embd", "ffn_gate_inp", "ffn_gate_exps", "ffn_down_exps", "ffn_up_exps"}
    unused |= {"ffn_gate_exp.{xid}", "ffn_down_exp.{xid}", "ffn_up_exp.{xid}", "cls.output"}
    unused |= {"dense_2", "dense_3", "ffn_gate.{xid}", "ffn_down.{xid}", "ffn_up.{xid}"}
    if family.name != "llama":
        unused.add("rope_freqs")
    if family.fused:  # the engine takes them apart as well
        unused |= {"attn_q", "attn_k", "attn_v"}
    assert engine - stems <= unused
    assert stems <= engine


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_table_is_consistent(family: Architecture) -> None:
    names = [name for name, _, _ in family.expected(3)]
    assert len(set(names)) == len(names)
    kinds = {kind.name: kind for kind in family.tensors}
    config = tiny.checkpoint(family.name).config
    for name, kind, _ in family.expected(3):
        assert family.kind_of(name) is kind
        assert kind.quantizable == (len(kind.dimensions(config)) == 2)
    for group in family.groups:
        widths = {kinds[member].shape[1] for member in group.members}
        assert len(widths) == 1, "members of a group read the same input"
        assert all(kinds[member].quantizable for member in group.members)
    grouped = [member for group in family.groups for member in group.members]
    assert len(set(grouped)) == len(grouped)
    matrices = {kind.name for kind in family.tensors if kind.quantizable}
    assert matrices - set(grouped) == {"token_embd.weight"}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_only_norms_are_shifted_and_only_queries_and_keys_interleaved(family: Architecture) -> None:
    for kind in family.tensors:
        if kind.transform == "add_one":
            assert "norm" in kind.name
        if kind.transform.startswith("interleave"):
            assert family.rope == "interleaved"
            assert kind.name.startswith(("attn_q.", "attn_k."))


def test_unknown_families_are_refused_with_the_known_ones() -> None:
    with pytest.raises(FormatError, match=r"'mamba' is not one.*llama, smollm3, granite, qwen2"):
        architecture("mamba")
    with pytest.raises(FormatError, match=r"BertModel, and folders are read of llama.*gemma3"):
        architecture_of_hf(("BertModel",))
    with pytest.raises(FormatError, match="names nothing"):
        architecture_of_hf(())
    assert architecture_of_hf(("Something", "Qwen3ForCausalLM")).name == "qwen3"
