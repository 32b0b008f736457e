"""What can be said of a model family, as values: tensors, shared inputs, numbers.

The families themselves are in `architectures.py`. Must not know files, torch or numpy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from penjing.core.errors import FormatError
from penjing.workshop.config_keys import ConfigKey
from penjing.workshop.hyperparameters import LayerSizes, ModelConfig, Size

Transform = Literal["none", "interleave_queries", "interleave_keys", "add_one"]
"""How Hugging Face's tensor becomes the engine's.

interleave_*: the two halves of each head's rows are interleaved, because the engine rotates
neighbours where transformers rotates halves. add_one: the norm multiplies by (1 + weight).
"""

Rope = Literal["interleaved", "halves"]
Activation = Literal["silu", "gelu_tanh"]


_COMPUTED = ("rope_freqs.", "rope_factors_")


class NoForwardPass(FormatError):
    """A model that the workshop cannot compute; the engine may well run it (`surveyed.py`)."""


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
        """Only matrices are, and stacks of them; norms and biases stay F32."""
        return len(self.shape) >= 2

    @property
    def trained(self) -> bool:
        """Whether it holds weights, and is no table that follows from the numbers."""
        return not self.name.startswith(_COMPUTED)

    def gguf_name(self, layer: int = 0) -> str:
        """The tensor's name in a GGUF file."""
        return f"blk.{layer}.{self.name}" if self.per_layer else self.name

    def hf_name(self, layer: int = 0) -> str:
        """The tensor's name in a safetensors file."""
        return self.hf.format(layer=layer)

    def dimensions(self, config: ModelConfig, layer: int | None = None) -> tuple[int, ...]:
        """Its shape in one model, or in one layer of it."""
        return tuple(config.size(side, layer) for side in self.shape)

    def absent(self, sizes: LayerSizes) -> bool:
        """Whether a layer of these widths has no such tensor: it lacks attention."""
        return not sizes.heads and self.name.startswith(("attn_", "post_attention"))


@dataclass(frozen=True)
class InputGroup:
    """Matrices that read the same input, and where a scale of that input could be hidden."""

    name: str
    """What to call it."""
    members: tuple[str, ...]
    """Tensor kinds that read it, columns = channels."""
    producer: str
    """Tensor kind that writes it: dividing its rows (or its norm's weights) divides the input; ""
    where no tensor does."""


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
    forward: bool = True
    """Whether the workshop computes it; False: what is known of it the engine has shown."""
    uneven: bool = False
    """Whether layers may have widths of their own, and lack a half."""
    fused: bool = False
    """Whether queries, keys and values are one matrix, and gate and up another."""
    partial_rotary: bool = False
    """Whether only the first numbers of a head may rotate."""
    scaled_embedding: bool = False
    """Whether embeddings are multiplied by the root of their width."""
    tied: bool = False
    """Whether head and embedding are one when config.json does not say."""
    softcaps: Mapping[str, float] = field(default_factory=dict)
    """Soft caps that every model of it has, and what they are where nothing is said."""
    numbers: tuple[ConfigKey, ...] = ()
    """Hyper-parameters that other families do not have."""
    unrotated_every: int = 0
    """Every so many layers one does not rotate positions at all; 0: all do."""
    local_rope: bool = False
    """Whether layers that slide have a rotary base of their own, and are never stretched."""
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
        raise NoForwardPass(
            f"tensor '{name[:80]}' is not part of a {self.name} model Penjing knows: "
            "use another model, or a GGUF of it that llama.cpp runs"
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
