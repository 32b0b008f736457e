"""What measuring may use, and what it will need: memory is planned before, not met by surprise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from penjing.core.errors import BudgetError
from penjing.core.units import format_size
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.search.head import PIECE

_TOGETHER = 4  # variants through a block at once, where the memory allows it
_WAVE = 64  # a kill costs no more than one wave of so many
_WALKS = 4  # walks through all blocks that are remembered at most


@dataclass(frozen=True)
class Means:
    """What the work may use."""

    ram: int = 2 * 10**9
    """Bytes for weights, states and what is read of the file; Python and torch come on top."""
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
    """What a wavefront holds, in bytes; and walks with whole plans, when no wave is there."""

    layers: int
    """How many blocks."""
    fixed: int
    """The clean run, a block's weights, a piece of the head, what is mapped of the file."""
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
        blocks, mapped, others = Counter[str](), Counter[str](), [0]
        for name, source in checkpoint.tensors.items():
            stored = source.codec.nbytes(source.shape)
            if name.startswith("blk."):
                layer = name.split(".")[1]
                blocks[layer] += source.parameters
                mapped[layer] += stored
            else:
                others.append(stored)
        state = tokens * config.hidden * wide
        inner = 5 * config.hidden + 4 * config.ffn + 3 * config.size("queries")
        inner += 3 * config.size("keys") * config.heads // config.kv_heads
        piece = PIECE * (config.hidden * (wide + short) + 6 * tokens * wide)
        threads = torch.get_num_threads()
        largest = max(blocks.values())
        fixed = (config.layers + 5) * state + 2 * tokens * inner * wide + piece
        fixed += largest * (wide + short) + threads * largest * wide
        fixed += max(mapped.values()) + max(others)
        memory = cls(config.layers, fixed, 2 * state, tokens * inner * wide, threads, means.ram)
        if memory.least > memory.ram:
            raise BudgetError(
                f"{format_size(means.ram)} of memory are too few for {tokens} tokens of this "
                f"model: the least is {format_size(memory.least)}, or give fewer tokens"
            )
        return memory

    @property
    def least(self) -> int:
        """The smallest ceiling that is possible."""
        wave = self.variant + self.threads * self.passing
        return self.fixed + max(wave, self.passing + self._walk)

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

    @property
    def walks(self) -> int:
        """Walks through all blocks whose hidden states may be there at once."""
        return min(_WALKS, (self.ram - self.fixed - self.passing) // self._walk)

    @property
    def spare(self) -> int:
        """Bytes of the ceiling that are left beside those walks: for weights that were encoded."""
        return self.ram - self.fixed - self.passing - self.walks * self._walk

    def walking(self, encoded: int) -> int:
        """Bytes held by walks, when all weights in all codecs are `encoded` bytes."""
        return self.ram - self.spare + min(self.spare, encoded)

    @property
    def _walk(self) -> int:
        return (self.layers + 1) * self.variant // 2  # the states that enter each block and leave

    def waves(self, count: int) -> Iterator[slice]:
        """Slices of `count` variants that are one wave each."""
        for first in range(0, count, self.wave):
            yield slice(first, min(first + self.wave, count))
