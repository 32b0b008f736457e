"""The forward pass of a checkpoint in torch: any block alone, from any block on, with any weights.

The engine is for running a model; this is for changing one. It gives gradients, it swaps single
tensors without copying, and it goes on from the middle of the network, so that the effect of one
changed tensor costs only the blocks behind it. Weights keep their GGUF names and layout; what
differs between families comes from `Architecture` and `ModelConfig`, or from a tensor being there.
Must not know files, codecs or text.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias, cast

import torch
from torch.nn import functional

from penjing.core.errors import BadInput, UnknownName
from penjing.workshop.architectures import Activation, Architecture, NoForwardPass
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.divergence import kld
from penjing.workshop.hyperparameters import ModelConfig
from penjing.workshop.rope import Rotation, rotate, rotation

Positions: TypeAlias = slice | torch.Tensor
"""Which positions of a text are scored: a slice, or their indices."""

Product: TypeAlias = Callable[[torch.Tensor, str], torch.Tensor]
"""Inputs [..., channels] and a matrix's name without ".weight" -> outputs [..., rows]."""

Watch: TypeAlias = Callable[[int, torch.Tensor, torch.Tensor], None]
"""Is told of each attention: its layer, and q and k [texts, heads, T, head_dim], turned."""

EVERY_POSITION = slice(None)

_HEAD_ROWS = 128
"""Positions whose logits exist at once while measuring."""


@dataclass(frozen=True)
class Prefix:
    """The clean run of some tokens, kept so that a variant starts where it first differs."""

    inputs: tuple[torch.Tensor, ...]
    """Hidden states [..., T, hidden] that enter each block; one more: what enters the output."""
    logprobs: torch.Tensor
    """Clean log-probabilities [..., scored positions, vocab], float32."""
    positions: Positions
    """Which positions are scored."""


class TorchModel:
    """A checkpoint's weights on a device, and what they compute.

    Hidden states are [..., T, hidden] with any leading sides. They are float32 (float64 for
    float64 weights) whatever the weights are; embedding, head, norms and biases too: in bfloat16
    only the blocks' matrices and what they multiply are rounded.
    """

    def __init__(
        self,
        architecture: Architecture,
        config: ModelConfig,
        weights: Mapping[str, torch.Tensor],
    ) -> None:
        self.architecture = architecture
        self.config = config
        self.weights = dict(weights) if isinstance(weights, dict) else weights
        """By GGUF name; may load when asked, see `streamed.py`. Those to train: requires_grad."""
        self._product: Product = self.product
        self.watch: Watch | None = None

    @classmethod
    def load(
        cls,
        checkpoint: Checkpoint,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> TorchModel:
        """All weights of a checkpoint, copied. `dtype` is that of the blocks' matrices."""
        require_computable(checkpoint)
        precise = torch.promote_types(dtype, torch.float32)
        weights = {}
        for name, source in checkpoint.tensors.items():
            inner = name.startswith("blk.") and len(source.shape) == 2
            wanted = dtype if inner else precise
            weights[name] = torch.tensor(source.load(), dtype=wanted, device=device)
        return cls(checkpoint.architecture, checkpoint.config, weights)

    @contextmanager
    def replaced(self, changes: Mapping[str, torch.Tensor]) -> Iterator[None]:
        """Inside the block these weights stand in for those of the same names; nothing is copied.

        A tied head follows its embedding.
        """
        for name, tensor in changes.items():
            if name not in self.weights:
                raise UnknownName("tensor", name, self.weights)
            if tensor.shape != self.weights[name].shape:
                raise BadInput(
                    f"tensor '{name}' is {list(self.weights[name].shape)}, not "
                    f"{list(tensor.shape)}: give one of the same shape"
                )
        before = self.weights
        # not a copy: it would load what is loaded only when asked for
        self.weights = ChainMap(dict(changes), cast("MutableMapping[str, torch.Tensor]", before))
        try:
            yield
        finally:
            self.weights = before

    def variant(
        self, changes: Mapping[str, torch.Tensor], product: Product | None = None
    ) -> TorchModel:
        """Another model on the same weights but these, whose blocks may multiply differently.

        Where several threads work, `replaced` would be seen by all of them.
        """
        base = cast("MutableMapping[str, torch.Tensor]", self.weights)
        other = TorchModel(self.architecture, self.config, ChainMap(dict(changes), base))
        other._product = product or other.product
        return other

    def embed(self, tokens: torch.Tensor) -> torch.Tensor:
        """Token ids [..., T] -> hidden states [..., T, hidden]."""
        hidden = functional.embedding(tokens, self.weights["token_embd.weight"])
        scale = self.config.embedding_scale
        return hidden if scale == 1.0 else hidden * scale

    def block(self, layer: int, hidden: torch.Tensor) -> torch.Tensor:
        """One block: hidden states in, hidden states out, same shape."""
        return self.feed_forward_half(layer, self.attention_half(layer, hidden))

    def attention_half(self, layer: int, hidden: torch.Tensor) -> torch.Tensor:
        """The first half of a block; hidden states as they came where it has none."""
        if not self.config.sizes(layer).heads:
            return hidden
        name = f"blk.{layer}."
        mixed = self._attention(layer, self._norm(hidden, f"{name}attn_norm"))
        return self._joined(hidden, self._norm(mixed, f"{name}post_attention_norm"))

    def feed_forward_half(self, layer: int, hidden: torch.Tensor) -> torch.Tensor:
        """The second half of a block."""
        name = f"blk.{layer}."
        fed = self._feed_forward(layer, self._norm(hidden, f"{name}ffn_norm"))
        return self._joined(hidden, self._norm(fed, f"{name}post_ffw_norm"))

    def _joined(self, hidden: torch.Tensor, more: torch.Tensor) -> torch.Tensor:
        """The residual stream with what a half of a block adds to it."""
        scale = self.config.residual_scale
        return hidden + (more if scale == 1.0 else scale * more)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """What comes out of the last block [..., hidden] -> logits [..., vocab]."""
        head = self.weights.get("output.weight")
        if head is None:
            head = self.weights["token_embd.weight"]
        logits = functional.linear(self.normed(hidden), head)
        cap = self.config.logit_softcap
        return logits if cap is None else cap * torch.tanh(logits / cap)

    def normed(self, hidden: torch.Tensor) -> torch.Tensor:
        """What comes out of the last block [..., hidden] -> what the head multiplies."""
        normed, divisor = self._norm(hidden, "output_norm"), self.config.logit_divisor
        return normed if divisor == 1.0 else normed / divisor

    def product(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """x W^T + b in the weights' own type; families without that bias have no such tensor."""
        weight = self.weights[f"{name}.weight"]
        bias = self.weights.get(f"{name}.bias")
        return functional.linear(
            x.to(weight.dtype), weight, None if bias is None else bias.to(weight.dtype)
        )

    def forward(
        self, tokens: torch.Tensor, *, positions: Positions = EVERY_POSITION
    ) -> torch.Tensor:
        """Token ids [..., T] -> logits [..., scored positions, vocab]."""
        return self.logits_from(0, self.embed(tokens), positions=positions)

    def hidden_from(self, layer: int, hidden: torch.Tensor) -> torch.Tensor:
        """From the input of block `layer` to what enters the output norm."""
        for index in range(layer, self.config.layers):
            hidden = self.block(index, hidden)
        return hidden

    def logits_from(
        self, layer: int, hidden: torch.Tensor, *, positions: Positions = EVERY_POSITION
    ) -> torch.Tensor:
        """From the input of block `layer` to logits. `layer` = number of blocks: the head alone."""
        return self.logits(self.hidden_from(layer, hidden)[..., positions, :])

    @torch.no_grad()
    def prefix(self, tokens: torch.Tensor, *, positions: Positions = EVERY_POSITION) -> Prefix:
        """Run [..., T] once and keep what every block received, and the log-probabilities."""
        inputs = [self.embed(tokens)]
        for layer in range(self.config.layers):
            inputs.append(self.block(layer, inputs[-1]))
        logits = self.logits(inputs[-1][..., positions, :])
        return Prefix(tuple(inputs), logits.log_softmax(-1), positions)

    @torch.no_grad()
    def divergence_from(self, prefix: Prefix, layer: int, hidden: torch.Tensor) -> torch.Tensor:
        """KLD from the clean run [..., scored positions], going on from the input of block `layer`.

        `hidden` may have extra leading sides, such as one per variant. The same as `kld` of
        `logits_from`, but the logits of a few positions at a time: faster, and small in memory.
        """
        last = self.hidden_from(layer, hidden)[..., prefix.positions, :]
        rows = max(1, _HEAD_ROWS * last.shape[-2] * last.shape[-1] // last.numel())
        parts = zip(prefix.logprobs.split(rows, -2), last.split(rows, -2), strict=True)
        return torch.cat([kld(clean, self.logits(part)) for clean, part in parts], dim=-1)

    def _attention(self, layer: int, x: torch.Tensor) -> torch.Tensor:
        """Grouped-query causal attention of normalised [..., T, hidden]."""
        config, name, length = self.config, f"blk.{layer}.attn_", x.shape[-2]
        sizes = config.sizes(layer)
        counts = {"q": sizes.heads, "k": sizes.kv_heads, "v": sizes.kv_heads}
        if self.architecture.fused:
            widths = [heads * config.head_dim for heads in counts.values()]
            flat = self._linear(x, f"{name}qkv").split(widths, dim=-1)
        else:
            flat = tuple(self._linear(x, f"{name}{each}") for each in counts)
        q, k, v = (
            self._heads(part, f"{name}{each}_norm", heads)
            for part, (each, heads) in zip(flat, counts.items(), strict=True)
        )
        every = config.unrotated_every
        if not every or (layer + 1) % every:
            turn, pairs = self._rotation(layer, length), self.architecture.rope
            q, k = rotate(q, turn, pairs), rotate(k, turn, pairs)
        q, k = q.to(v.dtype), k.to(v.dtype)
        if self.watch is not None:
            self.watch(layer, q, k)
        mask = sliding_mask(length, config.window if config.sliding[layer] else None, x.device)
        mixed = attend(q, k, v, mask, config.attention_scale, cap=config.attention_softcap)
        return self._linear(mixed.transpose(1, 2).reshape(*x.shape[:-1], -1), f"{name}output")

    def _heads(self, flat: torch.Tensor, norm: str, heads: int) -> torch.Tensor:
        """[..., T, heads x head_dim] -> [texts, heads, T, head_dim], normalised if the family does.

        Head by head (Qwen3, Gemma 3), or all heads of a position at once (OLMo 2).
        """
        weight = self.weights.get(f"{norm}.weight")
        at_once = weight is not None and len(weight) == flat.shape[-1]
        flat = self._norm(flat, norm) if at_once else flat
        split = flat.view(-1, flat.shape[-2], heads, self.config.head_dim).transpose(1, 2)
        return split if at_once else self._norm(split, norm)

    def _feed_forward(self, layer: int, x: torch.Tensor) -> torch.Tensor:
        name = f"blk.{layer}."
        if self.architecture.fused:
            gate, up = self._linear(x, f"{name}ffn_up").chunk(2, dim=-1)
        else:
            gate, up = self._linear(x, f"{name}ffn_gate"), self._linear(x, f"{name}ffn_up")
        return self._linear(activate(gate, self.architecture.activation) * up, f"{name}ffn_down")

    def _rotation(self, layer: int, length: int) -> Rotation:
        """Angles of a layer: sliding ones have their own base and are not stretched."""
        config = self.config
        local = config.sliding[layer] and self.architecture.local_rope
        divisors = self.weights.get("rope_freqs.weight")
        if divisors is None:  # of texts as long as it was trained on; the engine takes the longer
            divisors = self.weights.get("rope_factors_short.weight")  # ones where a context is more
        return rotation(
            length,
            config.rotating,
            gain=config.rope_gain,
            theta=config.rope_theta_local if local else config.rope_theta,
            factor=config.rope_factor if config.rope_scaling == "linear" and not local else 1.0,
            divisors=divisors,
            device=self.weights["output_norm.weight"].device,
        )

    def _linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return self._product(x, name)

    def _norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """Root-mean-square norm in float32; families without that norm have no such tensor."""
        weight = self.weights.get(f"{name}.weight")
        if weight is None:
            return x
        return functional.rms_norm(x.to(weight.dtype), weight.shape, weight, self.config.rms_eps)


def require_computable(checkpoint: Checkpoint) -> None:
    """Raise NoForwardPass for what this forward pass does not compute."""
    if checkpoint.config.rope_scaling not in ("none", "linear"):
        raise NoForwardPass(
            f"{checkpoint.name} stretches positions by {checkpoint.config.rope_scaling}, which "
            "the workshop does not compute: use a model without it"
        )


def activate(x: torch.Tensor, activation: Activation) -> torch.Tensor:
    """The curve between gate and down."""
    return functional.silu(x) if activation == "silu" else functional.gelu(x, approximate="tanh")


def attend(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    mask: torch.Tensor | None,
    scale: float,
    *,
    cap: float | None = None,
) -> torch.Tensor:
    """Causal attention of [texts, heads, T, head_dim]; fewer heads in k and v serve several of q.

    Where gradients are wanted on a processor it is written out: torch's fused backward pass is
    nearly four times as slow there (measured at 512 tokens in bfloat16).
    """
    if cap is None and not (torch.is_grad_enabled() and q.device.type == "cpu" and q.requires_grad):
        return functional.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=mask,
            is_causal=mask is None,
            scale=scale,
            enable_gqa=q.shape[1] != k.shape[1],
        )
    shared, length = q.shape[1] // k.shape[1], q.shape[-2]
    seen = torch.ones(length, length, dtype=torch.bool).tril() if mask is None else mask.cpu()
    hidden = torch.zeros(length, length, dtype=q.dtype).masked_fill_(~seen, -torch.inf).to(q.device)
    scores = (q * scale) @ k.repeat_interleave(shared, 1).transpose(-1, -2)
    scores = scores if cap is None else cap * torch.tanh(scores / cap)
    return (scores + hidden).softmax(-1) @ v.repeat_interleave(shared, 1)


def sliding_mask(
    length: int, window: int | None, device: torch.device | str = "cpu"
) -> torch.Tensor | None:
    """[T, T], True where row may look at column: the `window` last ones, itself included.

    None when that is everything before it, which needs no mask.
    """
    if window is None or window >= length:
        return None
    back = torch.arange(length, device=device)
    distance = back[:, None] - back[None, :]
    return (distance >= 0) & (distance < window)
