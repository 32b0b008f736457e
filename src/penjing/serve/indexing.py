"""Documents being indexed: few at a time, the people by turns; how far they are."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

from penjing.core.errors import PenjingError
from penjing.core.history import Document
from penjing.core.protocols import Store
from penjing.serve.refusals import INTERNAL, trace
from penjing.serve.services import Indexer

log = logging.getLogger("penjing.serve")

_AT_ONCE = 2
"""Of two people: the engine wants the cores too."""
_Work = tuple[Indexer, Document]


@dataclass
class _State:
    state: str
    problem: str = ""


class Indexing:
    """What is known of the documents that this server has seen. Thread-safe.

    One document of a person's at a time, so that nobody's thousand pages hold up another's line.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[str, _State] = {}
        self._waiting: dict[Store, deque[_Work]] = {}
        """In the order in which their turns come."""
        self._busy: set[Store] = set()

    def begin(self, index: Indexer, store: Store, document: Document) -> None:
        """Index a document in a while."""
        with self._lock:
            self._states[document.id] = _State("indexing")
            self._waiting.setdefault(store, deque()).append((index, document))
            self._go_on()

    def resume(self, index: Indexer, store: Store) -> None:
        """Begin what an ended server left unread; what this one has seen is not begun again."""
        ready = {one.document.id for one in store.passages.indexed()}
        for one in reversed(store.documents.all()):
            if one.id not in ready and one.id not in self._states:
                self.begin(index, store, one)

    def forget(self, document: str) -> None:
        """It is gone."""
        with self._lock:
            self._states.pop(document, None)

    def state(self, store: Store, document: str) -> dict[str, Any]:
        """How far a document is, and how many passages it has."""
        known = self._states.get(document, _State("kept"))
        for one in store.passages.indexed():
            if one.document.id == document:
                remark = known.problem if known.state == "kept" else ""
                return {"state": "ready", "problem": remark, "passages": one.excerpts}
        return {"state": known.state, "problem": known.problem, "passages": 0}

    def _go_on(self) -> None:
        """Let the next begin, as long as there are places and people who wait."""
        for store in [one for one in self._waiting if one not in self._busy]:
            if len(self._busy) == _AT_ONCE:
                return
            many = self._waiting.pop(store)
            work = many.popleft()
            if many:
                self._waiting[store] = many  # behind all others
            self._busy.add(store)
            arguments = (store, *work)
            threading.Thread(target=self._run, args=arguments, name="indexing", daemon=True).start()

    def _run(self, store: Store, index: Indexer, document: Document) -> None:
        try:
            if document.id in self._states:  # not deleted meanwhile
                self._index(store, index, document)
        finally:
            with self._lock:
                self._busy.discard(store)
                self._go_on()

    def _index(self, store: Store, index: Indexer, document: Document) -> None:
        try:
            made = index(store, document)
            done = _State("kept", made.remark if made else "")  # the store says when it is more
        except PenjingError as error:
            done = _State("failed", str(error))
        except Exception as error:  # a bug in a reader of some format ends nothing else
            log.error("internal error: %s", trace(error))
            done = _State("failed", INTERNAL)
        with self._lock:
            if document.id in self._states:
                self._states[document.id] = done
