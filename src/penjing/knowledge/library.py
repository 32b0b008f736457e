"""Adding, listing and removing one person's documents.

Adding is in steps that each reach the disk: the bytes, the passages without vectors, the vectors a
batch at a time, and last the word that it can be searched, which also removes what it replaces. A
killed run leaves an unfinished document that no search finds, and goes on where it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from penjing.core.errors import BadInput, NotFound
from penjing.core.folding import folded
from penjing.core.history import Document, Excerpt
from penjing.core.naming import free_name
from penjing.core.progress import Progress, Silent
from penjing.core.protocols import Embedder, Store
from penjing.knowledge.index.codes import is_of, pack
from penjing.knowledge.reading import format_of, read_and_cut, require_size

_BATCH = 32
"""Passages between two times that vectors reach the disk."""
MOST_PASSAGES = 200_000
"""Of one person."""

State = Literal["ready", "unfinished"]


@dataclass(frozen=True)
class AddedDocument:
    """What came of adding a document."""

    document: Document
    """The document as it is kept now."""
    passages: int
    """How many it has."""
    embedded: int
    """For how many a vector had to be computed; 0 when nothing had changed."""
    replaced: bool
    """An older document of this name is gone."""
    remark: str = ""
    """What of it was not read."""


@dataclass(frozen=True)
class ListedDocument:
    """A document and how far it is."""

    document: Document
    """What it is."""
    state: State
    """Whether searches find it; adding it again finishes it."""
    passages: int
    """How many it has."""


class Library:
    """The documents of one person."""

    def __init__(self, store: Store, embedder: Embedder, progress: Progress | None = None) -> None:
        self._store = store
        self._embedder = embedder
        self._progress = progress or Silent()

    def add(
        self, name: str, data: bytes, media: str = "", *, replaces: bool = False
    ) -> AddedDocument:
        """Keep a document and make it searchable. Raises BadInput for what cannot be read.

        The same bytes under the same name change nothing. Other bytes are another document, with a
        number behind its name; where it `replaces` the one of its name it takes its place, and only
        passages that are new are embedded.
        """
        form = format_of(name, media)
        require_size(name, len(data))
        sha256 = hashlib.sha256(data).hexdigest()
        every = self._store.documents.all()
        if not replaces:
            ready = {one.document.id for one in self._store.passages.indexed()}
            name = free_name(name, sha256, [one for one in every if one.id in ready])
        same = [one for one in every if one.name == name]
        known = next((one for one in same if one.sha256 == sha256), None)
        if known is not None and known == same[0]:
            return self.index(known)
        excerpts, remark = self._excerpts(name, media, data)  # refused before anything is kept
        document = self._store.documents.add(name, media or form, data)
        self._begin(document, excerpts)
        return replace(self._finish(document), remark=remark)

    def index(self, document: Document) -> AddedDocument:
        """Make a document searchable that is kept already, or bring an older index up to date."""
        remark = ""
        if not self._store.documents.excerpts(document.id):
            data = self._store.documents.read(document.id)
            excerpts, remark = self._excerpts(document.name, document.media, data)
            self._begin(document, excerpts)
        return replace(self._finish(document), remark=remark)

    def all(self) -> list[ListedDocument]:
        """Every document, the newest first."""
        ready = {one.document.id: one.excerpts for one in self._store.passages.indexed()}
        return [
            ListedDocument(one, "ready" if one.id in ready else "unfinished", ready.get(one.id, 0))
            for one in self._store.documents.all()
        ]

    def find(self, name_or_id: str) -> Document:
        """A document by its id or its name. Raises NotFound."""
        for document in self._store.documents.all():
            if name_or_id in (document.id, document.name):
                return document
        raise NotFound("document", name_or_id)

    def remove(self, name_or_id: str) -> Document:
        """Delete a document, its passages and what the index knows of it. Raises NotFound."""
        document = self.find(name_or_id)
        self._store.documents.delete(document.id)
        return document

    def text(self, document: str, start: int, end: int) -> str:
        """The plain text from `start` to `end`, as citations count it."""
        return self._store.passages.text(document, start, end)

    def _excerpts(self, name: str, media: str, data: bytes) -> tuple[list[Excerpt], str]:
        """The passages, and what of the document was not read."""
        found = read_and_cut(name, media, data)
        made = [
            Excerpt(found.plain.text[one.start : one.end], one.location, b"", one.start)
            for one in found.passages
        ]
        there = sum(one.excerpts for one in self._store.passages.indexed())
        if len(made) + there > MOST_PASSAGES:
            raise BadInput(
                f"{name[:100]} has {len(made)} passages, there are {there} already and "
                f"{MOST_PASSAGES} are the most: remove some documents"
            )
        return made, found.plain.remark

    def _begin(self, document: Document, excerpts: Sequence[Excerpt]) -> None:
        """Keep the passages, with the vectors that an older document of this name has for them."""
        known: dict[str, bytes] = {}
        for other in self._store.documents.all():
            if other.name == document.name and other.id != document.id:
                for one in self._store.documents.excerpts(other.id):
                    known.setdefault(_said(one), one.vector)
        made = [
            Excerpt(one.text, one.location, known.get(_said(one), b""), one.start)
            for one in excerpts
        ]
        self._store.documents.put_excerpts(document.id, made)

    def _finish(self, document: Document) -> AddedDocument:
        """Embed what has no vector of this embedder yet, and let searches find it."""
        excerpts = self._store.documents.excerpts(document.id)
        name, dimension = self._embedder.name, self._embedder.dimension
        missing = [
            place for place, one in enumerate(excerpts) if not is_of(one.vector, name, dimension)
        ]
        with self._progress.task(f"indexing {document.name[:60]}", len(missing)) as task:
            for first in range(0, len(missing), _BATCH):
                places = missing[first : first + _BATCH]
                vectors = self._embedder.embed([_said(excerpts[at]) for at in places], "passage")
                packed = dict(zip(places, pack(vectors, name), strict=True))
                self._store.passages.put_vectors(document.id, packed)
                task.advance(len(places))
        older = [one for one in self._store.documents.all() if one.name == document.name]
        ready = {one.document.id for one in self._store.passages.indexed()}
        if document.id not in ready or len(older) > 1:
            self._store.passages.finish(document.id)
        return AddedDocument(document, len(excerpts), len(missing), len(older) > 1)


def _said(excerpt: Excerpt) -> str:
    """What is embedded: a passage knows under which heading it stands."""
    return folded(f"{excerpt.location}\n{excerpt.text}".strip())
