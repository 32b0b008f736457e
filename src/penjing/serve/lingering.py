"""Answers that come before their request has: the rest of it is let come before the line is cut.

A connection that is closed with unread bytes is reset, and a reset takes along what the other side
has not read yet: whoever sent too much would see a broken connection and never the 413 that says
so (RFC 9112, section 9.6, asks servers to close in stages for this).
"""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST = 2.0
"""Seconds for which the rest of a body is read and thrown away."""
MOST = 16 * 2**20
"""Bytes of it: who sends on for ever is cut off."""


class Lingering:
    """ASGI around everything that is served."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the life of the app."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        whole = closing = False
        seen = 0

        async def reading() -> Message:
            nonlocal whole, seen
            message = await receive()
            seen += len(message.get("body", b""))
            whole = message["type"] == "http.disconnect" or not message.get("more_body", False)
            return message

        async def rest() -> None:
            most = seen + MOST
            try:
                async with asyncio.timeout(LONGEST):
                    while not whole and seen < most:
                        await reading()
            except TimeoutError:
                pass

        async def sending(message: Message) -> None:
            nonlocal closing
            if message["type"] == "http.response.start":
                closing = _closes(message)
            elif closing and not whole and not message.get("more_body", False):
                await send({**message, "more_body": True})
                await rest()
                message = {"type": "http.response.body"}
            await send(message)

        return await self._app(scope, reading, sending)


def _closes(start: Message) -> bool:
    return any(
        name.lower() == b"connection" and value.lower() == b"close"
        for name, value in start.get("headers", ())
    )
