"""What leaving parts out takes beside rounding: memory, disk and time, said before it begins."""

from __future__ import annotations

from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.compress.settings import CONTEXT, Settings
from penjing.workshop.distill.needs import memory_needed
from penjing.workshop.prune.depth import depth_bytes
from penjing.workshop.prune.moments import moments_bytes, moments_disk
from penjing.workshop.prune.shape import REPAIR

DEPTH = 4, 96
"""Windows, and tokens of each, on which layers are left out: for every shape once."""
WINDOWS = 4
"""Of `CONTEXT` tokens, on which trials are compared."""
_FLOAT = 2  # bytes of a weight until it is rounded
_FILES = 3  # of them: repaired, healed, and what is tried
_TIMED = 6 * 4.0  # seconds: a trial's file and the starting model's, three times each
_ENCODE = 1.5e-6  # seconds of a core for a weight


def shaped(settings: Settings) -> bool:
    """Whether parts may go."""
    return settings.shape is not None or settings.shaping != "never"


def shape_bytes(checkpoint: Checkpoint, settings: Settings, *, heals: bool) -> int:
    """Peak memory of pruning and, where the effort trains, of healing."""
    if not shaped(settings):
        return 0
    count, length = REPAIR
    needs = [moments_bytes(checkpoint, count * length), depth_bytes(checkpoint, *DEPTH)]
    return max(*needs, memory_needed(checkpoint, checkpoint) if heals else 0)


def shape_disk(checkpoint: Checkpoint, settings: Settings) -> int:
    """Bytes of moments and of models that are not rounded yet."""
    if not shaped(settings):
        return 0
    return moments_disk(checkpoint) + _FILES * _FLOAT * checkpoint.parameters


def shape_seconds(checkpoint: Checkpoint, settings: Settings, tokens_per_second: float) -> float:
    """Roughly, of repairing and of all trials; finalists take as long as rounding did."""
    if not shaped(settings):
        return 0.0
    trials = 1 if settings.shape is not None else settings.shapes
    encode = _ENCODE * checkpoint.parameters / max(settings.threads, 1)
    read = WINDOWS * CONTEXT / tokens_per_second
    count, length = REPAIR
    return count * length / tokens_per_second + trials * (_TIMED + encode + read)
