"""A store in memory that keeps every promise of the real one but surviving: for tests."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from penjing.core.errors import NotFound
from penjing.core.history import Document, Excerpt, Found, Session, Turn
from penjing.core.messages import Message
from penjing.vault.history import searchable, words_of
from penjing.vault.ids import Clock, new_id


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
        self._kept: dict[str, tuple[Document, bytes]] = {}
        self._excerpts: dict[str, list[Excerpt]] = {}

    def add(self, name: str, media: str, data: bytes) -> Document:
        document = Document(new_id(), name, media, len(data), self._clock())
        self._kept[document.id] = (document, data)
        return document

    def all(self) -> list[Document]:
        newest = [document for document, _ in self._kept.values()][::-1]
        return sorted(newest, key=lambda one: -one.added)

    def read(self, document: str) -> bytes:
        return self._one(document)[1]

    def delete(self, document: str) -> None:
        self._one(document)
        del self._kept[document]
        self._excerpts.pop(document, None)

    def put_excerpts(self, document: str, excerpts: Sequence[Excerpt]) -> None:
        self._one(document)
        self._excerpts[document] = list(excerpts)

    def excerpts(self, document: str) -> list[Excerpt]:
        self._one(document)
        return list(self._excerpts.get(document, ()))

    def _one(self, document: str) -> tuple[Document, bytes]:
        if document not in self._kept:
            raise NotFound("document", document)
        return self._kept[document]


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
        self.snapshots = FakeSnapshots()
        self.settings = FakeSettings()

    def close(self) -> None:
        """Nothing to forget."""


if TYPE_CHECKING:
    from penjing.core.protocols import Store

    _FITS: type[Store] = FakeStore
