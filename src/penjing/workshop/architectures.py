"""What is known of each model family, as data: names, shapes, layout and what shares an input.

To add a family, add one `Architecture` to `ARCHITECTURES` and its file in llama.cpp to read is
`src/models/<name>.cpp` (what the engine expects) and `conversion/*.py` (how Hugging Face's differ).
Must not know files, torch or numpy. Canonical form is the engine's: GGUF tensor names and layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from penjing.core.errors import FormatError
from penjing.workshop.config_keys import ConfigKey
from penjing.workshop.hyperparameters import ModelConfig, Size

Transform = Literal["none", "interleave_queries", "interleave_keys", "add_one"]
"""How Hugging Face's tensor becomes the engine's.

interleave_*: the two halves of each head's rows are interleaved, because the engine rotates
neighbours where transformers rotates halves. add_one: the norm multiplies by (1 + weight).
"""

Rope = Literal["interleaved", "halves"]
Activation = Literal["silu", "gelu_tanh"]


@dataclass(frozen=True)
class TensorKind:
    """One kind of tensor: once per model, or once per layer."""

    name: str
    """GGUF name; of a layer's tensor what follows "blk.N."."""
    hf: str
    """Hugging Face's name with {layer}; "" when it has none."""
    shape: tuple[Size, ...]
    """numpy order: rows, then row length."""
    per_layer: bool = True
    """Whether every layer has one."""
    transform: Transform = "none"
    """From Hugging Face's layout to the engine's."""
    optional: bool = False
    """Whether a model may lack it."""

    @property
    def quantizable(self) -> bool:
        """Only matrices are; norms and biases stay F32."""
        return len(self.shape) == 2

    def gguf_name(self, layer: int = 0) -> str:
        """The tensor's name in a GGUF file."""
        return f"blk.{layer}.{self.name}" if self.per_layer else self.name

    def hf_name(self, layer: int = 0) -> str:
        """The tensor's name in a safetensors file."""
        return self.hf.format(layer=layer)

    def dimensions(self, config: ModelConfig) -> tuple[int, ...]:
        """Its shape in one model."""
        return tuple(config.size(side) for side in self.shape)


@dataclass(frozen=True)
class InputGroup:
    """Matrices that read the same input, and where a scale of that input could be hidden."""

    name: str
    """What to call it."""
    members: tuple[str, ...]
    """Tensor kinds that read it, columns = channels."""
    producer: str
    """Tensor kind that writes it: dividing its rows (or its norm's weights) divides the input."""


@dataclass(frozen=True)
class Architecture:
    """One model family."""

    name: str
    """general.architecture in a GGUF file."""
    hf_classes: tuple[str, ...]
    """Entries of "architectures" in config.json that are this family."""
    tensors: tuple[TensorKind, ...]
    """Every kind of tensor it may have, in the order an export writes them."""
    rope: Rope
    """Which numbers of a head the engine rotates together: neighbours, or one of each half."""
    activation: Activation
    """Between gate and down."""
    hf_activations: tuple[str, ...]
    """What config.json calls it."""
    groups: tuple[InputGroup, ...]
    """Which matrices share an input."""
    scaled_embedding: bool = False
    """Whether embeddings are multiplied by the root of their width."""
    tied: bool = False
    """Whether head and embedding are one when config.json does not say."""
    numbers: tuple[ConfigKey, ...] = ()
    """Hyper-parameters that other families do not have."""
    unrotated_every: int = 0
    """Every so many layers one does not rotate positions at all; 0: all do."""
    window_every: int = 0
    """Every so many layers one sees everything and the others slide; 0: none slides."""
    config_defaults: Mapping[str, Any] = field(default_factory=dict)
    """What transformers assumes of keys that config.json leaves out."""
    must_be: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """config.json keys the engine does not know, and the values under which that is harmless."""
    rope_types: tuple[str, ...] = ("default", "linear")
    """Rotary scalings that can be carried over."""
    odd_scale_layers: int = 0
    """A model of so many layers scales attention by the root of hidden / heads, not of the head."""
    hf_renames: tuple[tuple[str, str], ...] = ()
    """Beginnings of tensor names to replace: the text part of a model that also sees."""
    hf_ignored: tuple[str, ...] = ()
    """Beginnings of tensor names that are not the text part."""
    hf_computed: tuple[str, ...] = (
        ".rotary_emb.inv_freq", ".rotary_emb.original_inv_freq", ".rotary_emb.cos_cached",
        ".rotary_emb.sin_cached", ".masked_bias", ".position_ids",
    )  # fmt: skip
    """Endings of tensor names that old files store and everyone computes."""
    rowless: tuple[str, ...] = ()
    """Added tokens that its tokenizer has and a model without eyes has no row for."""

    def kind_of(self, name: str) -> TensorKind:
        """The kind of a GGUF tensor name; FormatError when the family has no such tensor."""
        stem = name
        if name.startswith("blk."):
            _, layer, stem = (*name.split(".", 2), "", "")[:3]
            if not layer.isascii() or not layer.isdigit():
                stem = ""
        for kind in self.tensors:
            if kind.name == stem and kind.per_layer == name.startswith("blk."):
                return kind
        raise FormatError(
            f"tensor '{name[:80]}' is not part of a {self.name} model Penjing knows: "
            "use another model (mixtures of experts and fused weights are not read)"
        )

    def expected(self, layers: int) -> Iterator[tuple[str, TensorKind, int]]:
        """(GGUF name, kind, layer) of every tensor a model of this family may have, in order."""
        for kind in self.tensors:
            if not kind.per_layer:
                yield kind.gguf_name(), kind, 0
        for layer in range(layers):
            for kind in self.tensors:
                if kind.per_layer:
                    yield kind.gguf_name(layer), kind, layer


def _layer(
    name: str, hf: str, *shape: Size, transform: Transform = "none", optional: bool = False
) -> TensorKind:
    return TensorKind(
        name, "model.layers.{layer}." + hf, shape, transform=transform, optional=optional
    )


def _norms(transform: Transform = "none") -> tuple[TensorKind, ...]:
    return (
        _layer("attn_q_norm.weight", "self_attn.q_norm.weight", "head", transform=transform),
        _layer("attn_k_norm.weight", "self_attn.k_norm.weight", "head", transform=transform),
    )


_EMBEDDING = TensorKind(
    "token_embd.weight", "model.embed_tokens.weight", ("vocab", "hidden"), False
)
_OUTPUT_NORM = TensorKind("output_norm.weight", "model.norm.weight", ("hidden",), False)
_OUTPUT = TensorKind("output.weight", "lm_head.weight", ("vocab", "hidden"), False, optional=True)
_ROPE_FREQS = TensorKind("rope_freqs.weight", "", ("half_head",), False, optional=True)
_ENDS = (_EMBEDDING, _OUTPUT_NORM, _OUTPUT)

_ATTN_NORM = _layer("attn_norm.weight", "input_layernorm.weight", "hidden")
_FFN_NORM = _layer("ffn_norm.weight", "post_attention_layernorm.weight", "hidden")
_Q = _layer("attn_q.weight", "self_attn.q_proj.weight", "queries", "hidden")
_K = _layer("attn_k.weight", "self_attn.k_proj.weight", "keys", "hidden")
_V = _layer("attn_v.weight", "self_attn.v_proj.weight", "keys", "hidden")
_O = _layer("attn_output.weight", "self_attn.o_proj.weight", "hidden", "queries")
_FFN = (
    _layer("ffn_gate.weight", "mlp.gate_proj.weight", "ffn", "hidden"),
    _layer("ffn_up.weight", "mlp.up_proj.weight", "ffn", "hidden"),
    _layer("ffn_down.weight", "mlp.down_proj.weight", "hidden", "ffn"),
)
_GROUPS = (
    InputGroup(
        "attention", ("attn_q.weight", "attn_k.weight", "attn_v.weight"), "attn_norm.weight"
    ),
    InputGroup("attention_output", ("attn_output.weight",), "attn_v.weight"),
    InputGroup("ffn", ("ffn_gate.weight", "ffn_up.weight"), "ffn_norm.weight"),
    InputGroup("ffn_down", ("ffn_down.weight",), "ffn_up.weight"),
    InputGroup("head", ("output.weight",), "output_norm.weight"),
)

_NO_EXPERTS: dict[str, tuple[Any, ...]] = {
    "num_local_experts": (None, 0),
    "num_experts": (None, 0),
    "quantization_config": (None,),
    "is_causal": (None, True),
    "partial_rotary_factor": (None, 1, 1.0),
}

_LLAMA = Architecture(
    name="llama",
    hf_classes=("LlamaForCausalLM", "MistralForCausalLM"),
    tensors=(
        *_ENDS,
        _ROPE_FREQS,
        _ATTN_NORM,
        _layer(
            "attn_q.weight", "self_attn.q_proj.weight", "queries", "hidden",
            transform="interleave_queries",
        ),
        _layer(
            "attn_k.weight", "self_attn.k_proj.weight", "keys", "hidden",
            transform="interleave_keys",
        ),
        _V,
        _O,
        _layer(
            "attn_q.bias", "self_attn.q_proj.bias", "queries",
            transform="interleave_queries", optional=True,
        ),
        _layer(
            "attn_k.bias", "self_attn.k_proj.bias", "keys",
            transform="interleave_keys", optional=True,
        ),
        _layer("attn_v.bias", "self_attn.v_proj.bias", "keys", optional=True),
        _layer("attn_output.bias", "self_attn.o_proj.bias", "hidden", optional=True),
        _FFN_NORM,
        *_FFN,
        _layer("ffn_gate.bias", "mlp.gate_proj.bias", "ffn", optional=True),
        _layer("ffn_up.bias", "mlp.up_proj.bias", "ffn", optional=True),
        _layer("ffn_down.bias", "mlp.down_proj.bias", "hidden", optional=True),
    ),
    rope="interleaved",
    activation="silu",
    hf_activations=("silu",),
    groups=_GROUPS,
    config_defaults={"rms_norm_eps": 1e-6, "max_position_embeddings": 2048},
    must_be=_NO_EXPERTS,
    rope_types=("default", "linear", "llama3"),
)  # fmt: skip

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
    must_be=_NO_EXPERTS
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
    must_be=_NO_EXPERTS,
    rope_types=("default", "linear"),
)  # fmt: skip

_QWEN2 = Architecture(
    name="qwen2",
    hf_classes=("Qwen2ForCausalLM",),
    tensors=(
        *_ENDS,
        _ATTN_NORM,
        # the engine wants queries as wide as the residual stream
        _layer("attn_q.weight", "self_attn.q_proj.weight", "hidden", "hidden"),
        _K,
        _V,
        _layer("attn_output.weight", "self_attn.o_proj.weight", "hidden", "hidden"),
        _layer("attn_q.bias", "self_attn.q_proj.bias", "hidden"),
        _layer("attn_k.bias", "self_attn.k_proj.bias", "keys"),
        _layer("attn_v.bias", "self_attn.v_proj.bias", "keys"),
        _FFN_NORM,
        *_FFN,
    ),
    rope="halves",
    activation="silu",
    hf_activations=("silu",),
    groups=_GROUPS,
    config_defaults={"rms_norm_eps": 1e-6, "max_position_embeddings": 32768},
    must_be={**_NO_EXPERTS, "use_sliding_window": (None, False)},
)

_QWEN3 = Architecture(
    name="qwen3",
    hf_classes=("Qwen3ForCausalLM",),
    tensors=(
        *_ENDS,
        _ATTN_NORM,
        _Q,
        _K,
        _V,
        _O,
        *_norms(),
        _layer("attn_q.bias", "self_attn.q_proj.bias", "queries", optional=True),
        _layer("attn_k.bias", "self_attn.k_proj.bias", "keys", optional=True),
        _layer("attn_v.bias", "self_attn.v_proj.bias", "keys", optional=True),
        _FFN_NORM,
        *_FFN,
    ),
    rope="halves",
    activation="silu",
    hf_activations=("silu",),
    groups=_GROUPS,
    config_defaults={"rms_norm_eps": 1e-6, "max_position_embeddings": 32768, "head_dim": 128},
    must_be={**_NO_EXPERTS, "use_sliding_window": (None, False)},
)

_GEMMA3 = Architecture(
    name="gemma3",
    hf_classes=("Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"),
    tensors=(
        _EMBEDDING,
        TensorKind("output_norm.weight", "model.norm.weight", ("hidden",), False, "add_one"),
        _OUTPUT,
        _layer("attn_norm.weight", "input_layernorm.weight", "hidden", transform="add_one"),
        _Q,
        _K,
        _V,
        _O,
        *_norms("add_one"),
        _layer(
            "post_attention_norm.weight", "post_attention_layernorm.weight", "hidden",
            transform="add_one",
        ),
        _layer(
            "ffn_norm.weight", "pre_feedforward_layernorm.weight", "hidden", transform="add_one"
        ),
        *_FFN,
        _layer(
            "post_ffw_norm.weight", "post_feedforward_layernorm.weight", "hidden",
            transform="add_one",
        ),
    ),
    rope="halves",
    activation="gelu_tanh",
    hf_activations=("gelu_pytorch_tanh",),
    groups=_GROUPS,
    scaled_embedding=True,
    tied=True,
    window_every=6,
    config_defaults={
        "rms_norm_eps": 1e-6, "max_position_embeddings": 131072, "head_dim": 256,
        "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 262208,
        "sliding_window": 4096, "rope_theta": 1_000_000.0, "rope_local_base_freq": 10_000.0,
        "query_pre_attn_scalar": 256, "hidden_activation": "gelu_pytorch_tanh",
    },
    must_be={
        **_NO_EXPERTS,
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

ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {each.name: each for each in (_LLAMA, _SMOLLM3, _GRANITE, _QWEN2, _QWEN3, _GEMMA3)}
)
"""Every family Penjing can take apart, by GGUF name."""


def architecture(name: str) -> Architecture:
    """The family a GGUF file names; FormatError lists the known ones."""
    if name not in ARCHITECTURES:
        raise FormatError(
            f"architecture '{name[:80]}' is not one Penjing knows: use a model of "
            f"{', '.join(ARCHITECTURES)}"
        )
    return ARCHITECTURES[name]
