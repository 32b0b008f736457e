"""Negative controls: what the same bytes give without the method. A method must beat them.

plain      one codec everywhere, nearest rounding without importance; the bytes that are left
           are spent on the next larger codec, tensor by tensor in file order
shuffled   our own choice of codecs, but dealt out at random among tensors of equal shape, with
           the same importance: what is left of the method when sensitivities are ignored
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from penjing.bundle.codecs import CODECS
from penjing.workshop.checkpoint import Checkpoint

_LADDER = ("Q1_0", "Q2_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0")

Size = Callable[[Mapping[str, str]], int]


def plain(checkpoint: Checkpoint, budget: int, size: Size) -> dict[str, str] | None:
    """The plain plan of at most `budget` bytes, or None where no single codec is that small.

    `size` gives a plan's exact file size. A tensor whose rows do not fit a codec keeps its own.
    """
    uniform = [{n: _fitting(checkpoint, n, c) for n in checkpoint.quantizable} for c in _LADDER]
    fitting = [i for i, plan in enumerate(uniform) if size(plan) <= budget]
    if not fitting:
        return None
    plan, larger = uniform[fitting[-1]], fitting[-1] + 1
    if larger == len(uniform):
        return plan
    room = budget - size(plan)
    out = dict(plan)
    for name in checkpoint.quantizable:
        shape = checkpoint.tensors[name].shape
        codec = uniform[larger][name]
        extra = CODECS[codec].nbytes(shape) - CODECS[out[name]].nbytes(shape)
        if 0 < extra <= room - 32:  # padding
            out[name], room = codec, room - extra
    return out


def shuffled(checkpoint: Checkpoint, plan: Mapping[str, str], seed: int) -> dict[str, str]:
    """The same codecs for the same shapes, dealt out anew. The file has exactly as many bytes."""
    chance = random.Random(seed)  # noqa: S311 (no secret)
    shapes: dict[tuple[int, ...], list[str]] = {}
    for name in plan:
        shapes.setdefault(checkpoint.tensors[name].shape, []).append(name)
    out = dict(plan)
    for names in shapes.values():
        codecs = [plan[name] for name in names]
        chance.shuffle(codecs)
        out.update(zip(names, codecs, strict=True))
    return out


def _fitting(checkpoint: Checkpoint, name: str, codec: str) -> str:
    source = checkpoint.tensors[name]
    return codec if CODECS[codec].fits(source.shape[-1]) else source.codec.name
