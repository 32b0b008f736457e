"""How much memory training takes: said before it begins."""

from __future__ import annotations

from penjing.workshop.checkpoint import Checkpoint

_TRAINED = 4.6
"""Bytes of a trained weight: itself, its scales, and their mean squares."""
_MOVED = 2 + 4 + 4
"""More while it is moved: its value, its gradient, and the step."""
_FIXED = 2
"""Of a weight that is not trained: of the teacher's head, and of an embedding that is no head."""

_TOKENS = 1024
_KEPT = 4 * 24
"""Bytes kept of a token for each hidden channel of a block, until its gradient has passed."""

_DECODED = 4 + 4
"""Of a weight of a teacher's block: decoded, and as it is multiplied."""
_COMPARED = 8
"""States of a teacher kept for a step."""

_AROUND = 500 * 10**6  # the engine that measures both files, attention maps
_PROCESS = 1100 * 10**6  # Python, torch, logits, what is mapped, and what lies free in pieces


def memory_needed(checkpoint: Checkpoint, of: Checkpoint | None = None) -> int:
    """Peak bytes of `distill` with two windows of 512 tokens; in torch on this machine.

    `of` is the teacher, where it is another model.
    """
    config = checkpoint.config
    head = config.vocab * config.hidden
    blocks = {
        n: checkpoint.tensors[n].parameters for n in checkpoint.quantizable if n.startswith("blk.")
    }
    layers = {name.split(".")[1] for name in blocks}
    largest = max(
        sum(count for name, count in blocks.items() if name.startswith(f"blk.{layer}."))
        for layer in layers
    )
    fixed = 2 * head if "output.weight" in checkpoint.tensors else head
    logits = 2 * 2 * 512 * config.vocab
    inside = _KEPT * (config.hidden + config.ffn // 2)
    states = _TOKENS * (4 * config.layers * config.hidden + inside)
    held = _TRAINED * (sum(blocks.values()) + head) + _MOVED * (head + largest) + _FIXED * fixed
    return _PROCESS + int(held) + logits + states + (0 if of is None else _beside(of))


def _beside(teacher: Checkpoint) -> int:
    """A head of its own, a block at a time, and what is compared behind the logits."""
    config = teacher.config
    count = sum(source.parameters for source in teacher.tensors.values())
    head = config.vocab * config.hidden
    block = max(0, count - head) // config.layers
    states = 4 * _TOKENS * config.hidden * _COMPARED
    return _AROUND + _FIXED * head + _DECODED * block + states
