"""Texts of several domains, mixed: how many windows of each, in which order, and which stay apart.

A model calibrated on one domain is worse on all others, and its own check does not see it: every
domain therefore keeps windows apart that nothing is tuned on. Knows windows of tokens; must not
know models or files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

OWN = "own writing"
"""What the domain of the model's own text is called."""

_REPEATS = 4
"""How often a window may stand in the mix, so that a small domain keeps its share."""
_FEW = 4
"""Below so many windows a domain keeps none apart."""
_APART = 4
"""Windows kept apart, of one text; of several domains two each."""

Window = tuple[int, ...]


@dataclass(frozen=True)
class Domain:
    """One kind of text."""

    name: str
    """What reports call it."""
    text: str
    """All of it."""
    share: float
    """How much of the mix it is, beside the others."""


@dataclass(frozen=True)
class Mixture:
    """Windows for everything that tunes, and those that nothing is tuned on."""

    first: tuple[Window, ...]
    """A few, for statistics."""
    training: tuple[Window, ...]
    """Many, those among them."""
    apart: Mapping[str, tuple[Window, ...]]
    """By domain."""


def mixed(
    pools: Mapping[str, Sequence[Window]], shares: Mapping[str, float], *, few: int, many: int
) -> Mixture:
    """`few` windows and, with those, at most `many` of these pools by their shares."""
    sizes = {name: len(pool) for name, pool in pools.items()}
    order = interleaved(shares, sizes, few)
    first = {name: spread(pool, order.count(name)) for name, pool in pools.items()}
    apart = _kept_apart(pools, first)
    whole = sum(shares[name] for name in pools)
    for name, pool in pools.items():
        first[name] = [window for window in first[name] if window not in apart[name]]
        known = {*first[name], *apart[name]}
        lacking = round(many * shares[name] / whole) - len(first[name])
        first[name] += spread([window for window in pool if window not in known], lacking)
    again = _REPEATS if len(pools) > 1 else 1
    long = interleaved(shares, {name: again * len(pool) for name, pool in first.items()}, many)
    chosen = {name: spread(pool, order.count(name)) for name, pool in pools.items()}
    return Mixture(
        _taken(order, chosen),
        _taken(long, first),
        {name: tuple(windows) for name, windows in apart.items() if windows},
    )


def _kept_apart(
    pools: Mapping[str, Sequence[Window]], first: Mapping[str, Sequence[Window]]
) -> dict[str, list[Window]]:
    """Some of each domain that are not among its first; if all are, its last ones.

    A domain of a few windows, all of them among the first, keeps none where another has some.
    """
    most = _APART if len(pools) <= 2 else _APART // 2
    out = {}
    for name, pool in pools.items():
        rest = [window for window in pool if window not in set(first[name])]
        out[name] = spread(rest, max(1, min(most, len(rest) // _FEW)))
        if not rest and len(pool) >= _FEW:
            out[name] = list(pool[-min(most, len(pool) // _FEW) :])
    if not any(out.values()):
        longest = max(pools, key=lambda name: len(pools[name]))
        out[longest] = list(pools[longest][-1:])
    return out


def _taken(order: Sequence[str], pools: Mapping[str, Sequence[Window]]) -> tuple[Window, ...]:
    """The next window of each domain in turn, from the beginning again when they are used up."""
    places = dict.fromkeys(pools, 0)
    out = []
    for name in order:
        out.append(pools[name][places[name] % len(pools[name])])
        places[name] += 1
    return tuple(out)


def interleaved(shares: Mapping[str, float], available: Mapping[str, int], count: int) -> list[str]:
    """The domain of each of at most `count` windows, every beginning of it near the shares."""
    taken = dict.fromkeys(available, 0)
    out: list[str] = []
    while len(out) < count and (open_ := [n for n in available if taken[n] < available[n]]):
        name = min(open_, key=lambda n: (taken[n] + 0.5) / shares[n])
        taken[name] += 1
        out.append(name)
    return out


def spread(windows: Sequence[Window], count: int) -> list[Window]:
    """At most `count` of them, evenly over all."""
    count = max(0, min(count, len(windows)))
    return [windows[i * len(windows) // count] for i in range(count)]
