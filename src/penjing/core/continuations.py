"""Continuations of one text (the choices of a question) and who computes them: values and a seam.

Knows tokens; must not know questions or engines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Fork:
    """One beginning and several ways to go on."""

    prefix: tuple[int, ...]
    """Tokens that all share, at least one."""
    branches: tuple[tuple[int, ...], ...]
    """Tokens of each way, at least one each."""


@dataclass(frozen=True)
class Pick:
    """One token of a branch, and which row of logits foretells it."""

    row: int
    """Of the step's logits."""
    fork: int
    """Which fork, by its place among those that were given."""
    branch: int
    """Which of its branches."""
    token: int
    """The token that the branch goes on with."""


@dataclass(frozen=True)
class Step:
    """What one run of the engine brought."""

    logits: npt.NDArray[np.float32]
    """[rows, vocabulary]: perhaps memory that the next step overwrites."""
    picks: tuple[Pick, ...]
    """The tokens that these rows foretell."""


class Continuer(Protocol):
    """Runs forks and writes greedy continuations."""

    @property
    def longest(self) -> int:
        """Tokens that a prefix and one of its branches may have together."""
        ...

    def steps(self, forks: Sequence[Fork]) -> Iterator[Step]:
        """Logits for every token of every branch, each token in exactly one step.

        A fork's numbers do not depend on which other forks are asked for beside it, but for the
        rounding of the engine.
        """
        ...

    def write(self, prompts: Sequence[Sequence[int]], most: int) -> list[list[int]]:
        """The likeliest continuation of each prompt, token by token: at most `most` tokens."""
        ...

    def close(self) -> None:
        """Free what it took; not the model. Calling it twice is harmless."""
        ...
