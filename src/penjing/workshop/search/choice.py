"""What the budget solver chooses among, and what it has chosen: frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """One codec for one group."""

    codec: str
    """Its name."""
    nbytes: int
    """Bytes of its tensors in the file, padding included."""
    loss: float
    """Predicted KLD that it adds, nats; never negative."""
    time: float = 0.0
    """What it takes of the time for a token, in tokens of the starting model; 0: not known."""


Choices = Mapping[str, Sequence[Choice]]
"""By group name."""


@dataclass(frozen=True)
class Allocation:
    """The chosen codec of every group."""

    chosen: Mapping[str, Choice]
    """By group name."""
    bound: float = 0.0
    """No allocation in the same bytes was shown to have less predicted loss than this, nats."""

    @property
    def nbytes(self) -> int:
        """All groups together."""
        return sum(choice.nbytes for choice in self.chosen.values())

    @property
    def loss(self) -> float:
        """The predicted KLD, nats."""
        return sum(choice.loss for choice in self.chosen.values())

    @property
    def time(self) -> float:
        """Time for a token, in tokens of the starting model."""
        return sum(choice.time for choice in self.chosen.values())

    @property
    def plan(self) -> dict[str, str]:
        """Codec name by group name; `groups.expand` makes it one by tensor name."""
        return {name: choice.codec for name, choice in self.chosen.items()}


def smallest(choices: Choices) -> int:
    """Bytes of the smallest assembly there is."""
    return sum(min(choice.nbytes for choice in row) for row in choices.values())
