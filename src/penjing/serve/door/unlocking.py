"""Trying passphrases: off the event loop, few at a time, and ever slower for who guesses.

The one place of a server where a passphrase is asked: at the login, before what cannot be undone,
before a token is given more than the least. All of them count the same tries and share one queue,
so that nobody gains a guess by going from one to another.
"""

from __future__ import annotations

import asyncio
import logging
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from penjing.core.errors import PenjingError, WrongPassphrase
from penjing.core.threads import Threads
from penjing.serve.door.accounts import Accounts, Known, UnlockedPerson
from penjing.serve.door.clock import Clock, seconds
from penjing.serve.door.secrets import digest, new_secret
from penjing.serve.door.settings import DoorSettings
from penjing.serve.door.throttle import Delays
from penjing.serve.door.visit import Refusal

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

TICKET_LIFE = 600.0
_TICKET_TRIES = 10
_MOST_KNOWN = 1024
_SESSION_TRIES = 10

WRONG = Refusal(401, "name or passphrase is wrong: type them again")
NOT_THEIRS = Refusal(403, "that passphrase is wrong: type it again")
_LOG_IN_AGAIN = Refusal(403, "too many wrong passphrases here: log out, and log in again")
_FULL = Refusal(503, "too many people log in at once: try again in a moment", wait=5)

_BROKEN = Refusal(503, "that part of the vault does not open now: see the server's own messages")


@dataclass
class _Ticket:
    tries: int
    until: float


class Unlocking:
    """One door's tries, by address, by name and by session."""

    def __init__(self, accounts: Accounts, settings: DoorSettings, clock: Clock = seconds) -> None:
        self._accounts, self._clock = accounts, clock
        self._addresses = Delays(free=5, longest=60.0, clock=clock)
        self._names = Delays(free=5, longest=30.0, clock=clock)
        self._tickets: OrderedDict[bytes, _Ticket] = OrderedDict()
        self._sessions: OrderedDict[str, int] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._places = asyncio.Semaphore(settings.unlocking)
        self._threads = Threads("a passphrase", settings.unlocking)
        self._waiting, self._most = 0, settings.queue + settings.unlocking

    def new_ticket(self) -> str:
        """For who has opened the one-time link: a few tries that wait for nobody's guesses."""
        text = new_secret()
        self._tickets[digest(text)] = _Ticket(_TICKET_TRIES, self._clock() + TICKET_LIFE)
        while len(self._tickets) > _MOST_KNOWN:
            self._tickets.popitem(last=False)
        return text

    async def unlock(
        self, name: str, passphrase: str, address: str, ticket: str | None
    ) -> UnlockedPerson | Refusal:
        """The person, or why not. Says the same, after the same time, for any wrong name."""
        who = _key(name)
        if not self._spend(ticket) and (refusal := self._too_soon(who, address)):
            return refusal
        unlock = self._accounts.unlock
        return await self._tried(who, address, lambda: unlock(name, passphrase), WRONG)

    async def confirm(
        self, known: Known, passphrase: str, address: str, session: str
    ) -> Refusal | None:
        """None when somebody who is logged in knows their passphrase, or why to refuse.

        `session` names the session (or token) that asks, and is no secret. After so many wrong
        tries it may ask no more: a stolen one cannot go on until its person, who logs in
        elsewhere, has to wait as well.
        """
        if self._sessions.get(session, 0) >= _SESSION_TRIES:
            return _LOG_IN_AGAIN
        who = _key(known.name)
        if refusal := self._too_soon(who, address):
            return refusal
        prove = self._accounts.prove
        self._count(session, 1)
        found = await self._tried(who, address, lambda: prove(known.person, passphrase), NOT_THEIRS)
        if isinstance(found, Refusal):
            self._count(session, 0 if found is NOT_THEIRS else -1)
            return found
        self._sessions.pop(session, None)
        return None

    async def _tried(
        self, who: str, address: str, work: Callable[[], T], wrong: Refusal
    ) -> T | Refusal:
        """What came of one try, which counted as wrong until it was not."""
        if self._waiting >= self._most:
            return _FULL
        self._addresses.failed(address)
        self._names.failed(who)
        self._waiting += 1
        try:
            async with self._places:
                found = await self._whole(work)
        except WrongPassphrase:
            return wrong
        except PenjingError as error:
            _LOG.error("a part of the vault does not open: %s", type(error).__name__)
            return _BROKEN
        finally:
            self._waiting -= 1
        self._addresses.undo(address)
        self._names.forget(who)
        self._remember(who, address)
        return found

    async def _whole(self, work: Callable[[], T]) -> T:
        """In a thread, to its end: who hangs up meanwhile leaves nothing open."""
        task = asyncio.ensure_future(self._threads.run(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._close)
            raise

    def _close(self, task: asyncio.Future[T]) -> None:
        if not task.cancelled() and task.exception() is None:
            found = task.result()
            if isinstance(found, UnlockedPerson):
                self._threads.begin(found.store.close)

    def _too_soon(self, who: str, address: str) -> Refusal | None:
        if wait := self._wait(who, address):
            return Refusal(429, f"too many tries: wait {wait:.0f} s and try again", wait=wait)
        return None

    def _count(self, session: str, more: int) -> None:
        self._sessions[session] = self._sessions.pop(session, 0) + more
        while len(self._sessions) > _MOST_KNOWN:
            self._sessions.popitem(last=False)

    def _wait(self, who: str, address: str) -> float:
        """Guesses from elsewhere at a name do not slow the address that it logs in from."""
        wait = self._addresses.wait(address)
        return wait if (who, address) in self._known else max(wait, self._names.wait(who))

    def _spend(self, ticket: str | None) -> bool:
        held = self._tickets.get(digest(ticket)) if ticket else None
        if held is None or held.tries <= 0 or self._clock() > held.until:
            return False
        held.tries -= 1
        return True

    def _remember(self, who: str, address: str) -> None:
        self._known[who, address] = None
        self._known.move_to_end((who, address))
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)


def _key(name: str) -> str:
    """Names that the accounts take for one are one here."""
    return digest(unicodedata.normalize("NFC", name).strip().casefold()).hex()
