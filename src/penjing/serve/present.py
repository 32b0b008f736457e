"""Whose store is open now, for what works while nobody asks: a clock that rings, say.

The door says who came and who is about to leave. Knows neither the door nor what is done with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from penjing.core.errors import NotFound
from penjing.core.protocols import Store


class Present:
    """The open stores by person. Thread-safe.

    `always`: stores that lie in memory and never close, whoever comes and leaves.
    """

    def __init__(self, always: Mapping[str, Store] | None = None) -> None:
        self._always = dict(always or {})
        self._open: dict[str, Store] = {}
        self._lock = threading.Lock()
        self.on_came: Callable[[str], None] = lambda _person: None
        """Somebody's store is open. Called in a thread: it may read there."""
        self.on_opened: Callable[[Store], None] = lambda _store: None
        """The same, for what knows stores and no people."""
        self.on_leaves: Callable[[str], None] = lambda _person: None
        """Somebody's store is about to close. Called on the event loop: it must be quick."""

    def came(self, person: str, store: Store) -> None:
        """It is open from now on."""
        with self._lock:
            self._open[person] = store

    def leaves(self, person: str) -> None:
        """It is about to close."""
        with self._lock:
            self._open.pop(person, None)
        self.on_leaves(person)

    def store(self, person: str) -> Store:
        """A person's, never to be closed by who asks. NotFound while it is closed."""
        with self._lock:
            found = self._open.get(person) or self._always.get(person)
        if found is None:
            raise NotFound("open store", person)
        return found
