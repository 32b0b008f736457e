"""The numbers that make one model of a family: a value, independent of where they were read.

Must not know files, torch or numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Size = Literal[
    "hidden", "ffn", "gate_up", "queries", "keys", "qkv", "head", "half_head", "half_rotary",
    "vocab", "any",
]  # fmt: skip
"""A side of a tensor: `queries` is heads x head, `keys` is key-value heads x head, `qkv` queries,
keys and values, `gate_up` twice the ffn; `any` is what the file says, of a model that only the
engine runs."""

FUSED: Mapping[Size, tuple[Size, ...]] = MappingProxyType(
    {"gate_up": ("ffn", "ffn"), "qkv": ("queries", "keys", "keys")}
)
"""Sides that are others behind each other."""


@dataclass(frozen=True)
class LayerSizes:
    """The widths of one layer."""

    heads: int
    """Query heads; 0: it has no attention."""
    kv_heads: int
    """Key and value heads."""
    ffn: int
    """Width inside the feed-forward part."""


@dataclass(frozen=True)
class ModelConfig:
    """The hyper-parameters of one model, read from its GGUF metadata."""

    layers: int
    """Blocks."""
    hidden: int
    """Width of the residual stream."""
    ffn: int
    """Width inside the feed-forward part."""
    heads: int
    """Query heads."""
    kv_heads: int
    """Key and value heads; `heads` is a multiple of it."""
    head_dim: int
    """Width of a head."""
    vocab: int
    """Rows of the embedding, unused tokens included."""
    context: int
    """Tokens it was trained to see at once."""
    rms_eps: float
    """Added to the mean square in every norm."""
    rope_theta: float
    """Base of the rotary frequencies."""
    rope_theta_local: float
    """The same in layers with a sliding window."""
    rope_scaling: str
    """"none", "linear", or what else the engine can do ("yarn", "longrope")."""
    rope_factor: float
    """Linear: positions are divided by it in layers without a window; 1 is off."""
    window: int | None
    """Tokens a sliding layer looks back at, itself included; None: every layer sees all."""
    sliding: tuple[bool, ...]
    """Per layer, whether it slides."""
    attention_scale: float
    """Multiplies query times key."""
    embedding_scale: float
    """Multiplies the embedding of each token."""
    logit_softcap: float | None
    """Logits become cap x tanh(logits / cap); None: as they are."""
    tied: bool
    """Whether the head is the embedding."""
    attention_softcap: float | None = None
    """Scores of attention become cap x tanh(scores / cap); None: as they are."""
    residual_scale: float = 1.0
    """Multiplies what a block adds to the residual stream."""
    logit_divisor: float = 1.0
    """Logits are divided by it."""
    unrotated_every: int = 0
    """Every so many layers one does not rotate positions at all; 0: all do."""
    rotary_dim: int = 0
    """How many numbers of a head rotate, the first ones; 0: all."""
    rope_gain: float = 1.0
    """What rotates is multiplied by it."""
    uneven: tuple[LayerSizes, ...] = ()
    """Of every layer, where they differ; the numbers above are then the largest."""

    def sizes(self, layer: int) -> LayerSizes:
        """The widths of a layer."""
        return self.uneven[layer] if self.uneven else self.widest

    @property
    def rotating(self) -> int:
        """How many numbers of a head rotate."""
        return self.rotary_dim or self.head_dim

    @property
    def widest(self) -> LayerSizes:
        """Those of the widest layer."""
        return LayerSizes(self.heads, self.kv_heads, self.ffn)

    def size(self, name: Size, layer: int | None = None) -> int:
        """The number a side of a tensor has in this model, or in one layer of it."""
        if name in FUSED:
            return sum(self.size(each, layer) for each in FUSED[name])
        here = self.widest if layer is None else self.sizes(layer)
        return {
            "hidden": self.hidden,
            "ffn": here.ffn,
            "queries": here.heads * self.head_dim,
            "keys": here.kv_heads * self.head_dim,
            "head": self.head_dim,
            "half_head": self.head_dim // 2,
            "half_rotary": self.rotating // 2,
            "vocab": self.vocab,
        }[name]
