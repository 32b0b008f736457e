"""A lock that threads get in the order in which they asked. Knows nothing of what it guards.

`threading.Lock` goes to whoever comes by at the right moment: under load somebody may
wait for ever.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from types import TracebackType


class FairLock:
    """Use it in a with statement. Who forks waits for their turn, so that the child has it free.

    Other locks cannot do that: what a thread holds while another forks stays held in the child,
    where that thread is not, for ever.
    """

    def __init__(self) -> None:
        self._begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self.take, after_in_parent=self.give_back, after_in_child=self._begin
            )

    def _begin(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Lock] = deque()

    def take(self) -> None:
        """Wait for it. An interrupt while waiting leaves the others their turns."""
        with self._guard:
            if not self._held:
                self._held = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        try:
            mine.acquire()  # until whoever holds it hands it over
        except BaseException:
            self._leave(mine)
            raise

    def give_back(self) -> None:
        """Hand it to who has waited longest."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False

    def _leave(self, mine: threading.Lock) -> None:
        with self._guard:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return
        self.give_back()  # it had become ours meanwhile

    def __enter__(self) -> None:
        self.take()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.give_back()
