"""Tiny GGUFs of many architectures: the engine's metadata keys and tensor shapes, random weights.

What each needs stands here as data, from llama.cpp's `src/models/*.cpp`; the engine refuses a file
that lacks anything. Vocabulary: bytes. Nothing of Penjing's own families is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tiny

from penjing.bundle.codecs import codec
from penjing.bundle.gguf_values import Value, ValueKind
from penjing.bundle.gguf_writer import OutTensor, write_gguf
from penjing.ggml.quantize import quantize

H, HEADS, KV, HEAD, F = 64, 4, 2, 16, 256
Q, K = HEADS * HEAD, KV * HEAD
E, FE = 4, 64
"""Width, heads, heads of keys, width of a head, inner width; experts and their inner width."""
INNER, STATE, GROUPS, CONV, RANK = 128, 16, 2, 4, 8
"""Of state spaces: width, state, groups, kernel, heads or rank of the time step."""

Shapes = Mapping[str, tuple[int, ...]]

NORMS: Shapes = {"attn_norm": (H,), "ffn_norm": (H,)}
POST: Shapes = {"post_attention_norm": (H,), "post_ffw_norm": (H,)}
ATTENTION: Shapes = {
    "attn_q": (Q, H), "attn_k": (K, H), "attn_v": (K, H), "attn_output": (H, Q),
}  # fmt: skip
FUSED: Shapes = {"attn_qkv": (Q + 2 * K, H), "attn_output": (H, Q)}
HEAD_NORMS: Shapes = {"attn_q_norm": (HEAD,), "attn_k_norm": (HEAD,)}
FFN: Shapes = {"ffn_gate": (F, H), "ffn_up": (F, H), "ffn_down": (H, F)}
EXPERTS: Shapes = {
    "ffn_gate_inp": (E, H), "ffn_gate_exps": (E, FE, H), "ffn_up_exps": (E, FE, H),
    "ffn_down_exps": (E, H, FE),
}  # fmt: skip
MAMBA: Shapes = {
    "attn_norm": (H,), "ssm_in": (2 * INNER, H), "ssm_conv1d": (INNER, CONV),
    "ssm_conv1d.bias": (INNER,), "ssm_x": (RANK + 2 * STATE, INNER), "ssm_dt": (INNER, RANK),
    "ssm_dt.bias": (INNER,), "ssm_a.": (INNER, STATE), "ssm_d.": (INNER,), "ssm_out": (H, INNER),
}  # fmt: skip
_WIDE = INNER + 2 * GROUPS * STATE
MAMBA2: Shapes = {
    "ssm_in": (INNER + _WIDE + RANK, H), "ssm_conv1d": (_WIDE, CONV), "ssm_conv1d.bias": (_WIDE,),
    "ssm_dt.bias": (RANK,), "ssm_a.": (RANK, 1), "ssm_d.": (RANK, 1),
    "ssm_norm": (GROUPS, INNER // GROUPS), "ssm_out": (H, INNER),
}  # fmt: skip
SHORT: Shapes = {
    "shortconv.conv": (H, 3), "shortconv.in_proj": (3 * H, H), "shortconv.out_proj": (H, H),
}  # fmt: skip
NORMED = {"attention.layer_norm_rms_epsilon": 1e-5}
LAYER_NORMED = {"attention.layer_norm_epsilon": 1e-5}
ROUTED = {"expert_count": E, "expert_used_count": 2, "expert_feed_forward_length": FE}
SPACES = {
    "ssm.conv_kernel": CONV, "ssm.inner_size": INNER, "ssm.state_size": STATE,
    "ssm.time_step_rank": RANK, "ssm.group_count": GROUPS,
}  # fmt: skip
WINDOW = {"attention.sliding_window": 8}


def biases(shapes: Shapes) -> Shapes:
    """A bias beside every weight."""
    return {f"{name}.bias": (*shape[:-2], shape[-2]) if len(shape) > 1 else shape
            for name, shape in shapes.items()}  # fmt: skip


QKV_BIASES = biases({name: ATTENTION[name] for name in ("attn_q", "attn_k", "attn_v")})
LATENT = {
    "attention.q_lora_rank": 0, "attention.kv_lora_rank": 32, "attention.key_length": 40,
    "attention.value_length": 32, "attention.key_length_mla": 40, "attention.value_length_mla": 16,
    "attention.head_count_kv": 1, "rope.dimension_count": 8, "leading_dense_block_count": 2,
    "expert_shared_count": 1, "expert_weights_scale": 1.0,
}  # fmt: skip
"""Of attention whose keys and values are made from one small vector."""


@dataclass(frozen=True)
class Family:
    """What a file of one architecture holds."""

    layers: tuple[Shapes, ...]
    """Tensors of each layer; ".weight" unless a suffix stands there (a dot alone: none)."""
    numbers: Mapping[str, Any] = field(default_factory=lambda: NORMED)
    """Keys beside the usual ones."""
    ends: Shapes = field(default_factory=lambda: {"output_norm": (H,)})
    """Tensors beside the embedding."""
    tied: bool = True
    """Whether the embedding is the head."""
    coded: Mapping[str, str] = field(default_factory=dict)
    """Codec of what is neither F16 nor, as a vector, F32; by the part of a layer's tensor."""


def _same(*parts: Shapes, **more: Any) -> Family:
    whole = {name: shape for part in parts for name, shape in part.items()}
    return Family((whole, whole), **more)


_GPT_OSS = {**ATTENTION, **EXPERTS}
_STAR = {**ATTENTION, "ffn_up": (F, H), "ffn_down": (H, F), **NORMS}

FAMILIES: Mapping[str, Family] = {
    "smollm3": _same(NORMS, ATTENTION, FFN),
    "granite": _same(NORMS, ATTENTION, FFN, numbers={**NORMED, "attention.scale": 0.2,
                     "embedding_scale": 2.5, "residual_scale": 0.6, "logit_scale": 0.7}),
    "phi3": _same(NORMS, FUSED, {"ffn_up": (2 * F, H), "ffn_down": (H, F)}, tied=False,
                  numbers=NORMED | WINDOW),
    "gemma2": _same(NORMS, ATTENTION, FFN, POST, numbers=NORMED | WINDOW),
    "gemma3": _same(NORMS, ATTENTION, FFN, POST, HEAD_NORMS, numbers=NORMED | WINDOW),
    "qwen3": _same(NORMS, ATTENTION, FFN, HEAD_NORMS),
    "qwen3moe": _same(NORMS, ATTENTION, EXPERTS, HEAD_NORMS, numbers=NORMED | ROUTED, tied=False),
    "lfm2": Family(
        ({**NORMS, **SHORT, **FFN}, {**NORMS, **ATTENTION, **HEAD_NORMS, **FFN}),
        numbers=NORMED | {"shortconv.l_cache": 3, "attention.head_count_kv": (0, KV)},
        ends={"token_embd_norm": (H,)},
    ),
    "olmo2": _same(ATTENTION, FFN, POST, {"attn_q_norm": (Q,), "attn_k_norm": (K,)}, tied=False),
    "exaone4": _same(ATTENTION, FFN, POST, HEAD_NORMS),
    "glm4": _same(NORMS, POST, ATTENTION, QKV_BIASES,
                  {"ffn_up": (2 * F, H), "ffn_down": (H, F)}, tied=False),
    "gpt-oss": _same(
        _GPT_OSS, biases(_GPT_OSS), {"attn_norm": (H,), "post_attention_norm": (H,)},
        {"attn_sinks": (HEADS,)}, numbers=NORMED | ROUTED | WINDOW, tied=False,
        coded={"_exps.weight": "MXFP4"},
    ),
    "falcon-h1": _same({"attn_norm": (H,), "ffn_norm.": (H,)}, ATTENTION, MAMBA2, FFN,
                       numbers=NORMED | SPACES),
    "mamba": _same(MAMBA, numbers=NORMED | SPACES),
    "mamba2": _same({"attn_norm": (H,)}, MAMBA2, numbers=NORMED | SPACES),
    "starcoder2": _same(_STAR, biases(_STAR), numbers=LAYER_NORMED,
                        ends={"output_norm": (H,), "output_norm.bias": (H,)}),
    "cohere2": _same({"attn_norm": (H,)}, ATTENTION, FFN,
                     numbers=LAYER_NORMED | WINDOW | {"logit_scale": 0.5}),
    "internlm2": _same(NORMS, ATTENTION, FFN, tied=False),
    "ernie4_5": _same(NORMS, ATTENTION, FFN),
    "minicpm": _same(NORMS, ATTENTION, FFN),
    "olmoe": _same(
        NORMS, dict.fromkeys(ATTENTION, (H, H)), EXPERTS,
        {"attn_q_norm": (Q,), "attn_k_norm": (Q,)}, tied=False,
        numbers=NORMED | ROUTED | {"attention.head_count_kv": HEADS, "feed_forward_length": FE},
    ),
    "granitehybrid": Family(
        ({**NORMS, **MAMBA2, **FFN}, {**NORMS, **ATTENTION, **FFN}),
        numbers=NORMED | SPACES | {"attention.head_count_kv": (0, KV)},
    ),
    "qwen2moe": _same(
        NORMS, ATTENTION, EXPERTS, QKV_BIASES,
        {"ffn_gate_inp_shexp": (H,), "ffn_gate_shexp": (F, H), "ffn_up_shexp": (F, H),
         "ffn_down_shexp": (H, F)}, numbers=NORMED | ROUTED, tied=False,
    ),
    "deepseek2": _same(
        NORMS, FFN, {"attn_q": (HEADS * 40, H), "attn_kv_a_mqa": (32 + 8, H),
                     "attn_kv_a_norm": (32,), "attn_k_b": (HEADS, 32, 32),
                     "attn_v_b": (HEADS, 16, 32), "attn_output": (H, HEADS * 16)},
        numbers=NORMED | ROUTED | LATENT,
    ),
    "gemma4": _same(
        NORMS, ATTENTION, FFN, POST, HEAD_NORMS, {"inp_gate": (32, H), "proj": (H, 32)},
        {"post_norm": (H,), "layer_output_scale": (1,)},
        numbers=NORMED | WINDOW | {
            "attention.sliding_window_pattern": (1, 0), "attention.key_length_swa": HEAD,
            "attention.value_length_swa": HEAD, "embedding_length_per_layer_input": 32,
        },
        ends={"output_norm": (H,), "per_layer_token_embd": (260, 64),
              "per_layer_model_proj": (64, H), "per_layer_proj_norm": (32,),
              "rope_freqs": (HEAD // 2,)},
    ),
    "qwen35": Family(
        (
            {**FFN, "attn_norm": (H,), "post_attention_norm": (H,), "attn_qkv": (2 * 32 + 64, H),
             "attn_gate": (64, H), "ssm_conv1d": (2 * 32 + 64, CONV), "ssm_dt.bias": (4,),
             "ssm_a.": (4,), "ssm_beta": (4, H), "ssm_alpha": (4, H), "ssm_norm": (STATE,),
             "ssm_out": (H, 64)},
            {**FFN, **ATTENTION, **HEAD_NORMS, "attn_q": (2 * Q, H), "attn_norm": (H,),
             "post_attention_norm": (H,)},
        ),
        numbers=NORMED | SPACES | {
            "ssm.inner_size": 64, "ssm.time_step_rank": 4, "full_attention_interval": 2,
            "rope.dimension_sections": (4, 2, 2, 0),
        },
    ),
}  # fmt: skip
"""By the engine's name."""


def write(path: Path, name: str, *, seed: int = 0) -> Path:
    """A file of the family with random weights."""
    family, noise = FAMILIES[name], np.random.default_rng(seed)
    metadata = _numbers(name, family) | tiny._byte_tokenizer(0)
    vocab = len(metadata["tokenizer.ggml.tokens"].data)
    shapes = {"token_embd": (vocab, H), **family.ends}
    shapes |= {} if family.tied else {"output": (vocab, H)}
    for layer, tensors in enumerate(family.layers):
        shapes |= {f"blk.{layer}.{stem}": shape for stem, shape in tensors.items()}
    write_gguf(path, metadata, [_tensor(stem, s, family, noise) for stem, s in shapes.items()])
    return path


def _tensor(
    stem: str, shape: tuple[int, ...], family: Family, noise: np.random.Generator
) -> OutTensor:
    bare = stem.rpartition(".")[2] in ("", "bias")
    name = stem.rstrip(".") if bare else f"{stem}.weight"
    matrix = len(shape) > 1 and not bare and "conv" not in stem and "norm" not in stem
    kind = codec(next((c for part, c in family.coded.items() if part in name), "F16"))
    kind = kind if matrix and "gate_inp" not in stem else codec("F32")
    weights = noise.normal(0, 0.12, shape) + (1.0 if "norm" in stem and not bare else 0.0)
    weights = -np.abs(weights) if "ssm_a" in stem else weights
    return OutTensor(name, shape, kind, lambda: quantize(kind, weights.astype(np.float32)))


def _numbers(name: str, family: Family) -> dict[str, Value]:
    numbers: dict[str, Any] = {
        "block_count": len(family.layers), "context_length": 512, "embedding_length": H,
        "feed_forward_length": F, "attention.head_count": HEADS, "attention.head_count_kv": KV,
        "attention.key_length": HEAD, "attention.value_length": HEAD,
        "rope.dimension_count": HEAD, "rope.freq_base": 10000.0, **family.numbers,
    }  # fmt: skip
    out = {"general.architecture": Value.text(name), "general.name": Value.text("tiny")}
    return out | {f"{name}.{key}": _value(number) for key, number in numbers.items()}


def _value(number: Any) -> Value:
    if isinstance(number, tuple):
        return Value.array(ValueKind.INT32, number)
    return Value(ValueKind.FLOAT32 if isinstance(number, float) else ValueKind.UINT32, number)
