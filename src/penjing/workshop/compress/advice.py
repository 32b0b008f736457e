"""What is told of a file beyond its numbers, as plain data; `report/advice.py` has the words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penjing.bundle.codecs import CODECS
from penjing.core.units import format_size
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.search.choice import Allocation, Choices
from penjing.workshop.search.groups import candidates
from penjing.workshop.search.wavefront import EMBEDDING, HEAD

SOUND = 0.6
"""Mean KLD of a file that is surely not broken, nats: three of five top tokens are unchanged."""

_MUCH = 0.25
"""Of the weights: from here on it is said what the vocabulary costs."""


def why_left(choices: Choices, found: Allocation, room: int) -> str:
    """Why no group takes more of the bytes that are left."""
    steps = [
        (choice.nbytes - now.nbytes, name, choice.codec)
        for name, now in found.chosen.items()
        for choice in choices[name]
        if choice.loss < now.loss
    ]
    if not steps:
        return "every tensor is as good as it came"
    extra, name, codec = min(steps)
    if extra > room:
        return f"the smallest step that keeps more, {name} in {codec}, takes {format_size(extra)}"
    return "the plans that were measured with more of them kept less"


def vocabulary(checkpoint: Checkpoint, plan: Mapping[str, str]) -> dict[str, Any] | None:
    """What embedding and head take, and what half of their rows would save; None: not much."""
    tensors = {n: checkpoint.tensors[n] for n in (EMBEDDING, HEAD) if n in checkpoint.tensors}
    share = sum(source.parameters for source in tensors.values()) / checkpoint.parameters
    if share < _MUCH or not tensors:
        return None
    kinds = {name: CODECS[plan.get(name, each.codec.name)] for name, each in tensors.items()}
    size = sum(kinds[name].nbytes(each.shape) for name, each in tensors.items())
    document = {
        "share": share,
        "rows": checkpoint.vocabulary,
        "bytes": size,
        "codec": " and ".join(dict.fromkeys(kind.name for kind in kinds.values())),
        "half_bytes": size // 2,
    }
    last = next(reversed(tensors))  # the head: the one that is read whole
    smaller = [c for c in candidates(tensors[last]) if c.bits < kinds[last].bits]
    if smaller:
        other = max(smaller, key=lambda codec: codec.bits)
        saved = kinds[last].nbytes(tensors[last].shape) - other.nbytes(tensors[last].shape)
        document |= {"split_codec": other.name, "split_bytes": saved // 2}
    return document
