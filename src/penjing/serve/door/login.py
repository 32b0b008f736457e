"""Logging in and out: what the door answers itself, each path with one function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from penjing.core.threads import Threads
from penjing.serve.door import cookies
from penjing.serve.door.accounts import Accounts, UnlockedPerson
from penjing.serve.door.bodies import json_body, text_of
from penjing.serve.door.clock import Clock, seconds
from penjing.serve.door.codes import OneTimeCode
from penjing.serve.door.replies import Header, answer, refuse
from penjing.serve.door.sessions import Sessions, WebSession
from penjing.serve.door.settings import DoorSettings
from penjing.serve.door.throttle import neighbourhood
from penjing.serve.door.unlocking import TICKET_LIFE, Unlocking
from penjing.serve.door.visit import Receive, Refusal, Send, Visit
from penjing.serve.who import Who
from penjing.vault.envelope import LONGEST

Describe = Callable[[Who], Mapping[str, Any]]
"""What GET /api/me says."""

LOGIN, ONCE, LOGOUT = "/api/login", "/api/login/once", "/api/logout"
LONGEST_NAME = 256
_MISSING = Refusal(
    422,
    f"send a name of up to {LONGEST_NAME} characters and a passphrase of up to {LONGEST}, as text",
)
_BAD_CODE = Refusal(401, "that link was used or is too old: ask penjing for a new one")


class Login:
    """The three paths. Stays out of what happens behind the door."""

    def __init__(
        self,
        accounts: Accounts,
        sessions: Sessions,
        settings: DoorSettings,
        describe: Describe,
        threads: Threads,
        *,
        clock: Clock = seconds,
    ) -> None:
        self._accounts, self._sessions, self._settings = accounts, sessions, settings
        self._threads = threads
        self._unlocking, self._describe = Unlocking(accounts, settings, clock), describe
        self.confirm = self._unlocking.confirm
        """Whether somebody who is logged in knows their passphrase."""
        self.code = OneTimeCode(clock)
        """For the link that is printed."""

    def serves(self, visit: Visit) -> Callable[[Visit, Receive, Send], Awaitable[None]] | None:
        """What answers a request, if it is one of these."""
        if visit.method != "POST":
            return None
        return {LOGIN: self._login, ONCE: self._once}.get(visit.path)

    async def logout(self, visit: Visit, send: Send) -> None:
        """End the session; its cookie opens nothing from now on."""
        if text := cookies.read(visit, cookies.SESSION, tls=self._settings.tls):
            self._sessions.end(text)
        gone = cookies.clear(cookies.SESSION, tls=self._settings.tls)
        await answer(send, 204, None, [gone, (b"clear-site-data", b'"cache", "storage"')])

    async def _login(self, visit: Visit, receive: Receive, send: Send) -> None:
        body = await json_body(visit, receive)
        if isinstance(body, Refusal):
            return await refuse(visit, send, body)
        name = text_of(body, "name", LONGEST_NAME)
        passphrase = text_of(body, "passphrase", LONGEST)
        if name is None or passphrase is None:
            return await refuse(visit, send, _MISSING)
        ticket = cookies.read(visit, cookies.TICKET, tls=self._settings.tls)
        address = neighbourhood(visit.address)
        opened = await self._unlocking.unlock(name, passphrase, address, ticket)
        if isinstance(opened, Refusal):
            return await refuse(visit, send, opened)
        return await self._welcome(visit, send, opened)

    async def _once(self, visit: Visit, receive: Receive, send: Send) -> None:
        body = await json_body(visit, receive)
        if isinstance(body, Refusal):
            return await refuse(visit, send, body)
        code = text_of(body, "code", 256)
        if code is None or not self.code.spend(code):
            return await refuse(visit, send, _BAD_CODE)
        if (opened := self._accounts.alone()) is not None:
            return await self._welcome(visit, send, opened)
        names = await self._threads.run(self._accounts.names)
        ticket = cookies.write(
            cookies.TICKET, self._unlocking.new_ticket(), TICKET_LIFE, tls=self._settings.tls
        )
        return await answer(send, 200, {"people": list(names)}, [ticket])

    async def _welcome(self, visit: Visit, send: Send, opened: UnlockedPerson) -> None:
        """A new session; whatever id the browser brought along is worth nothing any more."""
        tls = self._settings.tls
        if old := cookies.read(visit, cookies.SESSION, tls=tls):
            self._sessions.end(old)
        session, text = self._sessions.begin(opened)
        who = who_in(session, session.opened, kept=self._accounts.kept)
        about = await self._threads.run(self._describe, who)
        headers: Sequence[Header] = [
            cookies.write(cookies.SESSION, text, self._settings.life, tls=tls),
            cookies.clear(cookies.TICKET, tls=tls),
        ]
        await answer(send, 200, dict(about), headers)


def who_in(session: WebSession, opened: UnlockedPerson, *, kept: bool) -> Who:
    """The person of a session, as the rooms behind the door know them."""
    known = opened.known
    web = None if session.bearer else session.name
    csrf = None if session.bearer else session.csrf
    scopes = session.scopes if session.bearer else None
    return Who(known.person, known.name, known.role, opened.store, web, csrf, kept, scopes)
