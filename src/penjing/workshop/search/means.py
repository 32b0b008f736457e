"""What measuring may use, and what it will need: memory is planned before, not met by surprise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from penjing.core.errors import BudgetError
from penjing.core.units import format_size
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.search.head import PIECE

_TOGETHER = 4  # variants through a block at once, where the memory allows it
_WAVE = 64  # a kill costs no more than one wave of so many


@dataclass(frozen=True)
class Means:
    """What the work may use."""

    ram: int = 2 * 10**9
    """Bytes for weights and hidden states; Python, torch and the mapped file come on top."""
    dtype: torch.dtype = torch.bfloat16
    """In which differences are multiplied; float32 on machines without fast bfloat16."""
    device: str = "cpu"
    """Where."""

    @property
    def precise(self) -> torch.dtype:
        """Of everything that is no difference."""
        return torch.promote_types(self.dtype, torch.float32)


@dataclass(frozen=True)
class Memory:
    """What a wavefront holds, in bytes."""

    fixed: int
    """The clean run, a block's weights, a piece of the head."""
    variant: int
    """Of each variant of a wave."""
    passing: int
    """While one variant passes through a block."""
    threads: int
    """Each of them has some passing."""
    ram: int
    """The ceiling."""

    @classmethod
    def of(cls, checkpoint: Checkpoint, windows: Sequence[Sequence[int]], means: Means) -> Memory:
        """Raises BudgetError naming the least ceiling when a single variant does not fit."""
        config, tokens = checkpoint.config, sum(map(len, windows))
        short, wide = means.dtype.itemsize, means.precise.itemsize
        blocks: dict[str, int] = {}
        for name, source in checkpoint.tensors.items():
            if name.startswith("blk."):
                layer = name.split(".")[1]
                blocks[layer] = blocks.get(layer, 0) + source.parameters
        state = tokens * config.hidden * wide
        inner = 5 * config.hidden + 4 * config.ffn + 3 * config.size("queries")
        inner += 3 * config.size("keys") * config.heads // config.kv_heads
        piece = PIECE * (config.hidden * (wide + short) + 6 * tokens * wide)
        threads = torch.get_num_threads()
        largest = max(blocks.values())
        fixed = (config.layers + 5) * state + 2 * tokens * inner * wide + piece
        fixed += largest * (wide + short) + threads * largest * wide
        memory = cls(fixed, 2 * state, tokens * inner * wide, threads, means.ram)
        if memory.wave < 1:
            raise BudgetError(
                f"{format_size(means.ram)} of memory are too few for {tokens} tokens of this "
                f"model: the least is {format_size(memory.least)}, or give fewer tokens"
            )
        return memory

    @property
    def least(self) -> int:
        """The smallest ceiling that is possible."""
        return self.fixed + self.variant + self.threads * self.passing

    @property
    def together(self) -> int:
        """Variants that one thread takes through a block at once."""
        share = (self.ram - self.fixed) // (4 * self.threads * self.passing)
        return max(1, min(_TOGETHER, share))

    @property
    def wave(self) -> int:
        """Variants that may be on their way at once."""
        room = self.ram - self.fixed - self.threads * self.together * self.passing
        return max(0, min(_WAVE, room // self.variant))

    @property
    def peak(self) -> int:
        """Bytes held by a full wave; never more than the ceiling."""
        passing = self.threads * self.together * self.passing
        return self.fixed + passing + self.wave * self.variant

    def waves(self, count: int) -> Iterator[slice]:
        """Slices of `count` variants that are one wave each."""
        for first in range(0, count, self.wave):
            yield slice(first, min(first + self.wave, count))
