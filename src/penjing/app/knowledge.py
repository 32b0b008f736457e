"""Documents that can be asked: what a program reads and what `penjing knowledge` does."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from penjing.app.embedder import LateEmbedder, find_embedder
from penjing.core.errors import BadInput
from penjing.core.progress import Progress, Silent
from penjing.core.strangers import is_there, open_plain, read_errors, read_plain
from penjing.knowledge.library import AddedDocument, Library, ListedDocument
from penjing.knowledge.reading import format_of, require_size
from penjing.knowledge.retriever import KnowledgeRetriever
from penjing.vault.memory import MemoryStore

if TYPE_CHECKING:
    from penjing.core.dialogue import Passage
    from penjing.core.history import Document
    from penjing.core.protocols import Embedder, Retriever, Store


class KnowledgeBase:
    """One person's documents, searched by words and by meaning. A context manager.

    `store` is theirs (`Vault.unlock`); None: in memory. The embedding model is found, and fetched
    where it is not here, when it is first needed; or an `embedder` is given, which stays the
    caller's to close.
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        embedder: Embedder | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.store: Store = store or MemoryStore()
        """Where they are kept."""
        heard = progress or Silent()
        self._late = LateEmbedder(lambda: find_embedder(heard))
        used: Embedder = embedder or self._late
        self._library = Library(self.store, used, heard)
        self._retriever = KnowledgeRetriever(self.store, used)

    def add(self, file: str | Path, *, replace: bool = False) -> AddedDocument:
        """Keep a document and make it searchable; with `replace`, in place of the one of its name.

        Raises BadInput for what cannot be read. The same file again changes nothing.
        """
        path = Path(file)
        return self._library.add(path.name, read_document(path), replaces=replace)

    def search(self, question: str, *, limit: int = 5) -> list[Passage]:
        """The best passages, best first, in any language; empty where nothing is relevant."""
        return self._retriever.search(question, limit=limit)

    def documents(self) -> list[ListedDocument]:
        """All, the newest first, with how far each is."""
        return self._library.all()

    def remove(self, name: str) -> Document:
        """Delete a document and what was made of it, by name or id. Raises NotFound."""
        return self._library.remove(name)

    @property
    def retriever(self) -> Retriever:
        """What an assistant searches."""
        return self._retriever

    def close(self) -> None:
        """Free the embedding model where it was loaded. Calling it twice is harmless."""
        self._late.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def read_document(file: Path) -> bytes:
    """All of a file; BadInput where it is none, or none that can be a document."""
    return read_plain(file, limit=check_document(file))


def check_document(file: Path) -> int:
    """Its bytes, unread; BadInput where it is no file, of no known format or too large."""
    format_of(file.name)
    if not is_there(file):
        raise BadInput(f"there is no file {file}: check the path")
    with read_errors(file), open_plain(file) as handle:
        size = os.fstat(handle.fileno()).st_size
    require_size(file.name, size)
    return size
