"""Reads a model's numbers out of its GGUF metadata, strictly.

Every number that a layer's size or a loop depends on is checked here, once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from penjing.bundle.gguf_values import Value
from penjing.core.errors import FormatError
from penjing.workshop.architectures import Architecture, NoForwardPass
from penjing.workshop.hyperparameters import LayerSizes, ModelConfig

_MOST = 2**31 - 1
_MOST_LAYERS = 512  # the engine's own limit


def read_config(
    family: Architecture, metadata: Mapping[str, Value], shapes: Mapping[str, tuple[int, ...]]
) -> ModelConfig:
    """The numbers of one model; `shapes` (by tensor name) tell the vocabulary and a tied head."""
    read = _Reader(family.name, metadata)
    layers, hidden = read.count("block_count"), read.count("embedding_length")
    if layers > _MOST_LAYERS:
        raise read.bad("block_count", layers)
    uneven = _uneven(read, layers) if family.uneven else ()
    heads, kv_heads, ffn = _widest(read, uneven)
    head = read.count("attention.key_length", hidden // heads)
    _check_heads(read, heads, kv_heads, head)
    rotary = read.count("rope.dimension_count", head)
    if rotary % 2 or not (rotary == head or (family.partial_rotary and rotary < head)):
        raise read.bad("rope.dimension_count", rotary)
    if read.plain("expert_count", 0):
        raise NoForwardPass("mixtures of experts are not read: use a dense model")
    window, sliding = _window(read, family, layers)
    theta = read.real("rope.freq_base", 10_000.0)
    odd = layers == family.odd_scale_layers
    usual = 1 / math.sqrt(hidden // heads if odd else head)
    scales = {
        key: read.real(key, usual if key == "attention.scale" else 1.0)
        for number in family.numbers
        for key in number.gguf
    }
    return ModelConfig(
        layers=layers,
        hidden=hidden,
        ffn=ffn,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head,
        vocab=shapes.get("token_embd.weight", (0,))[0],
        context=read.count("context_length"),
        rms_eps=read.real("attention.layer_norm_rms_epsilon"),
        rope_theta=theta,
        rope_theta_local=read.real("rope.freq_base_swa", 10_000.0 if family.local_rope else theta)
        if window
        else theta,
        rope_scaling=str(read.plain("rope.scaling.type", "none")),
        rope_factor=read.real("rope.scaling.factor", 1.0),
        window=window,
        sliding=sliding,
        attention_scale=scales.get("attention.scale", usual),
        embedding_scale=math.sqrt(hidden)
        if family.scaled_embedding
        else scales.get("embedding_scale", 1.0),
        logit_softcap=_softcap(read, family, "final_logit_softcapping"),
        attention_softcap=_softcap(read, family, "attn_logit_softcapping"),
        tied="output.weight" not in shapes,
        residual_scale=scales.get("residual_scale", 1.0),
        logit_divisor=scales.get("logit_scale", 1.0),
        unrotated_every=family.unrotated_every,
        rotary_dim=0 if rotary == head else rotary,
        rope_gain=read.real("rope.scaling.attn_factor", 1.0),
        uneven=uneven,
    )


def _uneven(read: _Reader, layers: int) -> tuple[LayerSizes, ...]:
    """The widths of every layer.

    NoForwardPass for one without a feed-forward part: the engine skips its attention too.
    """
    heads = read.counts("attention.head_count", layers)
    kv_heads = read.counts("attention.head_count_kv", layers)
    ffn = read.counts("feed_forward_length", layers)
    if not any(heads):
        raise read.bad("attention.head_count", 0)
    if not all(ffn):
        raise NoForwardPass(f"layer {ffn.index(0)} has no feed-forward part, which is not computed")
    for one, shared in zip(heads, kv_heads, strict=True):
        if bool(one) != bool(shared) or (shared and one % shared):
            raise read.bad("attention.head_count_kv", shared)
    return tuple(map(LayerSizes, heads, kv_heads, ffn))


def _widest(read: _Reader, uneven: tuple[LayerSizes, ...]) -> tuple[int, int, int]:
    """Heads, key-value heads and feed-forward width, the largest where layers differ."""
    if uneven:
        wide = max(uneven, key=lambda sizes: sizes.heads)
        return wide.heads, wide.kv_heads, max(sizes.ffn for sizes in uneven)
    heads = read.count("attention.head_count")
    kv_heads = read.count("attention.head_count_kv", heads)
    return heads, kv_heads, read.count("feed_forward_length")


def _softcap(read: _Reader, family: Architecture, key: str) -> float | None:
    if key in family.softcaps:
        return read.real(key, family.softcaps[key])
    known = key == "final_logit_softcapping" and read.plain(key, None) not in (None, 0.0)
    return read.real(key) if known else None


class _Reader:
    """Typed access to the keys under "<architecture>."."""

    def __init__(self, prefix: str, metadata: Mapping[str, Value]) -> None:
        self._prefix = prefix
        self._metadata = metadata

    def plain(self, key: str, default: Any) -> Any:
        value = self._metadata.get(f"{self._prefix}.{key}")
        return default if value is None else value.plain

    def count(self, key: str, default: int | None = None) -> int:
        number = self.plain(key, default)
        if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= _MOST:
            raise self.bad(key, number)
        return number

    def counts(self, key: str, layers: int) -> tuple[int, ...]:
        """One number for each layer, from zero on; a single one is that of all."""
        found = self.plain(key, None)
        each = found if isinstance(found, tuple) else (found,) * layers
        if len(each) != layers or any(type(n) is not int or not 0 <= n <= _MOST for n in each):
            raise self.bad(key, found)
        return each

    def real(self, key: str, default: float | None = None) -> float:
        number = self.plain(key, default)
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise self.bad(key, number)
        if not math.isfinite(number) or number <= 0:
            raise self.bad(key, number)
        return float(number)

    def bad(self, key: str, found: Any) -> FormatError:
        return FormatError(
            f"{self._prefix}.{key} is {str(found)[:40]!a}, not a number a {self._prefix} model "
            "can have: the file is damaged or of another kind"
        )


def _check_heads(read: _Reader, heads: int, kv_heads: int, head: int) -> None:
    if heads % kv_heads:
        raise read.bad("attention.head_count_kv", kv_heads)
    if head % 2:
        raise read.bad("attention.key_length", head)
    if (value := read.count("attention.value_length", head)) != head:
        raise read.bad("attention.value_length", value)


def _window(
    read: _Reader, family: Architecture, layers: int
) -> tuple[int | None, tuple[bool, ...]]:
    """The sliding window and which layers have it, as the engine reads them."""
    nothing = None, (False,) * layers
    if not family.window_every or not read.plain("attention.sliding_window", 0):
        return nothing
    window = read.count("attention.sliding_window")
    pattern = read.plain("attention.sliding_window_pattern", family.window_every)
    if isinstance(pattern, tuple):
        if len(pattern) != layers:
            raise read.bad("attention.sliding_window_pattern", pattern)
        return window, tuple(bool(each) for each in pattern)
    every = read.count("attention.sliding_window_pattern", family.window_every)
    return window, tuple(layer % every != every - 1 for layer in range(layers))
