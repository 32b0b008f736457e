"""Logins that last: by session cookie, and tokens that were shown lately. Nothing on disk.

Ids are random, kept hashed, new at every login; a session ends when it is idle, when it is old,
when its person logs out, and with the server.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from penjing.serve.door.accounts import UnlockedPerson
from penjing.serve.door.clock import Clock, seconds
from penjing.serve.door.secrets import digest, new_secret
from penjing.serve.door.settings import DoorSettings
from penjing.serve.door.stores import Stores


@dataclass
class WebSession:
    """One login."""

    key: bytes
    """Hash of the cookie or the token."""
    opened: UnlockedPerson
    """Who, and their store."""
    began: float
    """When."""
    seen: float
    """When it was last used."""
    checked: float
    """When the accounts were last asked about the person."""
    seal: str | None
    """Of what began it, for `Accounts.still_opens`."""
    token: str | None = None
    """The id of the token that it is of; None for a browser's."""
    scopes: frozenset[str] = frozenset()
    """What that token may be used for; of no meaning for a browser's."""
    name: str = field(default_factory=new_secret)
    """What it is called behind the door; opens nothing."""
    csrf: str = field(default_factory=new_secret, repr=False)
    """What a page of this session has to send along with what acts."""
    stamp: object = None
    """`Accounts.stamp` when they were last asked; None before."""
    bell: str | None = None
    """What its browser is handed to stop what rings later on (`bell.py`); None: not yet asked."""
    busy: int = 0
    """Requests that run now; a session at work is not idle."""

    @property
    def bearer(self) -> bool:
        """Of a token, not of a browser."""
        return self.token is not None


class Sessions:
    """All of them, by the hash of what proves them."""

    def __init__(self, stores: Stores, settings: DoorSettings, clock: Clock = seconds) -> None:
        self._stores, self._settings, self._clock = stores, settings, clock
        self._all: dict[bytes, WebSession] = {}
        self._removed: set[str] = set()

    def __len__(self) -> int:
        return len(self._all)

    def begin(self, opened: UnlockedPerson, secret: str | None = None) -> tuple[WebSession, str]:
        """A new session with an id that nobody chose; or one of a token that was just proved."""
        text = secret or new_secret()
        now, key = self._clock(), digest(text)
        self.end(text)
        self._make_room(opened.known.person)
        held = self._stores.take(opened)
        session = WebSession(key, held, now, now, now, opened.seal, opened.token, opened.scopes)
        self._all[key] = session
        return session, text

    def is_removed(self, opened: UnlockedPerson) -> bool:
        """Whether the token that opened it was removed while it did."""
        return opened.token in self._removed

    def find(self, secret: str, *, used: bool = True) -> WebSession | None:
        """The session of a cookie or a token, unless it is over; used, it is idle no longer."""
        session = self._all.get(digest(secret))
        if session is None:
            return None
        if self._is_over(session):
            self._end(session)
            return None
        if used:
            session.seen = self._clock()
        return session

    def end(self, secret: str) -> None:
        """End one; harmless when it is over."""
        if session := self._all.get(digest(secret)):
            self._end(session)

    def end_this(self, session: WebSession) -> None:
        """End one that was found; harmless when it is over."""
        self._end(session)

    def end_all(self, person: str) -> None:
        """End all of a person's."""
        for session in self.of(person):
            self._end(session)

    def end_token(self, token: str) -> None:
        """End what a token that was removed began, and what it would begin only now."""
        self._removed.add(token)
        for session in list(self._all.values()):
            if session.token == token:
                self._end(session)

    def sweep(self) -> None:
        """End what is idle or old."""
        for session in list(self._all.values()):
            if self._is_over(session):
                self._end(session)

    def all(self) -> list[WebSession]:
        """All that have not ended."""
        return list(self._all.values())

    def of(self, person: str) -> list[WebSession]:
        """All of a person's."""
        return [one for one in self._all.values() if one.opened.known.person == person]

    def _make_room(self, person: str) -> None:
        theirs = sorted(self.of(person), key=lambda one: one.seen)
        for session in theirs[: max(0, len(theirs) - self._settings.sessions + 1)]:
            self._end(session)

    def _end(self, session: WebSession) -> None:
        if self._all.pop(session.key, None) is not None:
            self._stores.release(session.opened)

    def _is_over(self, session: WebSession) -> bool:
        now = self._clock()
        idle = now - session.seen > self._settings.idle and not session.busy
        return idle or now - session.began > self._settings.life
