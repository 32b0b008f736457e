"""A person's cached prompts. Satisfies `core.protocols.Snapshots`.

Names are of one person's database: nobody's snapshot can be restored for another.
"""

from __future__ import annotations

import hashlib
import time

from penjing.vault.access import Gate
from penjing.vault.blob_chunks import read_pieces, write_pieces
from penjing.vault.database import Database
from penjing.vault.ids import Clock


class PersonSnapshots:
    """The snapshots in an open database."""

    def __init__(self, database: Database, owner: str, clock: Clock = time.time) -> None:
        self._database = database
        self._owner = owner
        self._clock = clock

    def put(self, name: str, data: bytes) -> None:
        """Keep or replace a snapshot."""
        sha256 = hashlib.sha256(data).hexdigest()
        with self._database.writing() as connection:
            gate = Gate(connection, self._owner)
            _drop(gate, name)
            gate.insert("snapshot", id=name, size=len(data), sha256=sha256, made=self._clock())
            write_pieces(gate, _key(name), data)

    def get(self, name: str) -> bytes | None:
        """A snapshot; None where there is none, or not the whole of it."""
        with self._database.reading() as connection:
            gate = Gate(connection, self._owner)
            rows = gate.all("snapshot", id=name)
            data = read_pieces(gate, _key(name))
        whole = rows and hashlib.sha256(data).hexdigest() == rows[0]["sha256"]
        return data if whole else None

    def names(self) -> list[str]:
        """All names."""
        with self._database.reading() as connection:
            return [row["id"] for row in Gate(connection, self._owner).all("snapshot", "id")]

    def drop(self) -> None:
        """Forget all of them."""
        with self._database.writing() as connection:
            drop_all(Gate(connection, self._owner))


def drop_all(gate: Gate) -> None:
    """Forget all of a person's snapshots, within a transaction of somebody else's."""
    for row in gate.all("snapshot"):
        _drop(gate, row["id"])


def _drop(gate: Gate, name: str) -> None:
    gate.delete("piece", of=_key(name))
    gate.delete("snapshot", id=name)


def _key(name: str) -> str:
    """Pieces of snapshots and of documents never meet: a document's id has no colon."""
    return f"snapshot:{name}"
