"""A fair queue: bounded, owners take turns, and who has two places may be preempted.

A free place goes to the owner with the fewest answers being written, and among equals to the one
who was given the fewest tokens lately. Nobody can fill the queue: an owner may have as many waiting
as there is room left for the others. Pure: knows owners, counts and seconds.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Line(Generic[Item]):
    """Waiting items by owner."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._waiting: dict[str, deque[Item]] = {}
        self._running: Counter[str] = Counter()
        self._given: dict[str, float] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def has_room(self, owner: str, free: int) -> bool:
        """Whether one more of this owner may wait; `free` of those that wait need not wait long."""
        waiting = len(self)
        if waiting < free:
            return True
        return len(self._waiting.get(owner, ())) < self._room + free - waiting

    def add(self, owner: str, item: Item) -> None:
        """Let an item wait."""
        self._enter(owner)
        self._waiting.setdefault(owner, deque()).append(item)

    def again(self, owner: str, item: Item) -> None:
        """Let an item that was interrupted wait, before the owner's others."""
        self._enter(owner)
        self._waiting.setdefault(owner, deque()).appendleft(item)

    def next(self) -> Item | None:
        """The item whose turn it is, taken out and counted as running; None when none waits."""
        owner = min(self._waiting, key=self._claim, default=None)
        if owner is None:
            return None
        item = self._waiting[owner].popleft()
        if not self._waiting[owner]:
            del self._waiting[owner]
        self._running[owner] += 1
        return item

    def remove(self, owner: str, item: Item) -> bool:
        """Take a waiting item out; False when it does not wait."""
        if item not in self._waiting.get(owner, ()):
            return False
        self._waiting[owner].remove(item)
        if not self._waiting[owner]:
            del self._waiting[owner]
        self._leave(owner)
        return True

    def over(self, owner: str) -> None:
        """One running item of this owner has ended or was interrupted."""
        self._running[owner] -= 1
        self._leave(owner)

    def give(self, owner: str, tokens: float) -> None:
        """Count what was computed for an owner."""
        self._given[owner] = self._given.get(owner, 0.0) + tokens

    def given(self, owner: str) -> float:
        """What was computed for an owner since they came, compared with the others'."""
        return self._given.get(owner, 0.0)

    def crowding(self) -> str | None:
        """The owner who must let go of a place: they have two, and somebody who waits has none."""
        if all(self._running[owner] for owner in self._waiting):
            return None
        owner, most = max(self._running.items(), key=lambda pair: pair[1], default=("", 0))
        return owner if most > 1 else None

    def waiting(self) -> list[Item]:
        """All that wait, in no order."""
        return [item for items in self._waiting.values() for item in items]

    def _claim(self, owner: str) -> tuple[int, float]:
        return self._running[owner], self.given(owner)

    def _enter(self, owner: str) -> None:
        """Who was away starts level with the others: waiting is no credit, nor is having waited."""
        if owner not in self._given:
            self._given[owner] = min(self._given.values(), default=0.0)

    def _leave(self, owner: str) -> None:
        if not self._running[owner] and owner not in self._waiting:
            del self._running[owner]
            self._given.pop(owner, None)
