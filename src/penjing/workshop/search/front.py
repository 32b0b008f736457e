"""The Pareto front: what nothing else beats in everything. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def front(points: Sequence[Sequence[float]]) -> list[int]:
    """Places of the points [n, goals] that no other is as good as in all and better in one.

    Less is better. Of equal points the first stays.
    """
    return [
        place
        for place, point in enumerate(points)
        if not any(
            _beats(other, point) or (tuple(other) == tuple(point) and rival < place)
            for rival, other in enumerate(points)
            if rival != place
        )
    ]


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)
