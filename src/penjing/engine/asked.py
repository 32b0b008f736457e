"""One request to a worker that may crash: asked once more when nothing of its answer was said.

Who was in two crashes with nothing said is the suspect, and is refused. Knows requests and workers;
must not know when workers are started.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from penjing.core.errors import EngineError, PenjingError
from penjing.core.messages import Chunk
from penjing.engine.child import Child, Crashed, Deliver

_TRIES = 2


class PendingRequest:
    """A request until its answer has ended. Satisfies `Ticket`; what `Child.submit` delivers to."""

    def __init__(
        self, request: Mapping[str, Any], deliver: Deliver, again: Callable[[PendingRequest], bool]
    ) -> None:
        """`again` is told when it should be asked once more; False when nobody will."""
        self._request, self._deliver, self._again = request, deliver, again
        self._lock = threading.Lock()
        self._where: tuple[Child, int] | None = None
        self._tries = 0
        self._said = self._cancelled = False

    def send(self, child: Child) -> None:
        """Ask this worker. Raises what the scheduler raises."""
        self._tries += 1
        now = self._tries
        number = child.submit(self._request, self)
        with self._lock:
            if self._tries == now:  # else it crashed meanwhile, and was asked again elsewhere
                self._where = child, number
        if self._cancelled:
            child.cancel(number)

    def send_again(self, child: Child) -> None:
        """Ask another worker; what goes wrong is told where the answer would be."""
        if self._cancelled:
            self._deliver(EngineError("the engine crashed: ask again"))
            return
        try:
            self.send(child)
        except PenjingError as error:
            self._deliver(error)

    def give_up(self, why: str) -> None:
        """No other worker will be asked."""
        self._deliver(EngineError(why))

    def cancel(self) -> None:
        """End it: the last chunk has the reason "cancelled"."""
        with self._lock:
            self._cancelled = True
            where = self._where
        if where:
            where[0].cancel(where[1])

    def __call__(self, said: Chunk | Exception) -> None:
        """What the worker says, or how it ended."""
        if not isinstance(said, Crashed):
            self._said = True
            self._deliver(said)
        elif self._said or self._cancelled:
            self._deliver(EngineError(str(said)))
        elif self._tries >= _TRIES:
            why = str(said).removesuffix(": ask again")
            self._deliver(EngineError(f"{why} twice on this request: change it"))
        elif not self._again(self):
            self._deliver(EngineError(str(said)))
