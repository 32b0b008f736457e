"""What this machine multiplies matrices in: measured, not assumed from its name.

bfloat16 is several times as fast as float32 where the processor has it in hardware, and several
times slower where it does not; no flag tells which in a virtual machine.
"""

from __future__ import annotations

import time
from functools import lru_cache

import torch

_TOKENS, _ROWS, _CHANNELS = 512, 1536, 576
_GAIN = 1.3  # below this float32 is kept: its digits are worth more


def best_device() -> torch.device:
    """The accelerator, if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@lru_cache
def fast_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 if it multiplies at least 1.3 times as fast as float32 there, else float32."""
    if device.type != "cpu":
        return torch.bfloat16
    exact, short = (_seconds(kind) for kind in (torch.float32, torch.bfloat16))
    return torch.bfloat16 if exact > _GAIN * short else torch.float32


def _seconds(kind: torch.dtype) -> float:
    """Of the best of a few products of a usual size."""
    a, b = torch.ones(_TOKENS, _CHANNELS, dtype=kind), torch.ones(_CHANNELS, _ROWS, dtype=kind)
    best = float("inf")
    for _ in range(6):
        begun = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - begun)
    return best
