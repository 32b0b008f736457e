"""Documents being indexed: each by a thread of its own, few at a time; how far they are."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Any

from penjing.core.errors import PenjingError
from penjing.core.history import Document
from penjing.core.protocols import Store
from penjing.serve.refusals import INTERNAL, trace
from penjing.serve.services import Indexer

log = logging.getLogger("penjing.serve")

_AT_ONCE = 1
"""The engine wants the cores too."""


@dataclass
class _State:
    state: str
    problem: str = ""


class Indexing:
    """What is known of the documents that this server has seen. Thread-safe."""

    def __init__(self) -> None:
        self._places = threading.Semaphore(_AT_ONCE)
        self._states: dict[str, _State] = {}

    def begin(self, index: Indexer, store: Store, document: Document) -> None:
        """Index a document in a while."""
        self._states[document.id] = _State("indexing")
        arguments = (index, store, document)
        threading.Thread(target=self._run, args=arguments, name="indexing", daemon=True).start()

    def forget(self, document: str) -> None:
        """It is gone."""
        self._states.pop(document, None)

    def state(self, store: Store, document: str) -> dict[str, Any]:
        """How far a document is, and how many passages it has."""
        known = self._states.get(document, _State("kept"))
        for one in store.passages.indexed():
            if one.document.id == document:
                return {"state": "ready", "problem": "", "passages": one.excerpts}
        return {"state": known.state, "problem": known.problem, "passages": 0}

    def _run(self, index: Indexer, store: Store, document: Document) -> None:
        with self._places:
            if document.id not in self._states:  # deleted meanwhile
                return
            try:
                index(store, document)
                done = _State("kept")  # the store says when it is more
            except PenjingError as error:
                done = _State("failed", str(error))
            except Exception as error:  # a bug in a reader of some format ends nothing else
                log.error("internal error: %s", trace(error))
                done = _State("failed", INTERNAL)
            if document.id in self._states:
                self._states[document.id] = done
