"""How much memory training takes: said before it begins."""

from __future__ import annotations

from penjing.workshop.checkpoint import Checkpoint

_TRAINED = 4.6
"""Bytes of a trained weight: itself, its scales, and their mean squares."""
_MOVED = 2 + 2 + 4 + 4
"""More while it is moved: its value, that one's gradient, its own, and the step."""
_TEACHER = 2
"""Of a weight of the teacher's head."""

_TOKENS = 1024
_KEPT = 4 * 24
"""Bytes kept of a token for each hidden channel of a block, until its gradient has passed."""

_PROCESS = 700 * 10**6  # Python, torch, one piece of logits


def memory_needed(checkpoint: Checkpoint) -> int:
    """Peak bytes of `distill` with two windows of 512 tokens; in torch on this machine."""
    config = checkpoint.config
    weights = {name: checkpoint.tensors[name].parameters for name in checkpoint.quantizable}
    ends = sum(count for name, count in weights.items() if not name.startswith("blk."))
    block = sum(count for name, count in weights.items() if name.startswith("blk.0."))
    head = config.vocab * config.hidden
    logits = 2 * 2 * 512 * config.vocab
    states = _TOKENS * (
        4 * config.layers * config.hidden + _KEPT * (config.hidden + config.ffn // 2)
    )
    held = _TRAINED * sum(weights.values()) + _MOVED * (ends + block) + _TEACHER * head
    return _PROCESS + int(held) + logits + states
