"""The door itself: every check in order, then the app, then the keys are let go.

bounds, Host, Origin      whatever is wrong before anybody is asked who they are
login                     the paths that the door answers itself
who                       cookie or token; without either only the page's own files
CSRF, scopes, owners      what this person may not ask in this way
the app                   with scope["state"]["who"]
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from penjing.core.errors import PenjingError
from penjing.core.protocols import Store
from penjing.core.threads import Threads
from penjing.serve.door import (
    authorization,
    bell,
    bounds,
    cookies,
    cors,
    csrf,
    hosts,
    origins,
    scopes,
)
from penjing.serve.door.accounts import Accounts, Aside, Known, UnlockedPerson
from penjing.serve.door.bodies import SLOW, GuardedSend, Patient
from penjing.serve.door.clock import Clock, seconds
from penjing.serve.door.headers import dressed
from penjing.serve.door.login import LOGOUT, Describe, Login, who_in
from penjing.serve.door.public import RINGING, is_public
from penjing.serve.door.replies import refuse
from penjing.serve.door.secrets import digest, is_same
from penjing.serve.door.sessions import Sessions, WebSession
from penjing.serve.door.settings import DoorSettings
from penjing.serve.door.stores import Stores
from penjing.serve.door.throttle import Rate, neighbourhood
from penjing.serve.door.tokens import Tokens
from penjing.serve.door.visit import App, Message, Receive, Refusal, Scope, Send, Visit
from penjing.serve.present import Present
from penjing.serve.refusals import Refused
from penjing.serve.who import Who

NEWS = "/api/news"
_BY_ITSELF = (NEWS, RINGING)
"""What an open page asks by itself: it keeps nobody logged in."""
_LOG_IN = Refusal(401, "nobody is logged in: log in, or send a token")
_CHANGING = Refusal(503, "the key of this account is being changed: try again in a moment", wait=1)
_ASKING = 8
"""Threads that ask the accounts."""
_BAD_TOKEN = Refusal(401, "that token opens nothing: make a new one")


@dataclass(frozen=True)
class _Entry:
    """Somebody, or something, that may pass."""

    opened: UnlockedPerson | None
    """Who; None for the server's own token, which is nobody's."""
    session: WebSession | None
    """Of whom; None for the server's own token."""

    @property
    def granted(self) -> frozenset[str] | None:
        """What a token may be used for; None for a browser's session."""
        if self.session is None:
            return scopes.BESIDE_A_VAULT if self.opened is None else scopes.ALONE
        return self.session.scopes if self.session.bearer else None


class Door:
    """ASGI around an app. Lives on one event loop."""

    def __init__(
        self,
        app: App,
        accounts: Accounts,
        settings: DoorSettings,
        describe: Describe,
        *,
        token: str | None = None,
        present: Present | None = None,
        clock: Clock = seconds,
    ) -> None:
        self._app, self._accounts, self._settings, self._clock = app, accounts, settings, clock
        self._token = digest(token) if token else None
        self._strangers = Rate(each_second=20.0, at_once=200.0, clock=clock)
        self._stores = Stores(present)
        self._sessions = Sessions(self._stores, settings, clock)
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self._aside: set[str] = set()
        self._threads = threads = Threads("the door", _ASKING)
        self._login = Login(accounts, self._sessions, settings, describe, threads, clock=clock)
        self._tokens = Tokens(accounts, self._sessions, self._login.confirm, threads)
        self.code = self._login.code
        """The one-time code for the link that is printed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the life of the app."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["type"] == "http":
            visit = Visit(scope)
            send = cors.opened(send, visit, self._settings)
            await self._answer(visit, Patient(receive), dressed(send, visit))
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def evict(self, person: str) -> None:
        """End every session of a person and close their part, whatever runs; then it is closed."""
        self._sessions.end_all(person)
        self._stores.shut(person)
        await self._stores.settled(person)

    @asynccontextmanager
    async def aside(self, person: str) -> AsyncIterator[None]:
        """Close a person's part, whatever runs, while the block changes or destroys its key.

        Their sessions end with the block, and go on where it raises: nothing has changed then.
        """
        before, away = self._stores.peek(person), None
        if before is not None:
            away = self._accounts.aside(before.store)
            self._stores.shut(person)
        self._aside.add(person)
        try:
            await self._stores.settled(person)
            yield
        except BaseException:
            if before is not None and away is not None:
                await self._back(person, before.store, away)
            raise
        else:
            self._sessions.end_all(person)
            self._stores.shut(person)
        finally:
            self._aside.discard(person)
            if away is not None:
                away.forget()

    async def _back(self, person: str, before: Store, away: Aside) -> None:
        """Give the sessions whose store was closed the same one again."""
        try:
            store = await self._threads.run(away.back)
        except PenjingError:
            self._sessions.end_all(person)
            return
        theirs = [one for one in self._sessions.of(person) if one.opened.store is before]
        if not theirs:
            await self._threads.run(store.close)
        for session in theirs:
            session.opened = self._stores.take(UnlockedPerson(session.opened.known, store))

    async def close(self) -> None:
        """End every session; all keys are forgotten when it returns."""
        if self._looking is not None:
            self._looking.cancel()
        if self._timer is not None:
            self._timer.cancel()
        for person in self._stores.people():
            self._sessions.end_all(person)
            self._stores.shut(person)
        await self._stores.settled()

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The app's life; the server goes on to its end only when all keys are forgotten."""

        async def sending(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown."):
                await self.close()
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            await self.close()

    async def _answer(self, visit: Visit, patient: Patient, send: Send) -> None:
        asks_first = cors.is_preflight(visit) and cors.is_named(visit, self._settings)
        refusal = (
            (bounds.sizes(visit) if asks_first else bounds.check(visit))
            or hosts.check(visit, self._settings)
            or origins.check(visit, self._settings)
        )
        if refusal is None and asks_first:
            return await cors.permit(send)
        if (refusal := refusal or cors.check(visit, self._settings)) is not None:
            return await refuse(visit, send, refusal)
        if (answers := self._login.serves(visit)) is not None:
            if (refusal := self._slow_down(visit)) is not None:
                return await refuse(visit, send, refusal)
            await answers(visit, patient.receive, send)
            return self._watch()
        entry = await self._who(visit)
        if isinstance(entry, Refusal) or entry is None:
            return await self._stranger(visit, patient, send, entry or _LOG_IN)
        return await self._known(visit, patient, send, entry)

    async def _stranger(self, visit: Visit, patient: Patient, send: Send, refusal: Refusal) -> None:
        """Nobody is logged in: the page's own files, or why not."""
        slower = self._slow_down(visit)
        if slower is None and refusal is _LOG_IN and bell.is_asked(visit):
            tls = self._settings.tls
            if await self._threads.run(bell.is_known, visit, self._accounts, tls=tls):
                return await self._pass(visit, patient, send)
        if slower is not None or not is_public(visit):
            return await refuse(visit, send, slower or refusal)
        return await self._pass(visit, patient, send)

    async def _known(self, visit: Visit, patient: Patient, send: Send, entry: _Entry) -> None:
        session = entry.session
        refusal = csrf.check(visit, session) if session and not session.bearer else None
        if refusal is None:
            refusal = self._may(visit, entry)
        if refusal is not None:
            return await refuse(visit, send, refusal)
        if (visit.method, visit.path) == ("POST", LOGOUT):
            return await self._login.logout(visit, send)
        if session is None:
            who = self._as_owner(entry)
            return await self._pass(visit, patient, send, who and self._proving(visit, who))
        return await self._within(visit, patient, send, session)

    async def _within(
        self, visit: Visit, patient: Patient, send: Send, session: WebSession
    ) -> None:
        """Run the app while a session's person is held unlocked."""
        opened = self._stores.hold(session.opened.known.person)
        if opened is None:
            away = session.opened.known.person in self._aside
            return await refuse(visit, send, _CHANGING if away else _LOG_IN)
        session.busy += 1
        try:
            if self._tokens.serves(visit):
                return await self._tokens.answer(visit, patient.receive, send, session)
            if visit.path in _BY_ITSELF and not session.bearer:
                send = await self._handing(visit, send, session)
            who = who_in(session, opened, kept=self._accounts.kept)
            who = replace(who, hold=lambda: self._held(who.person))
            return await self._pass(visit, patient, send, self._proving(visit, who, session.name))
        finally:
            session.busy -= 1
            if visit.path not in _BY_ITSELF:
                session.seen = self._clock()
            self._stores.release(opened)

    def _held(self, person: str) -> Callable[[], None]:
        """Keep a person unlocked beyond their request, until what it returns is called."""
        opened = self._stores.hold(person)
        return (lambda: None) if opened is None else lambda: self._stores.release(opened)

    async def _handing(self, visit: Visit, send: Send, session: WebSession) -> Send:
        """An open page may stop what rings later on, with nobody logged in."""
        if session.bell is None:
            person = session.opened.known.person
            session.bell = await self._threads.run(bell.value_of, person, self._accounts)
        return bell.handing(send, visit, session.bell, tls=self._settings.tls)

    async def _pass(
        self, visit: Visit, patient: Patient, send: Send, who: Who | None = None
    ) -> None:
        """Let it through, with a person or without; a sender who stops halfway gets a 408."""
        state = {**visit.scope.get("state", {})}
        state.pop("who", None)
        if who is not None:
            state["who"] = who
        careful = GuardedSend(send, patient)
        try:
            await self._app({**visit.scope, "state": state}, patient.receive, careful)
        except Exception:
            if not patient.gave_up:
                raise
        if patient.gave_up and not careful.begun:
            await refuse(visit, send, SLOW)

    # -------------------------------------------------------------------------------- who is it

    async def _who(self, visit: Visit) -> _Entry | Refusal | None:
        """Who proves themselves, why they do not, or None where nobody tries to."""
        shown = visit.all("authorization")
        if shown:
            return await self._of_token(visit, shown)
        text = cookies.read(visit, cookies.SESSION, tls=self._settings.tls)
        session = self._sessions.find(text, used=visit.path not in _BY_ITSELF) if text else None
        return await self._fresh(session) if session and not session.bearer else None

    async def _of_token(self, visit: Visit, shown: list[str]) -> _Entry | Refusal:
        scheme, _, token = shown[0].partition(" ")
        token = token.strip()
        if len(shown) != 1 or scheme.lower() != "bearer" or not token.isascii():
            return _BAD_TOKEN
        if self._token is not None and is_same(token, self._token):
            return _Entry(self._accounts.alone(), None)
        if (session := self._sessions.find(token)) and session.bearer:
            return await self._fresh(session) or _BAD_TOKEN
        if (slower := self._slow_down(visit)) is not None:
            return slower
        opened = await self._opened_by(token)
        if opened is None:
            return _BAD_TOKEN
        session, _ = self._sessions.begin(opened, token)
        self._watch()
        return _Entry(session.opened, session)

    async def _opened_by(self, token: str) -> UnlockedPerson | None:
        """What a token opens, unless it was removed meanwhile."""
        try:
            opened = await self._threads.run(self._accounts.unlock_token, token)
        except PenjingError:
            return None
        if not self._sessions.is_removed(opened):
            return opened
        await self._threads.run(opened.store.close)
        return None

    async def _fresh(self, session: WebSession) -> _Entry | None:
        """A session that what began it would still begin; its person's role may have changed.

        Other processes change the same vault: its files are looked at before every use.
        """
        person = session.opened.known.person
        stamp, now = self._accounts.stamp(person), self._clock()
        if stamp != session.stamp or now - session.checked > self._settings.refresh:
            known, opens = await self._threads.run(self._asked, person, session)
            if known is None:
                await self.evict(person)
                return None
            if not opens:
                self._sessions.end_this(session)
                return None
            self._stores.now(known)
            session.checked, session.stamp = now, stamp
            session.opened = UnlockedPerson(known, session.opened.store)
        return _Entry(session.opened, session)

    def _asked(self, person: str, session: WebSession) -> tuple[Known | None, bool]:
        """What the accounts say of a session's person, and whether it may go on."""
        known = self._accounts.now(person)
        return known, self._accounts.still_opens(person, session.token, session.seal)

    def _may(self, visit: Visit, entry: _Entry) -> Refusal | None:
        refusal = scopes.check(visit, entry.granted) if entry.granted is not None else None
        if entry.opened is None:  # nobody: there is nothing that it lacks a scope for
            return refusal and _BAD_TOKEN
        return refusal or authorization.check(visit, entry.opened.known.role)

    def _as_owner(self, entry: _Entry) -> Who | None:
        if entry.opened is None:
            return None
        known = entry.opened.known
        return Who(
            known.person, known.name, known.role, entry.opened.store, None, None,
            self._accounts.kept, entry.granted,
        )  # fmt: skip

    def _proving(self, visit: Visit, who: Who, session: str = "") -> Who:
        """The same, who can be asked for their passphrase as at the login."""
        known, address = Known(who.person, who.name, who.role), neighbourhood(visit.address)

        async def prove(passphrase: str) -> None:
            refusal = await self._login.confirm(known, passphrase, address, session)
            if refusal is not None:
                raise Refused(refusal.line, refusal.status, refusal.wait)

        return replace(who, prove=prove)

    def _slow_down(self, visit: Visit) -> Refusal | None:
        if wait := self._strangers.wait(neighbourhood(visit.address)):
            return Refusal(429, "too many requests: wait a moment", wait=wait)
        return None

    # ------------------------------------------------------------------------------ what is over

    def _watch(self) -> None:
        """Keys are forgotten when a session is over, not when somebody next comes by."""
        if self._timer is None and len(self._sessions):
            pause = min(15.0, self._settings.idle / 4)
            self._timer = asyncio.get_running_loop().call_later(pause, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._sessions.sweep()
        self._looking = asyncio.get_running_loop().create_task(self._look())
        self._watch()

    async def _look(self) -> None:
        """End what was taken away elsewhere, though nobody comes by with it."""
        for session in self._sessions.all():
            if self._accounts.stamp(session.opened.known.person) != session.stamp:
                with suppress(PenjingError):  # whoever comes by will be told
                    await self._fresh(session)
