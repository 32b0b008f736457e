"""What a server needs of the knowledge of many people: one embedder, one retriever a store.

A retriever goes when its store does: what was unlocked is not kept in memory after a logout.
"""

from __future__ import annotations

import threading
from weakref import WeakKeyDictionary

from penjing.core.history import Document
from penjing.core.protocols import Embedder, Store
from penjing.knowledge.library import AddedDocument, Library, ListedDocument
from penjing.knowledge.retriever import KnowledgeRetriever

_WHOLE = 2**53


class KnowledgeDesk:
    """Thread-safe; every call is about one open store and no other."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._lock = threading.Lock()
        self._retrievers: WeakKeyDictionary[Store, KnowledgeRetriever] = WeakKeyDictionary()

    def index(self, store: Store, document: Document) -> AddedDocument:
        """Make a kept document searchable. Raises BadInput for what cannot be read."""
        return Library(store, self._embedder).index(document)

    def states(self, store: Store) -> dict[str, ListedDocument]:
        """By id: whether searches find a document, and how many passages it has."""
        return {one.document.id: one for one in Library(store, self._embedder).all()}

    def text(self, store: Store, document: str, start: int = 0, end: int = _WHOLE) -> str:
        """A document's plain text from `start` to `end`, as citations count it."""
        return store.passages.text(document, start, end)

    def retriever(self, store: Store) -> KnowledgeRetriever:
        """The search over this store; the same one each time."""
        with self._lock:
            found = self._retrievers.get(store)
            if found is None:
                found = self._retrievers[store] = KnowledgeRetriever(store, self._embedder)
            return found
