"""A clock that rings without a thread: each step is one look, and what came of it."""

from __future__ import annotations

from penjing.tools.entries import Due
from penjing.tools.schedule import Schedule


class Stepped(Schedule):
    """Tells, when it is told to."""

    def _start(self) -> None:
        """No thread."""

    def step(self) -> list[Due]:
        """All that is due by now, in order, each told to whoever is there."""
        dues: list[Due] = []
        while (due := self._look()) is not None:
            dues.append(due)
            self._announce(due)
        return dues

    def _look(self) -> Due | None:
        with self._changed:
            due = self._next()
        return None if isinstance(due, float) else due
