"""Answers that arrive bit by bit: server-sent events, and noticing when nobody listens any more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing
from typing import Any, TypeVar

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from penjing.serve.answers import Closer

HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent: an open line looks alive, a dead one ends."""
DONE = b"data: [DONE]\n\n"

T = TypeVar("T")


class Left(Exception):
    """The client has gone; nobody will read an answer."""


def event(document: Any, name: str | None = None) -> bytes:
    """One event. JSON has no line breaks of its own, so a text can begin no other event."""
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {data}\n\n".encode()


class EventStream(Response):
    """Sends events until they end or the client leaves. `close` is called in any case."""

    media_type = "text/event-stream"
    beats = True
    """A comment is sent in silence."""

    def __init__(self, events: AsyncIterator[bytes], close: Closer) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._close = close
        self._sent = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer a request."""
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async with anyio.create_task_group() as group:
                group.start_soon(_leave, receive, group.cancel_scope)
                group.start_soon(self._beat, send)
                await self._write(send)
                group.cancel_scope.cancel()
        finally:
            self._close()

    async def _write(self, send: Send) -> None:
        async with aclosing(self._events) as events:  # type: ignore[type-var]
            async for data in events:
                self._sent = True
                await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _beat(self, send: Send) -> None:
        while True:
            self._sent = False
            await asyncio.sleep(HEARTBEAT)
            if not self._sent and self.beats:
                await send({"type": "http.response.body", "body": b":\n\n", "more_body": True})


async def _leave(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def unless_left(request: Request, work: Awaitable[T]) -> T:
    """The result of `work`, which is cancelled when the client goes away. Raises Left."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request.receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Left
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.wait({working, leaving})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
