"""Places that threads get in the order in which they asked. Knows nothing of what they are for.

Python's own locks go to whoever comes by at the right moment: under load somebody may wait for
ever.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(eq=False)
class _Waiting:
    wanted: int
    turn: threading.Lock = field(default_factory=threading.Lock)


class FairPlaces:
    """So many places. Who forks takes them all first, so that the child finds them all free.

    Without that, what a thread holds while another forks stays held in the child, where that thread
    is not, for ever.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        """How many there are."""
        self._begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=lambda: self.take(places),
                after_in_parent=lambda: self.give_back(places),
                after_in_child=self._begin,
            )

    def _begin(self) -> None:
        self._guard = threading.Lock()
        self._free = self.places
        self._waiting: deque[_Waiting] = deque()

    @contextmanager
    def held(self, wanted: int) -> Iterator[None]:
        """Hold so many while the block runs."""
        self.take(wanted)
        try:
            yield
        finally:
            self.give_back(wanted)

    def take(self, wanted: int) -> None:
        """Wait for so many, in turn. An interrupt while waiting costs nobody else theirs."""
        with self._guard:
            if not self._waiting and wanted <= self._free:
                self._free -= wanted
                return
            mine = _Waiting(wanted)
            mine.turn.acquire()
            self._waiting.append(mine)
        try:
            mine.turn.acquire()  # until they are handed over
        except BaseException:
            self._leave(mine)
            raise

    def give_back(self, held: int) -> None:
        """Hand them to who has waited longest."""
        with self._guard:
            self._free += held
            self._hand_on()

    def _hand_on(self) -> None:
        while self._waiting and self._waiting[0].wanted <= self._free:
            first = self._waiting.popleft()
            self._free -= first.wanted
            first.turn.release()

    def _leave(self, mine: _Waiting) -> None:
        with self._guard:
            if mine in self._waiting:
                self._waiting.remove(mine)
            else:
                self._free += mine.wanted  # they had become ours meanwhile
            self._hand_on()
