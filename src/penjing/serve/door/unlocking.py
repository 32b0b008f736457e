"""Trying passphrases: off the event loop, few at a time, and ever slower for who guesses."""

from __future__ import annotations

import asyncio
import logging
import unicodedata
from collections import OrderedDict
from dataclasses import dataclass

from penjing.core.errors import PenjingError, WrongPassphrase
from penjing.serve.door.accounts import Accounts, Opened
from penjing.serve.door.clock import Clock, seconds
from penjing.serve.door.secrets import digest, new_secret
from penjing.serve.door.settings import DoorSettings
from penjing.serve.door.throttle import Delays
from penjing.serve.door.visit import Refusal

_LOG = logging.getLogger(__name__)

TICKET_LIFE = 600.0
_TICKET_TRIES = 10
_MOST_KNOWN = 1024

WRONG = Refusal(401, "name or passphrase is wrong: type them again")
_FULL = Refusal(503, "too many people log in at once: try again in a moment", wait=5)

_BROKEN = Refusal(503, "that part of the vault does not open now: see the server's own messages")


@dataclass
class _Ticket:
    tries: int
    until: float


class Unlocking:
    """One door's tries, by address and by name."""

    def __init__(self, accounts: Accounts, settings: DoorSettings, clock: Clock = seconds) -> None:
        self._accounts, self._clock = accounts, clock
        self._addresses = Delays(free=5, longest=60.0, clock=clock)
        self._names = Delays(free=5, longest=30.0, clock=clock)
        self._tickets: OrderedDict[bytes, _Ticket] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._places = asyncio.Semaphore(settings.unlocking)
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
    ) -> Opened | Refusal:
        """The person, or why not. Says the same, after the same time, for any wrong name."""
        who = _key(name)
        at_the_terminal = self._spend(ticket)
        if not at_the_terminal and (wait := self._wait(who, address)):
            return Refusal(429, f"too many tries: wait {wait:.0f} s and try again", wait=wait)
        if self._waiting >= self._most:
            return _FULL
        self._addresses.failed(address)
        self._names.failed(who)
        self._waiting += 1
        try:
            async with self._places:
                opened = await _whole(self._accounts, name, passphrase)
        except WrongPassphrase:
            return WRONG
        except PenjingError as error:
            _LOG.error("a part of the vault does not open: %s", type(error).__name__)
            return _BROKEN
        finally:
            self._waiting -= 1
        self._addresses.undo(address)
        self._names.forget(who)
        self._remember(who, address)
        return opened

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


async def _whole(accounts: Accounts, name: str, passphrase: str) -> Opened:
    """Unlock in a thread, to its end: who hangs up meanwhile leaves nothing open."""
    task = asyncio.ensure_future(asyncio.to_thread(accounts.unlock, name, passphrase))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_close)
        raise


def _close(task: asyncio.Future[Opened]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.get_loop().run_in_executor(None, task.result().store.close)


def _key(name: str) -> str:
    """Names that the accounts take for one are one here."""
    return digest(unicodedata.normalize("NFC", name).strip().casefold()).hex()
