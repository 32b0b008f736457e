"""A person's own tokens, for programs: made and removed in a web session, never by a token.

What a token may be used for is said when it is made and never changed: who wants another makes
another. What may do harm that nothing undoes is given only to who types their passphrase with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from penjing.core.errors import BadInput, NotFound
from penjing.core.threads import Threads
from penjing.serve.door.accounts import Accounts, Known
from penjing.serve.door.bodies import json_body, text_of
from penjing.serve.door.replies import answer, refuse
from penjing.serve.door.scopes import ADMIN, LEAST, SCOPES, in_order
from penjing.serve.door.sessions import Sessions, WebSession
from penjing.serve.door.throttle import neighbourhood
from penjing.serve.door.visit import Receive, Refusal, Send, Visit
from penjing.vault.envelope import LONGEST

PATH = "/api/me/tokens"
LONGEST_LABEL = 64
Confirm = Callable[[Known, str, str, str], Awaitable[Refusal | None]]
"""See `Unlocking.confirm`."""
_NOT_BY_TOKEN = Refusal(403, "a token cannot make or remove tokens: log in")
_NO_LABEL = Refusal(422, f"send a label: up to {LONGEST_LABEL} printable characters")
_NO_SCOPES = Refusal(422, f"send scopes: a list of one or more of {', '.join(SCOPES)}")
_NO_PASSPHRASE = Refusal(403, f"the scope '{ADMIN}' is given by passphrase: send yours with it")
_NO_SUCH = Refusal(404, "there is no such token of yours: list them and choose one")


class Tokens:
    """The paths under `PATH`."""

    def __init__(
        self, accounts: Accounts, sessions: Sessions, confirm: Confirm, threads: Threads
    ) -> None:
        self._accounts, self._sessions, self._confirm = accounts, sessions, confirm
        self._threads = threads

    def serves(self, visit: Visit) -> bool:
        """Whether it is ours to answer."""
        return visit.path == PATH or visit.path.startswith(f"{PATH}/")

    async def answer(self, visit: Visit, receive: Receive, send: Send, session: WebSession) -> None:
        """List, make or remove."""
        store = session.opened.store
        if session.bearer:
            return await refuse(visit, send, _NOT_BY_TOKEN)
        if visit.safe and visit.path == PATH:
            found = await self._threads.run(self._accounts.tokens, store)
            return await answer(send, 200, [asdict(one) for one in found])
        if visit.method == "POST" and visit.path == PATH:
            return await self._make(visit, receive, send, session)
        if visit.method == "DELETE" and visit.path != PATH:
            return await self._drop(visit, send, session)
        return await refuse(visit, send, Refusal(405, "tokens are listed, made and removed"))

    async def _make(self, visit: Visit, receive: Receive, send: Send, session: WebSession) -> None:
        body = await json_body(visit, receive)
        if isinstance(body, Refusal):
            return await refuse(visit, send, body)
        label, scopes = text_of(body, "label", LONGEST_LABEL), _scopes_of(body)
        if label is None or not label.isprintable():
            return await refuse(visit, send, _NO_LABEL)
        if scopes is None:
            return await refuse(visit, send, _NO_SCOPES)
        if ADMIN in scopes and (why := await self._unsure(visit, body, session)) is not None:
            return await refuse(visit, send, why)
        store = session.opened.store
        try:
            token, text = await self._threads.run(self._accounts.add_token, store, label, scopes)
        except BadInput as error:
            return await refuse(visit, send, Refusal(409, str(error)))
        return await answer(send, 201, {**asdict(token), "token": text})

    async def _unsure(
        self, visit: Visit, body: Mapping[str, Any], session: WebSession
    ) -> Refusal | None:
        """Why it is not certain that the very person asks, and not who found their browser open."""
        passphrase = text_of(body, "passphrase", LONGEST)
        if passphrase is None:
            return _NO_PASSPHRASE
        known, address = session.opened.known, neighbourhood(visit.address)
        return await self._confirm(known, passphrase, address, session.name)

    async def _drop(self, visit: Visit, send: Send, session: WebSession) -> None:
        wanted = visit.path.removeprefix(f"{PATH}/")
        try:
            await self._threads.run(self._accounts.drop_token, session.opened.store, wanted)
        except NotFound:
            return await refuse(visit, send, _NO_SUCH)
        self._sessions.end_token(wanted)
        return await answer(send, 204, None)


def _scopes_of(body: Mapping[str, Any]) -> tuple[str, ...] | None:
    """What the token is for, the least where nothing was said; None where it is no such list."""
    wanted = body.get("scopes", [LEAST])
    if not isinstance(wanted, list) or not wanted:
        return None
    if not all(isinstance(one, str) and one in SCOPES for one in wanted):
        return None
    return in_order({*wanted})
