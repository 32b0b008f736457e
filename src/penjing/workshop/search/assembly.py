"""Whole assemblies, one after another: plans that change nearly every tensor.

The wavefront shares what variants have in common with the clean run; an assembly has nothing in
common with it, but much with the assembly before: where two plans first differ, the later one goes
on from the hidden states of the earlier. One block's weights are in memory at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from penjing.workshop.search.head import Reading
from penjing.workshop.search.wavefront import EMBEDDING, EVERY, CodecRounding, Plan, Wavefront
from penjing.workshop.threads import one_by_one


@dataclass(frozen=True, eq=False)
class _Trace:
    """A walk through the blocks."""

    plan: Plan
    """Codec name by tensor name."""
    inputs: list[torch.Tensor]
    """Hidden states [texts, T, hidden] that entered each block, and what came out of the last."""


class Assemblies:
    """Reads whole plans on the text of a wavefront. Not for several threads at once."""

    def __init__(self, front: Wavefront, rounded: CodecRounding) -> None:
        self._front, self._rounded = front, rounded
        self._traces: list[_Trace] = []

    @torch.no_grad()
    def read(self, plan: Plan, *, tops: bool = False) -> Reading:
        """What the plan does to the output: as `Wavefront.read`, without its short type."""
        front, trace = self._front, self._begun(plan)
        self._traces = self._traces[max(0, len(self._traces) - front.memory.walks + 1) :]
        for layer in range(len(trace.inputs) - 1, front.layers):
            trace.inputs.append(self._block(layer, plan, trace.inputs[-1]))
        self._traces.append(trace)
        last = front.changed(plan, trace.inputs[-1], self._rounded)
        precise = front.means.precise
        return front.head.read([last], one_by_one, dtype=precise, tops=tops)[0]

    def _begun(self, plan: Plan) -> _Trace:
        """The plan's walk as far as an earlier one went the same way."""
        shared = [(self._shared(plan, trace.plan), trace) for trace in self._traces]
        most, best = max(shared, key=lambda pair: pair[0], default=(-1, None))
        if best is None or most < 0:
            return _Trace(plan, [self._front.embedded(plan, self._rounded)])
        self._traces.remove(best)
        self._traces.append(best)  # of use now, so it is forgotten last
        return _Trace(plan, best.inputs[: most + 1])

    def _shared(self, plan: Plan, other: Plan) -> int:
        """The first block whose output differs, so that its input is the same; -1: none is."""
        names = _differing(plan, other)
        if EMBEDDING in names:
            return -1
        blocks = (int(name.split(".")[1]) for name in names if name.startswith("blk."))
        return min(blocks, default=self._front.layers)

    def _block(self, layer: int, plan: Plan, hidden: torch.Tensor) -> torch.Tensor:
        model, prefix = self._front.model, f"blk.{layer}."
        weights = {
            name: self._rounded(name, codec, EVERY).to(hidden.device, hidden.dtype)
            for name, codec in plan.items()
            if name.startswith(prefix)
        }
        return model.variant(weights).block(layer, hidden)


def _differing(plan: Plan, other: Plan) -> set[str]:
    """Tensors that the plans store differently."""
    names: Iterable[str] = plan.keys() | other.keys()
    return {name for name in names if plan.get(name) != other.get(name)}
