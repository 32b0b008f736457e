"""How much memory training takes: said before it begins."""

from __future__ import annotations

from penjing.workshop.checkpoint import Checkpoint

_TRAINED = 4 + 4 + 8 + 2 + 2
"""Bytes of a trained weight: itself, its gradient, Adam's two moments, its values and theirs."""

_TEACHER = 2
_HEAD = 4 + 4 + 2
"""Bytes of a weight of the head: in float32 in the teacher, and its gradient's sum twice."""

_TOKENS = 1024
_KEPT = 4 * 24
"""Bytes kept of a token for each hidden channel of each block, until its gradient has passed."""

_PROCESS = 700 * 10**6  # Python, torch, one piece of logits


def memory_needed(checkpoint: Checkpoint) -> int:
    """Peak bytes of `distill` with two windows of 512 tokens; in torch on this machine."""
    config = checkpoint.config
    weights = sum(checkpoint.tensors[name].parameters for name in checkpoint.quantizable)
    head = config.vocab * config.hidden
    channels = config.layers * (config.hidden + config.ffn // 2)
    logits = 2 * 2 * 512 * config.vocab
    states = _TOKENS * channels * _KEPT
    return _PROCESS + (_TRAINED + _TEACHER) * weights + _HEAD * head + logits + states
