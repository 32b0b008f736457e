"""The search over a person's documents. Satisfies `core.protocols.Passages`.

Knows words and numbers; what a vector means and how scores are weighed is the index's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penjing.core.errors import NotFound
from penjing.core.history import Excerpt, IndexedDocument, Kept, Mark
from penjing.vault.access import Gate
from penjing.vault.database import Database
from penjing.vault.documents import delete_document, document_of
from penjing.vault.stemmer import forms
from penjing.vault.tokenizer import is_part

_AT_ONCE = 500
"""Numbers in one statement; SQLite has a limit."""


class PersonPassages:
    """The finished documents in an open database."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    def put_vectors(self, document: str, vectors: Mapping[int, bytes]) -> None:
        """Add vectors to excerpts that are there, by their place in the document."""
        with self._database.writing() as connection:
            gate = Gate(connection, self._owner)
            gate.one("document", document)
            for place, vector in vectors.items():
                rows = gate.all("excerpt", document=document, place=place)
                if not rows:
                    raise NotFound("excerpt", str(place))
                gate.update("excerpt", rows[0]["number"], vector=vector)

    def finish(self, document: str) -> None:
        """Let searches find it, and remove older documents of its name."""
        with self._database.writing() as connection:
            gate = Gate(connection, self._owner)
            this = gate.one("document", document)
            count = gate.highest("excerpt", "place + 1", document=document)
            gate.update("document", document, ready=1, excerpts=count)
            for other in gate.all("document", name=this["name"]):
                if other["number"] < this["number"]:
                    delete_document(gate, other["id"])

    def indexed(self) -> list[IndexedDocument]:
        """The finished documents, newest first."""
        with self._database.reading() as connection:
            gate = Gate(connection, self._owner)
            rows = gate.all("document", "added DESC, number DESC", ready=1)
        return [IndexedDocument(document_of(row), row["excerpts"]) for row in rows]

    def marks(self, document: str) -> list[Mark]:
        """What an index in memory wants of a document's excerpts, in order."""
        with self._database.reading() as connection:
            gate = Gate(connection, self._owner)
            gate.one("document", document)
            rows = gate.marks(document)
        return [Mark(number, length, bytes(vector)) for number, length, vector in rows]

    def places(self, words: Sequence[str], *, most: int) -> list[list[int]]:
        """Where words stand: for each form of one, rarest first, excerpts once for each time.

        FTS5's own bm25() reads a row for each excerpt that matches, and each costs 60 µs where
        SQLCipher wipes what it frees: two seconds for a frequent word. Its index read as it lies
        gives the same numbers in a hundredth of that, and who asks weighs them.
        """
        found: list[list[int]] = []
        with self._database.reading() as connection:
            gate = Gate(connection, self._owner)
            spans = {_span(form) for word in words for form in forms(word)}
            often = {span: gate.frequency(*span) for span in spans}
            for span in sorted(spans, key=lambda one: (often[one], one)):
                if often[span] == 0 or (found and often[span] > most):
                    continue
                found.append(gate.places(*span, max(most, 1)))
                most -= len(found[-1])
        return found

    def get(self, numbers: Sequence[int]) -> list[Kept]:
        """Excerpts of finished documents by number, in the order asked for."""
        found: dict[int, Kept] = {}
        with self._database.reading() as connection:
            gate = Gate(connection, self._owner)
            for first in range(0, len(numbers), _AT_ONCE):
                for row in gate.excerpts_of(numbers[first : first + _AT_ONCE]):
                    excerpt = Excerpt(row["text"], row["location"], start=row["start"])
                    found[row["number"]] = Kept(row["number"], row["document"], excerpt)
        return [found[number] for number in numbers if number in found]

    def text(self, document: str, start: int, end: int) -> str:
        """The document's plain text from `start` to `end`, as far as there is any."""
        with self._database.reading() as connection:
            gate = Gate(connection, self._owner)
            gate.one("document", document)
            rows = gate.excerpts_between(document, start, end)
        pieces = (row["text"][max(start - row["start"], 0) : end - row["start"]] for row in rows)
        return "".join(pieces)


def _span(form: str) -> tuple[str, str]:
    """The terms that a form stands for: itself, or all pairs that a character begins."""
    return (form, form + "\U0010ffff") if is_part(form) else (form, form)
