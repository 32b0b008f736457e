"""Conversation state for clients that send the whole conversation each time: which of ours goes on.

What is said there lies in memory beside the person's own store, so that nothing of it is kept: the
client keeps it. A conversation is found again by all that was said in it, word for word; what was
done since is never done twice: who goes back behind a deed begins anew, with nothing waiting.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from penjing.assistant.notes import TALKED, is_deed
from penjing.core.history import Turn
from penjing.core.messages import Message, Note, Role, Text
from penjing.core.protocols import Documents, History, Passages, Settings, Snapshots, Store
from penjing.vault.memory import MemoryStore

SECONDS = 3600.0
"""After which a conversation that nobody goes on with is forgotten."""
MOST = 128
"""Conversations of one person."""
_ALL = 2048
"""Of everybody."""
_RECALLED = 40
"""Messages of a conversation that is not known here, which the assistant is told."""
_LONGEST = 8000
"""Characters of one of them."""

_TELLING = 6
"""Messages that tell a conversation from others, where its beginning is missing."""

_Marks = tuple[bytes, ...]
Words = Sequence[tuple[Role, str]]
"""What a person and the assistant said, in order."""


@dataclass
class Conversation:
    """One that goes on."""

    person: str
    """Whose."""
    aside: MemoryStore = field(default_factory=MemoryStore)
    """Its turns, and how its answers are wanted."""
    session: str = ""
    """What it is called there."""

    def __post_init__(self) -> None:
        self.session = self.session or self.aside.history.begin("").id

    def store(self, base: Store) -> BesideStore:
        """The person's store, in which this conversation is the only one."""
        return BesideStore(base, self.aside)

    def turns(self) -> list[Turn]:
        """What was said in it."""
        return self.aside.history.turns(self.session)

    def tell(self, role: Role, text: str) -> None:
        """Keep what was said, of which no action may be made."""
        message = Message(role, (Text(text[:_LONGEST]), Note(TALKED, {})))
        self.aside.history.append_turn(self.session, message)


@dataclass(frozen=True)
class Found:
    """Where a request goes on."""

    conversation: Conversation
    """In which."""
    instead: int | None
    """In place of this turn and all after it; None behind the last."""


@dataclass(frozen=True)
class _Place:
    conversation: Conversation
    turns: int
    """How many there were."""
    at: float
    """When."""


class Conversations:
    """All that go on. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._places: OrderedDict[tuple[str, _Marks], list[_Place]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, person: str, said: Words) -> Found:
        """Where this person goes on who was in a conversation in which all this was said."""
        with self._lock:
            self._sweep()
            places = self._known(person, _marks(said))
        for place in reversed(places):
            after = place.conversation.turns()[place.turns :]
            if not any(is_deed(turn.message) for turn in after):
                return Found(place.conversation, place.turns + 1 if after else None)
        fresh = Conversation(person)
        for role, text in said[-_RECALLED:]:
            fresh.tell(role, text)
        return Found(fresh, None)

    def keep(self, person: str, said: Words, conversation: Conversation) -> None:
        """All this was said by now; so it is found again."""
        key = (person, _marks(said))
        place = _Place(conversation, len(conversation.turns()), self._clock())
        with self._lock:
            self._places.setdefault(key, []).append(place)
            self._places.move_to_end(key)
            own = [one for one in self._places if one[0] == person]
            for one in own[:-MOST]:
                del self._places[one]
            self._sweep()

    def forget(self, person: str) -> None:
        """A person left: nothing of theirs stays in memory."""
        with self._lock:
            for key in [one for one in self._places if one[0] == person]:
                del self._places[key]

    def __len__(self) -> int:
        with self._lock:
            return len(self._places)

    def _known(self, person: str, marks: _Marks) -> list[_Place]:
        """Where all this was said, or (clients send no more than the end of what is long) where
        the last that was said is this."""
        if not marks or (person, marks) in self._places:
            return list(self._places.get((person, marks), ()))
        ends = [
            places
            for (owner, longer), places in self._places.items()
            if owner == person and longer[-len(marks) :] == marks
        ]
        return [*ends[-1]] if ends and len(marks) >= _TELLING else []

    def _sweep(self) -> None:
        now = self._clock()
        while self._places:
            key, places = next(iter(self._places.items()))
            if len(self._places) <= _ALL and now - places[-1].at < SECONDS:
                return
            del self._places[key]


def _marks(said: Words) -> _Marks:
    """The same for the same words, however clients treat white space."""
    plain = [json.dumps([role, " ".join(text.split())]) for role, text in said]
    return tuple(hashlib.sha256(one.encode()).digest() for one in plain)


class BesideStore:
    """Satisfies `Store`: a person's own, with other conversations than theirs."""

    def __init__(self, base: Store, aside: MemoryStore) -> None:
        self._base, self._aside = base, aside
        self.settings: Settings = BesideSettings(base.settings, aside.settings)

    @property
    def history(self) -> History:
        """What was said aside."""
        return self._aside.history

    @property
    def documents(self) -> Documents:
        """The person's."""
        return self._base.documents

    @property
    def passages(self) -> Passages:
        """The person's."""
        return self._base.passages

    @property
    def snapshots(self) -> Snapshots:
        """None of them is of these conversations."""
        return self._aside.snapshots

    def close(self) -> None:
        """It is somebody else's."""

    def __eq__(self, other: object) -> bool:
        """Who searches a store's documents searches this one's: they are the same."""
        return other is self._base or (isinstance(other, BesideStore) and other._base is self._base)

    def __hash__(self) -> int:
        return hash(self._base)


class BesideSettings:
    """Satisfies `Settings`: a person's own, read only; what is written is this conversation's."""

    def __init__(self, base: Settings, own: Settings) -> None:
        self._base, self._own = base, own

    def put(self, name: str, value: str) -> None:
        """Keep it for this conversation."""
        self._own.put(name, value)

    def drop(self, name: str) -> None:
        """Forget what was put here."""
        self._own.drop(name)

    def get(self, name: str) -> str | None:
        """This conversation's, or the person's."""
        found = self._own.get(name)
        return found if found is not None else self._base.get(name)

    def all(self) -> dict[str, str]:
        """All of them by name."""
        return {**self._base.all(), **self._own.all()}
