"""The names of things that exist right now, as an assistant is given them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

_SHOWN = 5
_LONGEST = 40


class Names(Protocol):
    """Live names, and those that were not taken."""

    def __call__(self, tool: str, parameter: str) -> Sequence[str]:
        """Names that are taken."""
        ...

    def strange(self) -> Mapping[str, str]:
        """Names that are not, with why."""
        ...

    def members(self, tool: str, parameter: str) -> Mapping[str, Sequence[str]]:
        """Names to the things they mean."""
        ...


def listed(names: Mapping[str, str]) -> str:
    """Some of them, as a line that drives no terminal."""
    shown = ["".join(c for c in one if c.isprintable())[:_LONGEST] for one in [*names][:_SHOWN]]
    more = f" (+{len(names) - _SHOWN})" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, shown)) + more
