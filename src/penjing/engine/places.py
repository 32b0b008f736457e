"""The prefix cache: which row holds whose words, and from which of them an answer may go on.

**Nobody's row is ever a beginning for anybody else**: owners are compared before tokens are, so
that neither what others said nor whether they said it can be learned from what is cached. Knows
owners and tokens; must not know an engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

_WORTH_COPYING = 16  # tokens; below, reading them again is as fast


@dataclass
class Place:
    """One row and what it holds."""

    row: int
    """Its number in the engine."""
    owner: str | None = None
    """Whose words it holds; None while it holds nothing."""
    tokens: list[int] = field(default_factory=list)
    """The tokens whose keys and values it holds."""
    busy: bool = False
    """An answer is being written in it."""
    leaving: bool = False
    """Its owner was forgotten while it was busy: it must be emptied when it is let go."""
    used: int = 0
    """When it was last let go, as a count."""


@dataclass(frozen=True)
class Start:
    """Where an answer begins."""

    place: Place
    """The row to write in."""
    common: int
    """Tokens of the prompt that need not be read again."""
    source: Place | None
    """The row that holds them, where it is another."""


class Places:
    """All rows. `choose` and then `take` one; `release` it when the answer is over."""

    def __init__(self, count: int) -> None:
        self._places = [Place(row) for row in range(count)]
        self._clock = 0

    def __len__(self) -> int:
        return len(self._places)

    @property
    def free(self) -> int:
        """Rows in which nothing is being written."""
        return sum(not place.busy for place in self._places)

    def choose(self, owner: str, prompt: Sequence[int]) -> Start:
        """The row for a prompt: one must be free. The prompt's last token is always read anew."""
        held = [
            (_common(place.tokens, prompt), place)
            for place in self._places
            if place.owner == owner and not place.leaving
        ]
        common, best = max(held, key=lambda pair: (pair[0], not pair[1].busy), default=(0, None))
        if best is None or common < _WORTH_COPYING:
            common, best = 0, None
        elif not best.busy and (2 * common >= len(best.tokens) or self.free == 1):
            return Start(best, common, None)
        return Start(self._least_missed(best), common, best)

    def take(self, start: Start, owner: str, common: int) -> Place:
        """Begin: the row is this owner's and holds that many tokens of what was chosen."""
        place = start.place
        tokens = (start.source or place).tokens[:common]
        place.owner, place.tokens = owner, tokens
        place.busy, place.leaving = True, False
        return place

    def release(self, place: Place) -> None:
        """The answer is over; what the row holds stays its owner's until somebody needs the row."""
        self._clock += 1
        place.busy, place.used = False, self._clock

    def empty(self, place: Place) -> None:
        """Nobody knows what the row holds any more."""
        place.owner, place.tokens, place.leaving = None, [], False

    def forget(self, owner: str) -> list[int]:
        """The rows that hold words of an owner and are free: now empty. Busy ones are leaving."""
        mine = [place for place in self._places if place.owner == owner]
        for place in mine:
            place.leaving = place.busy
            if not place.busy:
                self.empty(place)
        return [place.row for place in mine if not place.busy]

    def _least_missed(self, kept: Place | None) -> Place:
        """A free row: an empty one beside busy ones if there is one, else the longest unused."""
        free = [p for p in self._places if not p.busy and p is not kept]
        empty = [place for place in free if place.owner is None]
        if not empty:
            return min(free, key=lambda place: place.used)
        busy = [place.row for place in self._places if place.busy]
        return min(empty, key=lambda p: (min((abs(p.row - b) for b in busy), default=0), p.row))


def _common(held: Sequence[int], prompt: Sequence[int]) -> int:
    most = min(len(held), len(prompt) - 1)
    if list(held[:most]) == list(prompt[:most]):
        return most
    low, high = 0, most  # they agree up to low and not up to high
    while high - low > 1:
        middle = (low + high) // 2
        if held[low:middle] == prompt[low:middle]:
            low = middle
        else:
            high = middle
    return low
