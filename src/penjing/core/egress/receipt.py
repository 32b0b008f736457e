"""What was closed, and what was not: never more than is true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from penjing.core.egress.allowed import Address


@dataclass(frozen=True)
class Layer:
    """One thing that refuses."""

    name: str
    """process, landlock or seccomp."""
    on: bool
    """It refuses from now on."""
    says: str
    """What it refuses and for whom; or why it is not on."""


@dataclass(frozen=True)
class Receipt:
    """What closing the shutter came to."""

    allowed: tuple[Address, ...]
    """What stays reachable."""
    layers: tuple[Layer, ...]
    """All of them, on or not."""
    open: tuple[str, ...]
    """What stays possible all the same, a line each."""
    taken: int = 0
    """Sockets that were made before and are none any more."""

    @property
    def kernel(self) -> bool:
        """The kernel refuses too: native code and child processes are held as well."""
        return any(layer.on for layer in self.layers if layer.name != "process")

    def lines(self) -> list[str]:
        """For a person."""
        reach = ", ".join(str(one) for one in self.allowed) or "nothing"
        return [
            f"reachable: {reach}",
            *(f"{one.name}: {'on' if one.on else 'OFF'}, {one.says}" for one in self.layers),
            *([f"taken away: {self.taken} sockets that were made before"] if self.taken else []),
            *(f"still open: {line}" for line in self.open),
        ]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "allowed": [str(one) for one in self.allowed],
            "layers": [vars(one) for one in self.layers],
            "kernel": self.kernel,
            "taken_away": self.taken,
            "still_open": list(self.open),
        }


def layer_of(layers: Sequence[Layer], name: str) -> Layer:
    """The layer of that name."""
    return next(one for one in layers if one.name == name)
