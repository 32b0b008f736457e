"""What is known of each model family, as data: names, shapes, layout and what shares an input.

To add a family, add one `Architecture` to `ARCHITECTURES` and its file in llama.cpp to read is
`src/models/<name>.cpp` (what the engine expects) and `conversion/*.py` (how Hugging Face's differ).
Must not know files, torch or numpy. Canonical form is the engine's: GGUF tensor names and layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from penjing.workshop.config_keys import ConfigKey
from penjing.workshop.kinds import (
    Activation,
    Architecture,
    InputGroup,
    NoForwardPass,
    Rope,
    TensorKind,
    Transform,
)
from penjing.workshop.shared_kinds import (
    ATTN_NORM,
    ATTN_OUTPUT,
    EMBEDDING,
    ENDS,
    FFN,
    FFN_NORM,
    GROUPS,
    KEYS,
    NO_EXPERTS,
    OUTPUT,
    OUTPUT_NORM,
    QUERIES,
    ROPE_FREQS,
    VALUES,
    layer,
    norms,
)

__all__ = [
    "ARCHITECTURES", "UNEVEN", "Activation", "Architecture", "InputGroup", "NoForwardPass", "Rope",
    "TensorKind", "Transform", "architecture",
]  # fmt: skip


_LLAMA = Architecture(
    name="llama",
    hf_classes=("LlamaForCausalLM", "MistralForCausalLM"),
    tensors=(
        *ENDS,
        ROPE_FREQS,
        ATTN_NORM,
        layer(
            "attn_q.weight", "self_attn.q_proj.weight", "queries", "hidden",
            transform="interleave_queries",
        ),
        layer(
            "attn_k.weight", "self_attn.k_proj.weight", "keys", "hidden",
            transform="interleave_keys",
        ),
        VALUES,
        ATTN_OUTPUT,
        layer(
            "attn_q.bias", "self_attn.q_proj.bias", "queries",
            transform="interleave_queries", optional=True,
        ),
        layer(
            "attn_k.bias", "self_attn.k_proj.bias", "keys",
            transform="interleave_keys", optional=True,
        ),
        layer("attn_v.bias", "self_attn.v_proj.bias", "keys", optional=True),
        layer("attn_output.bias", "self_attn.o_proj.bias", "hidden", optional=True),
        FFN_NORM,
        *FFN,
        layer("ffn_gate.bias", "mlp.gate_proj.bias", "ffn", optional=True),
        layer("ffn_up.bias", "mlp.up_proj.bias", "ffn", optional=True),
        layer("ffn_down.bias", "mlp.down_proj.bias", "hidden", optional=True),
    ),
    rope="interleaved",
    activation="silu",
    hf_activations=("silu",),
    groups=GROUPS,
    config_defaults={"rms_norm_eps": 1e-6, "max_position_embeddings": 2048},
    must_be=NO_EXPERTS,
    rope_types=("default", "linear", "llama3"),
)  # fmt: skip

_DECI = replace(
    _LLAMA,
    name="deci",
    hf_classes=(),
    uneven=True,
)
"""What the engine runs a llama model as whose layers differ, or lack a half; pruning makes them."""

_SMOLLM3 = replace(
    _LLAMA,
    name="smollm3",
    hf_classes=("SmolLM3ForCausalLM",),
    tensors=tuple(
        kind for kind in _LLAMA.tensors if kind.hf and not kind.name.endswith(".bias")
    ),
    tied=True,
    unrotated_every=4,
    config_defaults={
        "rms_norm_eps": 1e-6, "max_position_embeddings": 32768, "rope_theta": 2_000_000.0,
    },
    must_be=NO_EXPERTS
    | dict.fromkeys(("use_sliding_window", "attention_bias", "mlp_bias"), (None, False)),
    rope_types=("default", "linear"),
)  # fmt: skip

_GRANITE = replace(
    _LLAMA,
    name="granite",
    hf_classes=("GraniteForCausalLM",),
    tensors=tuple(kind for kind in _LLAMA.tensors if kind.hf),
    tied=True,
    numbers=(
        ConfigKey("attention_multiplier", ("attention.scale",), real=True),
        ConfigKey("embedding_multiplier", ("embedding_scale",), real=True),
        ConfigKey("residual_multiplier", ("residual_scale",), real=True),
        ConfigKey("logits_scaling", ("logit_scale",), real=True),
    ),
    config_defaults={
        "rms_norm_eps": 1e-6, "max_position_embeddings": 2048, "attention_multiplier": 1.0,
        "embedding_multiplier": 1.0, "residual_multiplier": 1.0, "logits_scaling": 1.0,
    },
    must_be=NO_EXPERTS,
    rope_types=("default", "linear"),
)  # fmt: skip

_QWEN2 = Architecture(
    name="qwen2",
    hf_classes=("Qwen2ForCausalLM",),
    tensors=(
        *ENDS,
        ATTN_NORM,
        # the engine wants queries as wide as the residual stream
        layer("attn_q.weight", "self_attn.q_proj.weight", "hidden", "hidden"),
        KEYS,
        VALUES,
        layer("attn_output.weight", "self_attn.o_proj.weight", "hidden", "hidden"),
        layer("attn_q.bias", "self_attn.q_proj.bias", "hidden"),
        layer("attn_k.bias", "self_attn.k_proj.bias", "keys"),
        layer("attn_v.bias", "self_attn.v_proj.bias", "keys"),
        FFN_NORM,
        *FFN,
    ),
    rope="halves",
    activation="silu",
    hf_activations=("silu",),
    groups=GROUPS,
    config_defaults={"rms_norm_eps": 1e-6, "max_position_embeddings": 32768},
    must_be={**NO_EXPERTS, "use_sliding_window": (None, False)},
)

_QWEN3 = Architecture(
    name="qwen3",
    hf_classes=("Qwen3ForCausalLM",),
    tensors=(
        *ENDS,
        ATTN_NORM,
        QUERIES,
        KEYS,
        VALUES,
        ATTN_OUTPUT,
        *norms(),
        layer("attn_q.bias", "self_attn.q_proj.bias", "queries", optional=True),
        layer("attn_k.bias", "self_attn.k_proj.bias", "keys", optional=True),
        layer("attn_v.bias", "self_attn.v_proj.bias", "keys", optional=True),
        FFN_NORM,
        *FFN,
    ),
    rope="halves",
    activation="silu",
    hf_activations=("silu",),
    groups=GROUPS,
    config_defaults={"rms_norm_eps": 1e-6, "max_position_embeddings": 32768, "head_dim": 128},
    must_be={**NO_EXPERTS, "use_sliding_window": (None, False)},
)

_PHI3 = Architecture(
    name="phi3",
    hf_classes=("Phi3ForCausalLM",),
    tensors=(
        *ENDS,
        TensorKind("rope_factors_long.weight", "", ("half_rotary",), False, optional=True),
        TensorKind("rope_factors_short.weight", "", ("half_rotary",), False, optional=True),
        ATTN_NORM,
        layer("attn_qkv.weight", "self_attn.qkv_proj.weight", "qkv", "hidden"),
        # the engine wants queries as wide as the residual stream
        layer("attn_output.weight", "self_attn.o_proj.weight", "hidden", "hidden"),
        FFN_NORM,
        layer("ffn_up.weight", "mlp.gate_up_proj.weight", "gate_up", "hidden"),
        layer("ffn_down.weight", "mlp.down_proj.weight", "hidden", "ffn"),
    ),
    rope="halves",
    activation="silu",
    hf_activations=("silu",),
    groups=(
        InputGroup("attention", ("attn_qkv.weight",), "attn_norm.weight"),
        InputGroup("attention_output", ("attn_output.weight",), ""),
        InputGroup("ffn", ("ffn_up.weight",), "ffn_norm.weight"),
        InputGroup("ffn_down", ("ffn_down.weight",), ""),
        GROUPS[-1],
    ),
    fused=True,
    partial_rotary=True,
    config_defaults={"rms_norm_eps": 1e-5, "max_position_embeddings": 4096},
    must_be={
        **{key: values for key, values in NO_EXPERTS.items() if key != "partial_rotary_factor"},
        "attention_bias": (None, False),
    },
    rope_types=("default", "linear", "longrope"),
)

_GEMMA3 = Architecture(
    name="gemma3",
    hf_classes=("Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"),
    tensors=(
        EMBEDDING,
        TensorKind("output_norm.weight", "model.norm.weight", ("hidden",), False, "add_one"),
        OUTPUT,
        layer("attn_norm.weight", "input_layernorm.weight", "hidden", transform="add_one"),
        QUERIES,
        KEYS,
        VALUES,
        ATTN_OUTPUT,
        *norms("add_one"),
        layer(
            "post_attention_norm.weight", "post_attention_layernorm.weight", "hidden",
            transform="add_one",
        ),
        layer(
            "ffn_norm.weight", "pre_feedforward_layernorm.weight", "hidden", transform="add_one"
        ),
        *FFN,
        layer(
            "post_ffw_norm.weight", "post_feedforward_layernorm.weight", "hidden",
            transform="add_one",
        ),
    ),
    rope="halves",
    activation="gelu_tanh",
    hf_activations=("gelu_pytorch_tanh",),
    groups=GROUPS,
    scaled_embedding=True,
    tied=True,
    local_rope=True,
    window_every=6,
    config_defaults={
        "rms_norm_eps": 1e-6, "max_position_embeddings": 131072, "head_dim": 256,
        "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 262208,
        "sliding_window": 4096, "rope_theta": 1_000_000.0, "rope_local_base_freq": 10_000.0,
        "query_pre_attn_scalar": 256, "hidden_activation": "gelu_pytorch_tanh",
    },
    must_be={
        **NO_EXPERTS,
        "attn_logit_softcapping": (None,),
        "attention_bias": (None, False),
        "use_bidirectional_attention": (None, False),
    },
    odd_scale_layers=62,
    rowless=("<image_soft_token>",),
    hf_renames=(("model.language_model.", "model."), ("language_model.", "")),
    hf_ignored=(
        "vision_tower.", "multi_modal_projector.",
        "model.vision_tower.", "model.multi_modal_projector.",
    ),
)  # fmt: skip

_GEMMA2 = replace(
    _GEMMA3,
    name="gemma2",
    hf_classes=("Gemma2ForCausalLM",),
    tensors=tuple(
        kind
        for kind in _GEMMA3.tensors
        if kind.name not in ("attn_q_norm.weight", "attn_k_norm.weight", "output.weight")
    ),
    groups=GROUPS[:-1],  # the head is the embedding, always
    local_rope=False,
    window_every=2,
    config_defaults={
        "rms_norm_eps": 1e-6, "max_position_embeddings": 8192, "head_dim": 256,
        "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 256000,
        "sliding_window": 4096, "rope_theta": 10_000.0, "query_pre_attn_scalar": 256,
        "hidden_activation": "gelu_pytorch_tanh",
    },
    must_be={
        **NO_EXPERTS,
        "attention_bias": (None, False),
        "use_bidirectional_attention": (None, False),
    },
    softcaps={"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0},
    odd_scale_layers=46,
    rowless=(),
    hf_renames=(),
    hf_ignored=(),
)  # fmt: skip

_OLMO2 = replace(
    _QWEN2,
    name="olmo2",
    hf_classes=("Olmo2ForCausalLM",),
    tensors=(
        EMBEDDING,
        OUTPUT_NORM,
        replace(OUTPUT, optional=False),
        # the engine wants queries as wide as the residual stream
        layer("attn_q.weight", "self_attn.q_proj.weight", "hidden", "hidden"),
        KEYS,
        VALUES,
        layer("attn_output.weight", "self_attn.o_proj.weight", "hidden", "hidden"),
        # over all heads at once, before they are told apart
        layer("attn_q_norm.weight", "self_attn.q_norm.weight", "hidden"),
        layer("attn_k_norm.weight", "self_attn.k_norm.weight", "keys"),
        layer("post_attention_norm.weight", "post_attention_layernorm.weight", "hidden"),
        *FFN,
        layer("post_ffw_norm.weight", "post_feedforward_layernorm.weight", "hidden"),
    ),
    # what a half reads is the residual stream as it is: no norm makes it
    groups=tuple(
        replace(group, producer="") if group.name in ("attention", "ffn") else group
        for group in GROUPS
    ),
    config_defaults={
        "rms_norm_eps": 1e-5, "max_position_embeddings": 2048, "rope_theta": 10_000.0,
    },
    must_be=NO_EXPERTS
    | {"attention_bias": (None, False), "tie_word_embeddings": (None, False)},
)  # fmt: skip

ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {
        each.name: each
        for each in (
            _LLAMA,
            _SMOLLM3,
            _GRANITE,
            _QWEN2,
            _QWEN3,
            _OLMO2,
            _PHI3,
            _GEMMA2,
            _GEMMA3,
        )
    }
)
"""Every family Penjing can take apart, by GGUF name."""

UNEVEN: Mapping[str, Architecture] = MappingProxyType({"llama": _DECI})
"""What a family becomes when its layers get widths of their own; the others must stay even."""


def architecture(name: str) -> Architecture:
    """The family a GGUF file names; NoForwardPass lists the known ones."""
    for uneven in UNEVEN.values():
        if name == uneven.name:
            return uneven
    if name not in ARCHITECTURES:
        raise NoForwardPass(
            f"architecture '{name[:80]}' is not one Penjing knows: use a model of "
            f"{', '.join(ARCHITECTURES)}"
        )
    return ARCHITECTURES[name]
