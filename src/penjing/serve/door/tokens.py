"""A person's own tokens, for programs: made and removed in a web session, never by a token."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from penjing.core.errors import BadInput, NotFound
from penjing.core.protocols import Store
from penjing.serve.door.accounts import Accounts
from penjing.serve.door.bodies import json_body, text_of
from penjing.serve.door.replies import answer, refuse
from penjing.serve.door.sessions import Sessions, WebSession
from penjing.serve.door.visit import Receive, Refusal, Send, Visit

PATH = "/api/me/tokens"
_LONGEST = 64
_NOT_BY_TOKEN = Refusal(403, "a token cannot make or remove tokens: log in")
_NO_LABEL = Refusal(422, f"send a label: up to {_LONGEST} printable characters")
_NO_SUCH = Refusal(404, "there is no such token of yours: list them and choose one")


class Tokens:
    """The paths under `PATH`."""

    def __init__(self, accounts: Accounts, sessions: Sessions) -> None:
        self._accounts, self._sessions = accounts, sessions

    def serves(self, visit: Visit) -> bool:
        """Whether it is ours to answer."""
        return visit.path == PATH or visit.path.startswith(f"{PATH}/")

    async def answer(self, visit: Visit, receive: Receive, send: Send, session: WebSession) -> None:
        """List, make or remove."""
        store = session.opened.store
        if session.bearer:
            return await refuse(visit, send, _NOT_BY_TOKEN)
        if visit.safe and visit.path == PATH:
            found = await asyncio.to_thread(self._accounts.tokens, store)
            return await answer(send, 200, [asdict(one) for one in found])
        if visit.method == "POST" and visit.path == PATH:
            return await self._make(visit, receive, send, store)
        if visit.method == "DELETE" and visit.path != PATH:
            return await self._drop(visit, send, session)
        return await refuse(visit, send, Refusal(405, "tokens are listed, made and removed"))

    async def _make(self, visit: Visit, receive: Receive, send: Send, store: Store) -> None:
        body = await json_body(visit, receive)
        if isinstance(body, Refusal):
            return await refuse(visit, send, body)
        label = text_of(body, "label", _LONGEST)
        if label is None or not label.isprintable():
            return await refuse(visit, send, _NO_LABEL)
        try:
            token, text = await asyncio.to_thread(self._accounts.add_token, store, label)
        except BadInput as error:
            return await refuse(visit, send, Refusal(409, str(error)))
        return await answer(send, 201, {**asdict(token), "token": text})

    async def _drop(self, visit: Visit, send: Send, session: WebSession) -> None:
        wanted = visit.path.removeprefix(f"{PATH}/")
        try:
            await asyncio.to_thread(self._accounts.drop_token, session.opened.store, wanted)
        except NotFound:
            return await refuse(visit, send, _NO_SUCH)
        self._sessions.end_token(wanted)
        return await answer(send, 204, None)
