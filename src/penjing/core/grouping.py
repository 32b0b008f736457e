"""A seam beside `Tool`: which names mean several things, for whoever must name each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class Grouping(Protocol):
    """A tool that tells which of its names mean several things, or the same one."""

    def members(self, parameter: str) -> Mapping[str, Sequence[str]]:
        """Every name of a parameter to the names of the single things it means, each the name by
        which that thing alone is called; empty when it is not known."""
        ...
