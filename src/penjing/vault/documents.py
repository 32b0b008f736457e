"""A person's documents and their excerpts. Satisfies `core.protocols.Documents`."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

from penjing.core.errors import IntegrityError
from penjing.core.history import Document, Excerpt
from penjing.vault.access import Gate, Row
from penjing.vault.blob_chunks import read_pieces, write_pieces
from penjing.vault.database import Database
from penjing.vault.history import searchable
from penjing.vault.ids import Clock, new_id
from penjing.vault.tokenizer import segmented


class PersonDocuments:
    """The documents in an open database."""

    def __init__(self, database: Database, owner: str, clock: Clock = time.time) -> None:
        self._database = database
        self._owner = owner
        self._clock = clock

    def add(self, name: str, media: str, data: bytes) -> Document:
        """Keep a document."""
        sha256 = hashlib.sha256(data).hexdigest()
        document = Document(new_id(), name, media, len(data), self._clock(), sha256)
        with self._database.writing() as connection:
            gate = Gate(connection, self._owner)
            gate.insert("document", **vars(document))
            write_pieces(gate, document.id, data)
        return document

    def all(self) -> list[Document]:
        """All, newest first."""
        with self._database.reading() as connection:
            rows = Gate(connection, self._owner).all("document", "added DESC, number DESC")
        return [document_of(row) for row in rows]

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
        """Remove a document and its excerpts from the disk."""
        with self._database.writing() as connection:
            gate = Gate(connection, self._owner)
            gate.one("document", document)
            delete_document(gate, document)

    def put_excerpts(self, document: str, excerpts: Sequence[Excerpt]) -> None:
        """Replace what was made of a document; it is not finished then."""
        with self._database.writing() as connection:
            gate = Gate(connection, self._owner)
            gate.update("document", document, ready=0)
            gate.delete("excerpt", document=document)
            for place, excerpt in enumerate(excerpts):
                said = segmented(searchable(f"{excerpt.location}\n{excerpt.text}"))
                gate.insert("excerpt", document=document, place=place, words=said, **vars(excerpt))

    def excerpts(self, document: str) -> list[Excerpt]:
        """The excerpts of a document, in order."""
        with self._database.reading() as connection:
            gate = Gate(connection, self._owner)
            gate.one("document", document)
            rows = gate.all("excerpt", "place", document=document)
        return [Excerpt(row["text"], row["location"], row["vector"], row["start"]) for row in rows]


def delete_document(gate: Gate, document: str) -> None:
    """Remove all rows of a document, within a transaction."""
    gate.delete("piece", of=document)
    gate.delete("excerpt", document=document)
    gate.delete("document", id=document)


def document_of(row: Row) -> Document:
    """A row as a value."""
    return Document(row["id"], row["name"], row["media"], row["size"], row["added"], row["sha256"])
