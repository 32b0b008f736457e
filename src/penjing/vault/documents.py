"""A person's documents and their passages. Satisfies `core.protocols.Documents`."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

from penjing.core.errors import IntegrityError
from penjing.core.history import Document, Excerpt
from penjing.vault.access import Gate, Row
from penjing.vault.database import Database
from penjing.vault.ids import Clock, new_id
from penjing.vault.pieces import read_pieces, write_pieces


class PersonDocuments:
    """The documents in an open database."""

    def __init__(self, database: Database, owner: str, clock: Clock = time.time) -> None:
        self._database = database
        self._owner = owner
        self._clock = clock

    def add(self, name: str, media: str, data: bytes) -> Document:
        """Keep a document."""
        document = Document(new_id(), name, media, len(data), self._clock())
        sha256 = hashlib.sha256(data).hexdigest()
        with self._database.writing() as connection:
            gate = Gate(connection, self._owner)
            gate.insert("document", **vars(document), sha256=sha256)
            write_pieces(gate, document.id, data)
        return document

    def all(self) -> list[Document]:
        """All, newest first."""
        with self._database.reading() as connection:
            rows = Gate(connection, self._owner).all("document", "added DESC, number DESC")
        return [_document(row) for row in rows]

    def read(self, document: str) -> bytes:
        """The document's own bytes. Raises IntegrityError when some are missing."""
        with self._database.reading() as connection:
            gate = Gate(connection, self._owner)
            row = gate.one("document", document)
            data = read_pieces(gate, document)
        if hashlib.sha256(data).hexdigest() != row["sha256"]:
            raise IntegrityError(f"'{row['name']}' is not whole any more: add it again")
        return data

    def delete(self, document: str) -> None:
        """Remove a document and its passages from the disk."""
        with self._database.writing() as connection:
            gate = Gate(connection, self._owner)
            gate.one("document", document)
            gate.delete("piece", of=document)
            gate.delete("excerpt", document=document)
            gate.delete("document", id=document)

    def put_excerpts(self, document: str, excerpts: Sequence[Excerpt]) -> None:
        """Replace what was kept of a document's passages."""
        with self._database.writing() as connection:
            gate = Gate(connection, self._owner)
            gate.one("document", document)
            gate.delete("excerpt", document=document)
            for place, excerpt in enumerate(excerpts):
                gate.insert("excerpt", document=document, place=place, **vars(excerpt))

    def excerpts(self, document: str) -> list[Excerpt]:
        """The passages of a document, in order."""
        with self._database.reading() as connection:
            gate = Gate(connection, self._owner)
            gate.one("document", document)
            rows = gate.all("excerpt", "place", document=document)
        return [Excerpt(row["text"], row["location"], row["vector"]) for row in rows]


def _document(row: Row) -> Document:
    return Document(row["id"], row["name"], row["media"], row["size"], row["added"])
