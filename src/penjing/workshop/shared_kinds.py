"""Tensors and shared inputs that most families have, for `architectures.py` to put together.

Must not know files, torch or numpy.
"""

from __future__ import annotations

from typing import Any

from penjing.workshop.hyperparameters import Size
from penjing.workshop.kinds import InputGroup, TensorKind, Transform


def layer(
    name: str, hf: str, *shape: Size, transform: Transform = "none", optional: bool = False
) -> TensorKind:
    return TensorKind(
        name, "model.layers.{layer}." + hf, shape, transform=transform, optional=optional
    )


def norms(transform: Transform = "none") -> tuple[TensorKind, ...]:
    return (
        layer("attn_q_norm.weight", "self_attn.q_norm.weight", "head", transform=transform),
        layer("attn_k_norm.weight", "self_attn.k_norm.weight", "head", transform=transform),
    )


EMBEDDING = TensorKind("token_embd.weight", "model.embed_tokens.weight", ("vocab", "hidden"), False)
OUTPUT_NORM = TensorKind("output_norm.weight", "model.norm.weight", ("hidden",), False)
OUTPUT = TensorKind("output.weight", "lm_head.weight", ("vocab", "hidden"), False, optional=True)
ROPE_FREQS = TensorKind("rope_freqs.weight", "", ("half_head",), False, optional=True)
ENDS = (EMBEDDING, OUTPUT_NORM, OUTPUT)

ATTN_NORM = layer("attn_norm.weight", "input_layernorm.weight", "hidden")
FFN_NORM = layer("ffn_norm.weight", "post_attention_layernorm.weight", "hidden")
QUERIES = layer("attn_q.weight", "self_attn.q_proj.weight", "queries", "hidden")
KEYS = layer("attn_k.weight", "self_attn.k_proj.weight", "keys", "hidden")
VALUES = layer("attn_v.weight", "self_attn.v_proj.weight", "keys", "hidden")
ATTN_OUTPUT = layer("attn_output.weight", "self_attn.o_proj.weight", "hidden", "queries")
FFN = (
    layer("ffn_gate.weight", "mlp.gate_proj.weight", "ffn", "hidden"),
    layer("ffn_up.weight", "mlp.up_proj.weight", "ffn", "hidden"),
    layer("ffn_down.weight", "mlp.down_proj.weight", "hidden", "ffn"),
)
GROUPS = (
    InputGroup(
        "attention", ("attn_q.weight", "attn_k.weight", "attn_v.weight"), "attn_norm.weight"
    ),
    InputGroup("attention_output", ("attn_output.weight",), "attn_v.weight"),
    InputGroup("ffn", ("ffn_gate.weight", "ffn_up.weight"), "ffn_norm.weight"),
    InputGroup("ffn_down", ("ffn_down.weight",), "ffn_up.weight"),
    InputGroup("head", ("output.weight",), "output_norm.weight"),
)

NO_EXPERTS: dict[str, tuple[Any, ...]] = {
    "num_local_experts": (None, 0),
    "num_experts": (None, 0),
    "quantization_config": (None,),
    "is_causal": (None, True),
    "partial_rotary_factor": (None, 1, 1.0),
}
