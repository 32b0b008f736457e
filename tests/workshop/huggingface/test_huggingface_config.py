"""config.json: both spellings of its numbers are read, and what the engine lacks is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from penjing.core.errors import FormatError
from penjing.workshop.huggingface.config import (
    metadata_of,
    read_folder_config,
    rope_frequencies,
)

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 96,
    "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
    "vocab_size": 500, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "hidden_act": "silu",
}  # fmt: skip
GEMMA: dict[str, Any] = LLAMA | {
    "architectures": ["Gemma3ForCausalLM"], "head_dim": 16, "query_pre_attn_scalar": 16,
    "sliding_window": 64, "hidden_act": None, "hidden_activation": "gelu_pytorch_tanh",
}  # fmt: skip


def numbers(config: dict[str, Any]) -> dict[str, Any]:
    found = metadata_of(read_folder_config(config), "x")
    return {key.split(".", 1)[1]: value.plain for key, value in found.items()}


def test_old_and_new_spellings_of_rotary_settings_agree() -> None:
    old = LLAMA | {"rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2.0}}
    new = LLAMA | {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 5e5}}
    assert numbers(old) == numbers(new)
    assert numbers(old)["rope.freq_base"] == 5e5
    assert numbers(old)["rope.scaling.factor"] == 2.0
    old = GEMMA | {"rope_theta": 7e5, "rope_local_base_freq": 900.0, "sliding_window_pattern": 2}
    new = GEMMA | {
        "rope_parameters": {
            "full_attention": {"rope_type": "default", "rope_theta": 7e5},
            "sliding_attention": {"rope_type": "default", "rope_theta": 900.0},
        },
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    }
    assert numbers(old) == numbers(new)
    assert numbers(old)["rope.freq_base_swa"] == 900.0
    assert numbers(old)["attention.sliding_window_pattern"] == (True, False, True)


def test_what_config_json_leaves_out_is_what_transformers_assumes() -> None:
    short = {k: v for k, v in LLAMA.items() if k != "num_key_value_heads"}
    assert numbers(short)["attention.head_count_kv"] == 4
    assert numbers(short)["attention.key_length"] == 16
    gemma = {
        k: v
        for k, v in GEMMA.items()
        if k not in ("head_dim", "query_pre_attn_scalar", "vocab_size", "sliding_window")
    }
    found = numbers(gemma)
    assert found["attention.key_length"] == 256
    assert found["vocab_size"] == 262_208
    assert found["rope.freq_base"] == 1e6
    assert found["rope.freq_base_swa"] == 1e4
    assert read_folder_config(gemma).tied
    assert not read_folder_config(LLAMA).tied


def test_a_pattern_that_is_the_usual_one_is_not_written() -> None:
    found = numbers(GEMMA | {"num_hidden_layers": 12})
    assert "attention.sliding_window_pattern" not in found
    assert found["attention.sliding_window"] == 64
    types = ["full_attention"] * 3
    assert "attention.sliding_window" not in numbers(GEMMA | {"layer_types": types})


@pytest.mark.usefixtures("tiny_folder")  # transformers is imported by then
def test_llama3_frequencies_are_transformers() -> None:
    import transformers as hf
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    settings = {
        "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192, "rope_theta": 500_000.0,
    }  # fmt: skip
    theirs = hf.LlamaConfig(hidden_size=2048, num_attention_heads=32, rope_parameters=settings)
    frequencies, _ = ROPE_INIT_FUNCTIONS["llama3"](theirs, "cpu")
    ours = rope_frequencies(
        read_folder_config(LLAMA | {"head_dim": 64, "rope_parameters": settings})
    )
    assert ours is not None
    plain = 500_000.0 ** (-np.arange(0, 64, 2) / 64)
    np.testing.assert_allclose(plain / ours, frequencies.numpy(), rtol=1e-5)
    assert ours[0] == 1.0
    assert ours[-1] == 32.0
    assert rope_frequencies(read_folder_config(LLAMA)) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rope_scaling": {"type": "yarn", "factor": 4.0}}, "rope type 'yarn' cannot be carried"),
        ({"rope_scaling": {"type": "dynamic", "factor": 4.0}}, "rope type 'dynamic'"),
        ({"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}}, "a part of"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor is 0.5"),
        ({"num_local_experts": 8}, "num_local_experts is 8"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantization_config is"),
        ({"hidden_act": "gelu"}, "the activation is 'gelu'"),
        ({"is_causal": False}, "is_causal is False"),
        ({"rope_theta": -1}, "rope_theta is '-1', not a number above zero"),
        ({"rope_theta": "big"}, "rope_theta is 'big', not a number"),
        ({"rope_theta": math.inf}, "not a number above zero"),
        ({"rope_scaling": []}, None),
        ({"rope_scaling": [1]}, "the rope settings are no object"),
        ({"num_hidden_layers": "3"}, "num_hidden_layers is '3', not a count"),
        ({"hidden_size": None}, "hidden_size is 'None', not a count"),
        ({"vocab_size": True}, "vocab_size is 'True', not a count"),
        ({"rms_norm_eps": 0}, "rms_norm_eps"),
        ({"architectures": ["BertModel"]}, "names BertModel"),
        ({"architectures": "LlamaForCausalLM"}, "not a list"),
        ({"architectures": None}, "names nothing"),
    ],
)
def test_what_the_engine_lacks_is_refused(changes: dict[str, Any], message: str | None) -> None:
    if message is None:
        assert numbers(LLAMA | changes) == numbers(LLAMA)
        return
    with pytest.raises(FormatError, match=message):
        numbers(LLAMA | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"query_pre_attn_scalar": 24}, "query_pre_attn_scalar is 24 and the engine uses 16"),
        ({"attn_logit_softcapping": 50.0}, "attn_logit_softcapping is 50"),
        ({"use_bidirectional_attention": True}, "use_bidirectional_attention is True"),
        ({"layer_types": ["full_attention"]}, "1 layer_types for 3 layers"),
        ({"layer_types": ["full_attention", "chunked", {}]}, "layer_types"),
        ({"sliding_window_pattern": 0}, "sliding_window_pattern is '0'"),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "'llama3' cannot be carried"),
        (
            {"rope_parameters": {"sliding_attention": {"rope_type": "linear", "factor": 2.0}}},
            "sliding layers scale positions",
        ),
    ],
)
def test_what_the_engines_gemma_lacks_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        numbers(GEMMA | changes)


def test_the_largest_gemma_has_its_own_attention_scale() -> None:
    big = GEMMA | {"num_hidden_layers": 62, "head_dim": 128, "query_pre_attn_scalar": 16}
    assert numbers(big)["attention.key_length"] == 128
    with pytest.raises(FormatError, match="the engine uses 16"):
        numbers(big | {"query_pre_attn_scalar": 128})


SMOLLM3: dict[str, Any] = {
    "architectures": ["SmolLM3ForCausalLM"], "hidden_size": 64, "num_hidden_layers": 5,
    "num_attention_heads": 4, "intermediate_size": 96, "vocab_size": 300,
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "sound"),
    [
        ({}, True),
        ({"no_rope_layer_interval": 4}, True),
        ({"no_rope_layers": [1, 1, 1, 0, 1]}, True),
        ({"no_rope_layers": [1, 1, 1, 0, 1], "no_rope_layer_interval": 9}, True),
        ({"no_rope_layer_interval": 2}, False),
        ({"no_rope_layers": [1, 1, 1, 1, 1]}, False),
        ({"no_rope_layers": [1, 1, 1, 0]}, False),
        ({"no_rope_layers": "all"}, False),
    ],
)
def test_layers_without_positions_are_those_the_engine_has(
    more: dict[str, Any], sound: bool
) -> None:
    if sound:
        assert read_folder_config(SMOLLM3 | more).tied
        return
    with pytest.raises(FormatError, match="other layers than every 4th do without positions"):
        read_folder_config(SMOLLM3 | more)


@pytest.mark.parametrize("key", ["attention_bias", "mlp_bias", "use_sliding_window"])
def test_what_the_engines_smollm3_lacks_is_refused(key: str) -> None:
    with pytest.raises(FormatError, match=f"{key} is True"):
        read_folder_config(SMOLLM3 | {key: True})


@pytest.mark.parametrize(("window", "context"), [(None, 512), (64, 64), (512, 512), (4096, 512)])
def test_mistrals_window_bounds_what_is_read(window: int | None, context: int) -> None:
    told = LLAMA | {"max_position_embeddings": 512, "sliding_window": window}
    for name in ("MistralForCausalLM", "LlamaForCausalLM"):
        found = metadata_of(read_folder_config(told | {"architectures": [name]}), "m")
        assert found["llama.context_length"].plain == context


@pytest.mark.parametrize("window", [0, -1, "wide", 1.5, True])
def test_a_window_that_is_none_is_refused(window: Any) -> None:
    with pytest.raises(FormatError, match="sliding_window is"):
        read_folder_config(LLAMA | {"sliding_window": window})


@pytest.mark.parametrize("key", ["attn_logit_softcapping", "final_logit_softcapping"])
def test_gemma2_has_both_caps_or_is_refused(key: str) -> None:
    gemma2 = {k: v for k, v in GEMMA.items() if k != "architectures"}
    gemma2 |= {"architectures": ["Gemma2ForCausalLM"], "rope_theta": 10_000.0}
    usual = {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0}
    found = metadata_of(read_folder_config(gemma2), "m")
    assert {name: found[f"gemma2.{name}"].plain for name in usual} == usual
    assert metadata_of(read_folder_config(gemma2 | {key: 7}), "m")[f"gemma2.{key}"].plain == 7
    for off in (None, 0):
        with pytest.raises(FormatError, match=f"{key} is off, and the engine's gemma2 always"):
            read_folder_config(gemma2 | {key: off})
