"""A store in memory that keeps every promise of the real one but surviving: for tests."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from penjing.core.errors import NotFound
from penjing.core.history import Document, Excerpt, Found, Indexed, Kept, Mark, Session, Turn
from penjing.core.messages import Message
from penjing.vault.history import searchable, words_of
from penjing.vault.ids import Clock, new_id
from penjing.vault.terms import segmented


class FakeHistory:
    """Sessions and turns in dictionaries."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._turns: dict[str, list[Turn]] = {}

    def begin(self, title: str = "") -> Session:
        now = self._clock()
        session = Session(new_id(), title, now, now)
        self._sessions[session.id] = session
        self._turns[session.id] = []
        return session

    def sessions(self) -> list[Session]:
        newest = list(self._sessions.values())[::-1]
        return sorted(newest, key=lambda one: -one.spoke)

    def rename(self, session: str, title: str) -> Session:
        self._sessions[session] = replace(self._one(session), title=title)
        return self._sessions[session]

    def delete(self, session: str) -> None:
        self._one(session)
        del self._sessions[session], self._turns[session]

    def append_turn(self, session: str, message: Message) -> Turn:
        now = self._clock()
        self._sessions[session] = replace(self._one(session), spoke=now)
        turn = Turn(session, len(self._turns[session]) + 1, now, message)
        self._turns[session].append(turn)
        return turn

    def turns(self, session: str) -> list[Turn]:
        self._one(session)
        return list(self._turns[session])

    def search(self, words: str, *, limit: int = 20) -> list[Found]:
        every = [word.lower() for word in words_of(words)]
        said = [turn for turns in self._turns.values() for turn in turns]
        said = [turn for turn in said if _has(turn, every)]
        newest = sorted(said, key=lambda turn: -turn.at)[:limit]
        return [Found(self._sessions[turn.session], turn) for turn in newest]

    def _one(self, session: str) -> Session:
        if session not in self._sessions:
            raise NotFound("session", session)
        return self._sessions[session]


def _has(turn: Turn, words: Sequence[str]) -> bool:
    text = searchable(turn.message.text).lower()
    return all(word in text for word in words)


class FakeDocuments:
    """Documents in dictionaries."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self.kept: dict[str, tuple[Document, bytes]] = {}
        """By id, oldest first."""
        self.made: dict[str, dict[int, Excerpt]] = {}
        """A document's excerpts by number."""
        self.ready: set[str] = set()
        """Which are finished."""

    def add(self, name: str, media: str, data: bytes) -> Document:
        sha256 = hashlib.sha256(data).hexdigest()
        document = Document(new_id(), name, media, len(data), self._clock(), sha256)
        self.kept[document.id] = (document, data)
        return document

    def all(self) -> list[Document]:
        newest = [document for document, _ in self.kept.values()][::-1]
        return sorted(newest, key=lambda one: -one.added)

    def read(self, document: str) -> bytes:
        return self.one(document)[1]

    def delete(self, document: str) -> None:
        self.one(document)
        del self.kept[document]
        self.made.pop(document, None)
        self.ready.discard(document)

    def put_excerpts(self, document: str, excerpts: Sequence[Excerpt]) -> None:
        self.one(document)
        self.ready.discard(document)
        self.made[document] = {next(self._numbers): one for one in excerpts}

    def excerpts(self, document: str) -> list[Excerpt]:
        self.one(document)
        return list(self.made.get(document, {}).values())

    def one(self, document: str) -> tuple[Document, bytes]:
        """The document of that id. Raises NotFound."""
        if document not in self.kept:
            raise NotFound("document", document)
        return self.kept[document]


class FakePassages:
    """The search over a `FakeDocuments`: it counts words, and stems none."""

    def __init__(self, documents: FakeDocuments) -> None:
        self._of = documents

    def put_vectors(self, document: str, vectors: Mapping[int, bytes]) -> None:
        self._of.one(document)
        made = self._of.made.get(document, {})
        numbers = list(made)
        for place, vector in vectors.items():
            if not 0 <= place < len(numbers):
                raise NotFound("excerpt", str(place))
            made[numbers[place]] = replace(made[numbers[place]], vector=vector)

    def finish(self, document: str) -> None:
        this = self._of.one(document)[0]
        self._of.ready.add(document)
        ids = list(self._of.kept)
        for other in ids[: ids.index(document)]:
            if self._of.kept[other][0].name == this.name:
                self._of.delete(other)

    def indexed(self) -> list[Indexed]:
        return [
            Indexed(one, len(self._of.made.get(one.id, {})))
            for one in self._of.all()
            if one.id in self._of.ready
        ]

    def marks(self, document: str) -> list[Mark]:
        self._of.one(document)
        made = self._of.made.get(document, {})
        return [
            Mark(n, len(segmented(one.text) or one.text), one.vector) for n, one in made.items()
        ]

    def places(self, words: Sequence[str], *, most: int) -> list[list[int]]:
        texts = {number: _terms(one) for number, (_, one) in self._finished().items()}
        every = [
            [number for number, terms in texts.items() for _ in range(terms.count(word))]
            for word in dict.fromkeys(words)
        ]
        found: list[list[int]] = []
        for numbers in sorted(filter(None, every), key=len):
            if not found or len(numbers) <= most:
                found.append(numbers[:most])
                most -= len(numbers)
        return found

    def get(self, numbers: Sequence[int]) -> list[Kept]:
        found = self._finished()
        return [
            Kept(number, found[number][0], replace(found[number][1], vector=b""))
            for number in numbers
            if number in found
        ]

    def text(self, document: str, start: int, end: int) -> str:
        whole = "".join(one.text for one in self._of.excerpts(document))
        return whole[max(start, 0) : max(end, 0)]

    def _finished(self) -> dict[int, tuple[str, Excerpt]]:
        return {
            number: (document, one)
            for document in self._of.ready
            for number, one in self._of.made.get(document, {}).items()
        }


def _terms(excerpt: Excerpt) -> list[str]:
    text = f"{excerpt.location}\n{excerpt.text}".lower()
    return re.findall(r"\w+", segmented(text) or text)


class FakeSnapshots:
    """Snapshots in a dictionary."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def put(self, name: str, data: bytes) -> None:
        self._kept[name] = data

    def get(self, name: str) -> bytes | None:
        return self._kept.get(name)

    def names(self) -> list[str]:
        return sorted(self._kept)

    def drop(self) -> None:
        self._kept.clear()


class FakeSettings:
    """Settings in a dictionary."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def put(self, name: str, value: str) -> None:
        self._kept[name] = value

    def drop(self, name: str) -> None:
        self._kept.pop(name, None)

    def get(self, name: str) -> str | None:
        return self._kept.get(name)

    def all(self) -> dict[str, str]:
        return dict(sorted(self._kept.items()))


class FakeStore:
    """Satisfies `core.protocols.Store`. Its clock ticks a second each time it is asked."""

    def __init__(self, clock: Clock | None = None) -> None:
        tick = itertools.count(1.0)
        self.history = FakeHistory(clock or (lambda: next(tick)))
        self.documents = FakeDocuments(clock or (lambda: next(tick)))
        self.passages = FakePassages(self.documents)
        self.snapshots = FakeSnapshots()
        self.settings = FakeSettings()

    def close(self) -> None:
        """Nothing to forget."""


if TYPE_CHECKING:
    from penjing.core.protocols import Store

    _FITS: type[Store] = FakeStore
