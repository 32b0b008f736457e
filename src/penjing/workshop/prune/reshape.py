"""A model of fewer layers, heads, channels and residual channels: which parts stay, and the file's.

What a tensor loses follows from the sides of its kind (`TensorKind.shape`), so that every family is
cut by the same lines. Layers that stay alike keep their architecture; where they differ the model
becomes what the engine runs uneven layers as (`architectures.UNEVEN`). Rows keep their stored
bytes. Must not know why a part goes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from penjing.bundle.gguf_values import Value, ValueKind
from penjing.core.errors import BadInput
from penjing.workshop.architectures import UNEVEN, Architecture
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.hyperparameters import FUSED, LayerSizes, ModelConfig, Size
from penjing.workshop.prune.cut import Index, columns_of, rows_of
from penjing.workshop.tensors import TensorSource

IDLE = 32
"""Channels of a feed-forward part that adds nothing: the engine skips a layer that has none, and
its attention with it (`n_ff == 0` in llama.cpp's `deci`)."""

Columns = Callable[[TensorSource, Index], TensorSource]
"""Leaves these columns of a tensor."""

NONE: Index = np.array([], dtype=np.int64)
"""Nothing stays: the layer loses that half."""


@dataclass(frozen=True, eq=False)
class Layer:
    """What stays of one layer."""

    source: int
    """Which layer of the model it was."""
    groups: Index
    """Key-value heads that stay, each with the query heads that read it; none: no attention."""
    channels: Index
    """Feed-forward channels that stay; none: that half adds nothing."""


def whole_layers(config: ModelConfig) -> list[Layer]:
    """Every layer as it is."""
    every = [config.sizes(layer) for layer in range(config.layers)]
    return [Layer(i, np.arange(s.kv_heads), np.arange(s.ffn)) for i, s in enumerate(every)]


def reshaped(
    checkpoint: Checkpoint,
    layers: Sequence[Layer],
    residual: Index | None = None,
    *,
    columns: Columns = columns_of,
) -> Checkpoint:
    """The model of these layers and these residual channels (None: all).

    `columns` cuts what reads a part that goes; it may change what stays to make up for it.

    BadInput where its family cannot be so: uneven widths, heads that it counts by its width, or
    layers whose turn to slide or to rotate would move.
    """
    cut = _Cut(checkpoint, layers, residual, columns)
    made = Checkpoint.of(checkpoint.name, cut.metadata(), cut.tensors(), file=checkpoint.file)
    _require_same_turns(checkpoint, made, layers)
    return made


def inputs_that_stay(
    checkpoint: Checkpoint, layers: Sequence[Layer], residual: Index | None, name: str
) -> tuple[str, Index]:
    """Of a tensor of the model that `reshaped` makes: the name it had, and its inputs that stay."""
    return _Cut(checkpoint, layers, residual).inputs(name)


class _Cut:
    """One model and what stays of it."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        layers: Sequence[Layer],
        residual: Index | None,
        columns: Columns = columns_of,
    ) -> None:
        if not layers:
            raise BadInput("no layer would stay: drop fewer")
        self._before, self._layers, self._columns = checkpoint, layers, columns
        self._config = checkpoint.config
        self._residual = np.arange(self._config.hidden) if residual is None else residual
        self._sizes = [self._widths(layer) for layer in layers]
        self._family = self._family_of(checkpoint.architecture)
        _require_possible(checkpoint, self._sizes, len(self._residual))

    def tensors(self) -> dict[str, TensorSource]:
        """By their new names, in the family's order."""
        out: dict[str, TensorSource] = {}
        for name, kind, place in self._family.expected(len(self._layers)):
            layer = self._layers[place] if kind.per_layer else None
            source = self._before.tensors.get(kind.gguf_name(layer.source if layer else 0))
            if source is None or (layer and kind.absent(self._sizes[place])):
                continue
            out[name] = replace(self._cut(source, kind.shape, layer), name=name)
            if layer and not len(layer.channels) and kind.name == "ffn_down.weight":
                out[name] = TensorSource.of(name, np.zeros(out[name].shape, np.float32))
        return self._rescaled(out)

    def metadata(self) -> dict[str, Value]:
        """The model's, with the numbers of the new shape."""
        old, new = self._before.architecture.name, self._family.name
        out = {_renamed(key, old, new): value for key, value in self._before.metadata.items()}
        out["general.architecture"] = Value.text(new)
        config, heads = self._config, [sizes.heads for sizes in self._sizes]
        head = config.head_dim
        numbers = {
            "block_count": len(self._layers),
            "embedding_length": len(self._residual),
            "attention.key_length": head,
            "attention.value_length": head,
            "rope.dimension_count": head,
        }
        out |= {f"{new}.{key}": Value(ValueKind.UINT32, n) for key, n in numbers.items()}
        widths = {
            "attention.head_count": heads,
            "attention.head_count_kv": [sizes.kv_heads for sizes in self._sizes],
            "feed_forward_length": [sizes.ffn for sizes in self._sizes],
        }
        for key, each in widths.items():
            out[f"{new}.{key}"] = (
                Value.array(ValueKind.INT32, each)
                if self._family.uneven
                else Value(ValueKind.UINT32, each[0])
            )
        pattern = f"{new}.attention.sliding_window_pattern"
        if pattern in out and out[pattern].item_kind is not None:
            flags = [config.sliding[layer.source] for layer in self._layers]
            out[pattern] = Value(out[pattern].kind, flags, ValueKind.BOOL)
        return out

    def _widths(self, layer: Layer) -> LayerSizes:
        before = self._config.sizes(layer.source)
        shared = before.heads // before.kv_heads if before.kv_heads else 0
        groups = len(layer.groups)
        return LayerSizes(groups * shared, groups, len(_channels(layer)))

    def _family_of(self, family: Architecture) -> Architecture:
        first = self._sizes[0]
        even = all(sizes == first for sizes in self._sizes) and first.heads
        if family.uneven or even:
            return family
        if family.name not in UNEVEN:
            raise BadInput(
                f"the engine runs {family.name} only with layers that are alike: cut all layers "
                "alike, or drop whole ones"
            )
        return UNEVEN[family.name]

    def _cut(
        self, source: TensorSource, sides: tuple[Size, ...], layer: Layer | None
    ) -> TensorSource:
        found = rows_of(source, self._stays(sides[0], source.shape[0], layer))
        if len(sides) == 1:
            return found
        return self._columns(found, self._stays(sides[1], source.shape[1], layer))

    def inputs(self, name: str) -> tuple[str, Index]:
        """Of a tensor of the new model: the name it had, and which of its columns are left."""
        kind = self._family.kind_of(name)
        layer = self._layers[int(name.split(".")[1])] if kind.per_layer else None
        former = kind.gguf_name(layer.source if layer else 0)
        size = self._before.tensors[former].shape[-1]
        return former, self._stays(kind.shape[-1], size, layer)

    def _stays(self, side: Size, size: int, layer: Layer | None) -> Index:
        """Which of a side's `size` lines stay."""
        if side == "hidden":
            return self._residual
        if layer is not None and side in FUSED:
            lengths = [self._config.size(one, layer.source) for one in FUSED[side]]
            starts = np.cumsum([0, *lengths[:-1]])
            each = zip(FUSED[side], lengths, starts, strict=True)
            return np.concatenate(
                [start + self._stays(one, length, layer) for one, length, start in each]
            )
        if layer is None or side not in ("ffn", "queries", "keys"):
            return np.arange(size)
        if side == "ffn":
            return _channels(layer)
        before = self._config.sizes(layer.source)
        shared = before.heads // before.kv_heads if side == "queries" else 1
        return lines_of(layer.groups, shared * self._config.head_dim)

    def _rescaled(self, tensors: dict[str, TensorSource]) -> dict[str, TensorSource]:
        """Where a family multiplies embeddings by the root of its width: by the one it had."""
        before, after = self._config.hidden, len(self._residual)
        if not self._before.architecture.scaled_embedding or before == after:
            return tensors
        factor = math.sqrt(before / after)
        names = {"token_embd.weight": factor}
        if self._config.tied:  # the head is the embedding: its input shrinks as its rows grow
            names["output_norm.weight"] = 1 / factor
        changed = {
            name: TensorSource.of(name, tensors[name].load() * np.float32(scale))
            for name, scale in names.items()
        }
        return {**tensors, **changed}


def _channels(layer: Layer) -> Index:
    """Those that are stored: a few that add nothing stand for none."""
    return layer.channels if len(layer.channels) else np.arange(IDLE)


def lines_of(structures: Index, size: int) -> Index:
    """Structure numbers -> the rows or columns of `size` that each of them has."""
    return (structures[:, None] * size + np.arange(size)).reshape(-1)


def _require_possible(checkpoint: Checkpoint, sizes: Sequence[LayerSizes], hidden: int) -> None:
    """BadInput for a family that counts its heads by its width, where that would not hold."""
    sides = {kind.name: kind.shape for kind in checkpoint.architecture.tensors}
    counted = sides["attn_output.weight"] == ("hidden", "hidden")
    config = checkpoint.config
    if counted and (hidden != config.hidden or sizes[0].heads != config.heads):
        raise BadInput(
            f"the engine wants a {checkpoint.architecture.name} model's heads as wide as its "
            "residual stream, so neither can be cut: cut --ffn, or drop layers"
        )


def _require_same_turns(before: Checkpoint, after: Checkpoint, layers: Sequence[Layer]) -> None:
    """BadInput where a layer would slide, rotate or scale otherwise than it did."""
    one, other = before.config, after.config
    for place, layer in enumerate(layers):
        turns = [_turn(one, layer.source), _turn(other, place)]
        if turns[0] != turns[1]:
            raise BadInput(
                f"layer {layer.source} of this family would take another's turn: drop layers in "
                f"runs of {period(one, before.architecture)}"
            )


def _turn(config: ModelConfig, layer: int) -> tuple[bool, bool, float]:
    every = config.unrotated_every
    rotated = not every or bool((layer + 1) % every)
    return config.sliding[layer], rotated, config.attention_scale


def period(config: ModelConfig, family: Architecture) -> int:
    """How many layers in a row may go without moving the turns of those behind."""
    return (family.window_every if any(config.sliding) else 0) or family.unrotated_every or 1


def _renamed(key: str, old: str, new: str) -> str:
    return f"{new}.{key.removeprefix(f'{old}.')}" if key.startswith(f"{old}.") else key


def without(layers: Sequence[Layer], gone: Mapping[int, str]) -> list[Layer]:
    """Layers but for what is gone, by their place: "attention", "ffn", or "layer" for all of it."""
    out = []
    for place, layer in enumerate(layers):
        half = gone.get(place)
        groups = NONE if half in ("attention", "layer") else layer.groups
        channels = NONE if half in ("ffn", "layer") else layer.channels
        if len(groups) or len(channels):
            out.append(Layer(layer.source, groups, channels))
    return out
