"""Two requests in one sentence: where to part it. Pure; the caller says what a part wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from penjing.core.dialogue import Recognition

MAX_PARTS = 4
_MAX_JOINTS = 6
_IDLE = 0.3
_IDLE_WORD = 0.06
"""What it costs to pass over a remark: the longer it is, the likelier a request stands in it."""
CLEAR = 0.6
"""Confidence of a request that stands beside something that is none."""


@dataclass(frozen=True)
class Part:
    """A part of a sentence."""

    found: tuple[Recognition, ...]
    """Ways to take it; empty when it is no request."""
    idle: bool
    """It may be passed over when another part is a request: it turns nothing around."""


def clear(found: tuple[Recognition, ...]) -> bool:
    """Templates say so, and plainly."""
    return found[0].stage == "templates" and found[0].confidence >= CLEAR


ReadPart = Callable[[int, int, Recognition | None], Part]
"""First token, one past the last, what the part before wants."""


def split(
    length: int, joints: Sequence[tuple[int, int]], read: ReadPart
) -> list[tuple[Recognition, ...]]:
    """The requests of the parts, with the fewest parts that will do; empty when none will.

    Every part must be a request, except that beside one that is, a remark may stand ("it is dark
    here, ...").
    """
    joints = joints[:_MAX_JOINTS]
    memory: dict[tuple[int, int, object], Part] = {}

    def part(a: int, b: int, last: Recognition | None) -> Part:
        key = (a, b, last and (last.intent, repr(last.slots)))
        if key not in memory:
            memory[key] = read(a, b, last)
        return memory[key]

    best: tuple[float, list[tuple[Recognition, ...]]] | None = None

    def walk(
        a: int, first: int, done: list[tuple[Recognition, ...]], price: float, parts: int
    ) -> None:
        nonlocal best
        ends = [(joints[n][0], joints[n][1], n + 1) for n in range(first, len(joints))]
        for b, after, following in [*ends, (length, length, len(joints))]:
            if b <= a or (b == length and a == 0) or parts >= MAX_PARTS:
                continue
            last = done[-1][0] if done else None
            one = part(a, b, last)
            if one.found:
                more, cost = [*done, one.found], 1.05 - one.found[0].confidence
            elif one.idle:
                more, cost = done, _IDLE + _IDLE_WORD * (b - a)
            else:
                continue
            total = price + cost
            if best is not None and total >= best[0]:
                continue
            if after >= length:
                passed = parts + 1 > len(more)  # beside a remark a request must be clear
                if more and (not passed or all(map(clear, more))):
                    best = (total, more)
            else:
                walk(after, following, more, total, parts + 1)

    if joints:
        walk(0, 0, [], 0.0, 0)
    return best[1] if best else []


def merged(parts: Sequence[tuple[Recognition, ...]]) -> list[tuple[Recognition, ...]]:
    """The same parts, but what says one thing in two ways is one: "it is dark here, light on"."""
    found: list[tuple[Recognition, ...]] = []
    for part in parts:
        last = found[-1][0] if found else None
        this = part[0]
        if last is not None and last.intent == this.intent:
            values = {slot.name: slot.value for slot in last.slots}
            if all(values.get(slot.name, slot.value) == slot.value for slot in this.slots) and (
                len(this.slots) != len(last.slots)
                or values.keys() == (fresh := {slot.name for slot in this.slots})
                or not values.keys() & fresh
            ):
                slots = {slot.name: slot for slot in (*last.slots, *this.slots)}
                surer = max(last.confidence, this.confidence)
                both = Recognition(this.intent, tuple(slots.values()), surer, this.stage)
                found[-1] = (both,)
                continue
        found.append(part)
    return found


def tells_more(one: Recognition, other: Recognition) -> bool:
    """The same is wanted, and with values that the other does not have."""
    return one.intent == other.intent and {slot.name for slot in one.slots} > {
        slot.name for slot in other.slots
    }
