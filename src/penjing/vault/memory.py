"""A store in memory that keeps every promise of the one on disk but surviving.

`penjing serve --no-vault` and a chat with a spec run on it, and so do tests. Any thread may ask.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from penjing.core.errors import NotFound
from penjing.core.history import (
    Document,
    Excerpt,
    Found,
    IndexedDocument,
    Kept,
    Mark,
    Session,
    Turn,
)
from penjing.core.manner import name_of
from penjing.core.messages import Message
from penjing.vault.history import searchable, words_of
from penjing.vault.ids import Clock, new_id
from penjing.vault.stemmer import forms
from penjing.vault.tokenizer import is_part, segmented


class MemoryHistory:
    """Sessions and turns in dictionaries."""

    def __init__(self, clock: Clock, snapshots: MemorySnapshots, settings: MemorySettings) -> None:
        self._clock, self._snapshots, self._settings = clock, snapshots, settings
        self._lock = threading.RLock()
        self._sessions: dict[str, Session] = {}
        self._turns: dict[str, list[Turn]] = {}

    def begin(self, title: str = "") -> Session:
        """A new, empty session."""
        with self._lock:
            now = self._clock()
            session = Session(new_id(), title, now, now)
            self._sessions[session.id] = session
            self._turns[session.id] = []
            return session

    def sessions(self) -> list[Session]:
        """All, the one last spoken in first."""
        with self._lock:
            newest = list(self._sessions.values())[::-1]
        return sorted(newest, key=lambda session: -session.spoke)

    def rename(self, session: str, title: str) -> Session:
        """Give a session another title."""
        with self._lock:
            self._sessions[session] = replace(self._one(session), title=title)
            return self._sessions[session]

    def delete(self, session: str) -> None:
        """Forget a session, its turns, and cached prompts, which may hold what was said in it."""
        with self._lock:
            self._one(session)
            del self._sessions[session], self._turns[session]
            self._settings.drop(name_of(session))
            self._snapshots.drop()

    def append_turn(self, session: str, message: Message, *, instead: int | None = None) -> Turn:
        """Add a turn, maybe in place of others."""
        with self._lock:
            now, there = self._clock(), self._one(session)
            if instead is not None:
                if not 1 <= instead <= len(self._turns[session]):
                    raise NotFound("turn", str(instead))
                del self._turns[session][instead - 1 :]
                self._snapshots.drop()
            self._sessions[session] = replace(there, spoke=now)
            turn = Turn(session, len(self._turns[session]) + 1, now, message)
            self._turns[session].append(turn)
            return turn

    def branch(self, session: str, number: int, title: str) -> Session:
        """A new session with a copy of all turns up to that one."""
        with self._lock:
            kept = self.turns(session)[:number]
            fresh = self.begin(title)
            self._turns[fresh.id] = [replace(one, session=fresh.id) for one in kept]
            return fresh

    def turns(self, session: str) -> list[Turn]:
        """What was said, in order."""
        with self._lock:
            self._one(session)
            return list(self._turns[session])

    def search(self, words: str, *, limit: int = 20) -> list[Found]:
        """Turns that hold every one of the words, newest first."""
        every = [word.lower() for word in words_of(words)]
        with self._lock:
            turns = [turn for turns in self._turns.values() for turn in turns if _has(turn, every)]
            newest = sorted(turns, key=lambda turn: -turn.at)[:limit]
            return [Found(self._sessions[turn.session], turn) for turn in newest]

    def _one(self, session: str) -> Session:
        if session not in self._sessions:
            raise NotFound("session", session)
        return self._sessions[session]


def _has(turn: Turn, words: Sequence[str]) -> bool:
    text = searchable(turn.message.text).lower()
    return all(word in text for word in words)


class MemoryDocuments:
    """Documents in dictionaries."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self.lock = threading.RLock()
        """Held by whoever reads or changes what follows."""
        self.kept: dict[str, tuple[Document, bytes]] = {}
        """By id, oldest first."""
        self.made: dict[str, dict[int, Excerpt]] = {}
        """A document's excerpts by number."""
        self.ready: set[str] = set()
        """Which are finished."""

    def add(self, name: str, media: str, data: bytes) -> Document:
        """Keep a document."""
        sha256 = hashlib.sha256(data).hexdigest()
        with self.lock:
            document = Document(new_id(), name, media, len(data), self._clock(), sha256)
            self.kept[document.id] = (document, data)
        return document

    def all(self) -> list[Document]:
        """All, newest first."""
        with self.lock:
            newest = [document for document, _ in self.kept.values()][::-1]
        return sorted(newest, key=lambda document: -document.added)

    def read(self, document: str) -> bytes:
        """The document's own bytes."""
        return self.one(document)[1]

    def delete(self, document: str) -> None:
        """Forget a document and its excerpts."""
        with self.lock:
            self.one(document)
            del self.kept[document]
            self.made.pop(document, None)
            self.ready.discard(document)

    def put_excerpts(self, document: str, excerpts: Sequence[Excerpt]) -> None:
        """Replace what was made of a document; no search finds it until it is finished."""
        with self.lock:
            self.one(document)
            self.ready.discard(document)
            self.made[document] = {next(self._numbers): excerpt for excerpt in excerpts}

    def excerpts(self, document: str) -> list[Excerpt]:
        """The excerpts of a document, in order, finished or not."""
        with self.lock:
            self.one(document)
            return list(self.made.get(document, {}).values())

    def one(self, document: str) -> tuple[Document, bytes]:
        """The document of that id. Raises NotFound."""
        with self.lock:
            if document not in self.kept:
                raise NotFound("document", document)
            return self.kept[document]


class MemoryPassages:
    """The search over a `MemoryDocuments`."""

    def __init__(self, documents: MemoryDocuments) -> None:
        self._of = documents
        self._terms: dict[int, tuple[str, ...]] = {}

    def put_vectors(self, document: str, vectors: Mapping[int, bytes]) -> None:
        """Add vectors to excerpts that are there, by their place in the document."""
        with self._of.lock:
            self._of.one(document)
            made = self._of.made.get(document, {})
            numbers = list(made)
            for place, vector in vectors.items():
                if not 0 <= place < len(numbers):
                    raise NotFound("excerpt", str(place))
                made[numbers[place]] = replace(made[numbers[place]], vector=vector)

    def finish(self, document: str) -> None:
        """Let searches find it, and remove older documents of its name."""
        with self._of.lock:
            this = self._of.one(document)[0]
            self._of.ready.add(document)
            ids = list(self._of.kept)
            for other in ids[: ids.index(document)]:
                if self._of.kept[other][0].name == this.name:
                    self._of.delete(other)

    def indexed(self) -> list[IndexedDocument]:
        """The finished documents, newest first."""
        with self._of.lock:
            finished = [document for document in self._of.all() if document.id in self._of.ready]
            return [IndexedDocument(one, len(self._of.made.get(one.id, {}))) for one in finished]

    def marks(self, document: str) -> list[Mark]:
        """What an index in memory wants of a document's excerpts, in order."""
        with self._of.lock:
            self._of.one(document)
            made = dict(self._of.made.get(document, {}))
        return [
            Mark(n, len(segmented(one.text) or one.text), one.vector) for n, one in made.items()
        ]

    def places(self, words: Sequence[str], *, most: int) -> list[list[int]]:
        """Where words stand: for each form of one, rarest first, excerpts once for each time."""
        texts = {number: self._terms_of(number, one) for number, (_, one) in self._finished()}
        wanted = dict.fromkeys(form for word in words for form in forms(word))
        every = [
            [number for number, terms in texts.items() for _ in range(_count(form, terms))]
            for form in wanted
        ]
        chosen: list[list[int]] = []
        for numbers in sorted(filter(None, every), key=len):
            if not chosen or len(numbers) <= most:
                chosen.append(numbers[: max(most, 1)])
                most -= len(numbers)
        return chosen

    def get(self, numbers: Sequence[int]) -> list[Kept]:
        """Excerpts of finished documents by number, in the order asked for."""
        finished = dict(self._finished())
        return [
            Kept(number, finished[number][0], replace(finished[number][1], vector=b""))
            for number in numbers
            if number in finished
        ]

    def text(self, document: str, start: int, end: int) -> str:
        """The document's plain text from `start` to `end`, as far as there is any."""
        whole = "".join(excerpt.text for excerpt in self._of.excerpts(document))
        return whole[max(start, 0) : max(end, 0)]

    def _finished(self) -> list[tuple[int, tuple[str, Excerpt]]]:
        with self._of.lock:
            return [
                (number, (document, excerpt))
                for document in self._of.ready
                for number, excerpt in self._of.made.get(document, {}).items()
            ]

    def _terms_of(self, number: int, excerpt: Excerpt) -> tuple[str, ...]:
        """Its words as they are looked for, made once: an excerpt's text never changes."""
        if number not in self._terms:
            text = f"{excerpt.location}\n{excerpt.text}"
            words = re.findall(r"\w+", segmented(text) or text)
            self._terms[number] = tuple(form for word in words for form in forms(word))
        return self._terms[number]


def _count(form: str, terms: Sequence[str]) -> int:
    """How often a form stands there; a single character of a run stands within pairs."""
    if is_part(form):
        return sum(term.startswith(form) for term in terms)
    return terms.count(form)


class MemorySnapshots:
    """Snapshots in a dictionary."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def put(self, name: str, data: bytes) -> None:
        """Keep or replace a snapshot."""
        self._kept[name] = data

    def get(self, name: str) -> bytes | None:
        """A snapshot, or None where there is none."""
        return self._kept.get(name)

    def names(self) -> list[str]:
        """All names."""
        return sorted(self._kept)

    def drop(self) -> None:
        """Forget all of them."""
        self._kept.clear()


class MemorySettings:
    """Settings in a dictionary."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def put(self, name: str, value: str) -> None:
        """Keep or replace a setting."""
        self._kept[name] = value

    def drop(self, name: str) -> None:
        """Forget a setting; no harm when there is none."""
        self._kept.pop(name, None)

    def get(self, name: str) -> str | None:
        """A setting, or None where there is none."""
        return self._kept.get(name)

    def all(self) -> dict[str, str]:
        """All of them by name."""
        return dict(sorted(self._kept.items()))


class MemoryStore:
    """Satisfies `core.protocols.Store`: everything of one person, gone with the process."""

    def __init__(self, clock: Clock = time.time) -> None:
        self.snapshots = MemorySnapshots()
        self.settings = MemorySettings()
        self.history = MemoryHistory(clock, self.snapshots, self.settings)
        self.documents = MemoryDocuments(clock)
        self.passages = MemoryPassages(self.documents)

    def close(self) -> None:
        """Nothing to forget."""


if TYPE_CHECKING:
    from penjing.core.protocols import Store

    _FITS: type[Store] = MemoryStore
