"""A person's documents, searched by words and by meaning. Satisfies `core.protocols.Retriever`.

Loads vectors when first asked and follows the store from then on: documents that were added or
removed meanwhile, by another process too, are taken in or left out before each search.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from penjing.core.dialogue import Passage
from penjing.core.errors import NotFound
from penjing.core.history import Kept
from penjing.core.protocols import Embedder, Store
from penjing.knowledge.index.codes import is_of
from penjing.knowledge.index.dense import DenseIndex
from penjing.knowledge.index.fusion import fused
from penjing.knowledge.index.words import MOST_PLACES, WordIndex
from penjing.knowledge.relevance import FLOOR, THRESHOLD, relevance
from penjing.vault.tokenizer import asked

_LONGEST = 2000
"""Characters of a question that are read."""
_DEEP = 50
"""How far down each ranking goes."""
_DECIDING = 5
"""So many of the best decide whether there is an answer at all."""
MOST = 50
"""Passages of one answer."""


@dataclass(frozen=True)
class Candidate:
    """A passage that was found, and how."""

    kept: Kept
    """What it says."""
    score: float
    """Of both rankings together."""
    cosine: float
    """How near its meaning is."""
    relevance: float
    """0 to 1: how likely it has to do with the question at all."""


class KnowledgeRetriever:
    """Searches one open store. Threads may share it: one after the other."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder
        self._made: DenseIndex | None = None
        self._words = WordIndex()
        self._names: dict[str, str] = {}
        self._lock = threading.Lock()

    def search(self, query: str, *, limit: int = 5) -> list[Passage]:
        """The best passages, best first; empty when nothing is relevant."""
        wanted = min(max(limit, 1), MOST)
        found = self.candidates(query, limit=max(2 * wanted, _DECIDING))
        if max((one.relevance for one in found[:_DECIDING]), default=0.0) < THRESHOLD:
            return []
        related = [one for one in found if one.relevance >= FLOOR]
        return [self._passage(one) for one in related[:wanted]]

    def candidates(self, query: str, *, limit: int = 2 * _DEEP) -> list[Candidate]:
        """The best of both rankings together, best first, relevant or not."""
        question = query.strip()[:_LONGEST]
        if not question:
            return []
        with self._lock:
            self._follow()
            if not self._names:
                return []  # nothing is asked of the model for who has no documents
            words = asked(question)
            with ThreadPoolExecutor(1) as beside:  # the engine and the store need no common lock
                embedding = beside.submit(self._embedder.embed, [question], "query")
                places = self._store.passages.places(words, most=MOST_PLACES)
                by_words = self._words.search(places, _DEEP)
                vector = embedding.result()[0]
            by_meaning = [one.number for one in self._meaning.search(vector, _DEEP)]
            scores = fused(by_words, by_meaning)
            best = list(scores)[:limit]
            cosines = self._meaning.cosines(vector, best)
        return [
            Candidate(
                one,
                scores[one.number],
                cosines.get(one.number, 0.0),
                relevance(words, one.excerpt, cosines.get(one.number, 0.0)),
            )
            for one in self._store.passages.get(best)
        ]

    def load(self) -> int:
        """Take in all there is now; how many vectors."""
        with self._lock:
            self._follow()
            return len(self._meaning)

    @property
    def _meaning(self) -> DenseIndex:
        if self._made is None:
            self._made = DenseIndex(self._embedder.dimension)
        return self._made

    def _follow(self) -> None:
        now = {one.document.id: one.document.name for one in self._store.passages.indexed()}
        gone = self._words.documents - now.keys()
        new = [document for document in now if document not in self._words.documents]
        if gone or new:
            for document in gone:
                self._words.leave(document)
            self._meaning.change(gone, ((one, self._taken(one)) for one in new))
            self._words.settle()
        self._names = now

    def _taken(self, document: str) -> list[tuple[int, bytes]]:
        """Lengths of all excerpts, and the vectors that this model made."""
        try:
            marks = self._store.passages.marks(document)
        except NotFound:  # removed a moment ago
            marks = []
        self._words.take(document, marks)
        name, dimension = self._embedder.name, self._embedder.dimension
        return [(one.number, one.vector) for one in marks if is_of(one.vector, name, dimension)]

    def _passage(self, found: Candidate) -> Passage:
        excerpt = found.kept.excerpt
        text = excerpt.text.strip()
        start = excerpt.start + len(excerpt.text) - len(excerpt.text.lstrip())
        return Passage(
            text=text,
            document=found.kept.document,
            source=self._names.get(found.kept.document, ""),
            location=excerpt.location,
            start=start,
            end=start + len(text),
            score=found.score,
        )
