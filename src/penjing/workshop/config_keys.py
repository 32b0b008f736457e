"""Hyper-parameters by the names that config.json and GGUF have for them, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ConfigKey:
    """One hyper-parameter: where Hugging Face and GGUF keep it."""

    hf: str
    """Key in config.json."""
    gguf: tuple[str, ...]
    """Keys after "<architecture>."; the same number goes into each."""
    real: bool = False
    """A float instead of a count."""


CONFIG_KEYS = (
    ConfigKey("num_hidden_layers", ("block_count",)),
    ConfigKey("max_position_embeddings", ("context_length",)),
    ConfigKey("hidden_size", ("embedding_length",)),
    ConfigKey("intermediate_size", ("feed_forward_length",)),
    ConfigKey("num_attention_heads", ("attention.head_count",)),
    ConfigKey("num_key_value_heads", ("attention.head_count_kv",)),
    ConfigKey("rms_norm_eps", ("attention.layer_norm_rms_epsilon",), real=True),
    ConfigKey(
        "head_dim", ("attention.key_length", "attention.value_length", "rope.dimension_count")
    ),
    ConfigKey("vocab_size", ("vocab_size",)),
)
"""Hyper-parameters every family has, under the same names."""
