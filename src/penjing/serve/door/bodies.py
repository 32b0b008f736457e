"""Bodies that come too slowly, and the small JSON bodies that the door itself reads."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from penjing.core.errors import FormatError
from penjing.core.plain_json import parse_json
from penjing.serve.door.visit import Message, Receive, Refusal, Send, Visit

PAUSE = 10.0
"""Seconds without a byte after which a sender is given up."""
GRACE = 20.0
"""Seconds that any body may take."""
SLOWEST = 8 * 1024
"""Bytes each second that it must reach beyond that."""
MOST_JSON = 16 * 1024
_DIGITS = 15
"""Of a length that is worth reading as a number."""

_TOO_LARGE = Refusal(413, f"the body is larger than {MOST_JSON} bytes: shorten it")
SLOW = Refusal(408, "the request came too slowly: send it again")


class Patient:
    """A `receive` that waits for a body only so long, and then says that the sender is gone."""

    def __init__(self, receive: Receive, pause: float = PAUSE, grace: float = GRACE) -> None:
        self._receive, self._pause, self._grace = receive, pause, grace
        self._began = asyncio.get_running_loop().time()
        self._bytes = 0
        self._whole = False
        self.gave_up = False

    async def receive(self) -> Message:
        """The next message; after the body is whole, waiting is for the end and takes its time."""
        if self._whole:
            return await self._receive()
        left = self._began + self._grace + self._bytes / SLOWEST - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(0.0, min(self._pause, left))):
                message = await self._receive()
        except TimeoutError:
            self.gave_up = True
            return {"type": "http.disconnect"}
        self._bytes += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        return message


class GuardedSend:
    """A `send` that keeps quiet about what an app makes of a sender who was given up."""

    def __init__(self, send: Send, patient: Patient) -> None:
        self._send, self._patient = send, patient
        self._dropped = False
        self.begun = False
        """The reply has begun: it is too late to say anything else."""

    async def __call__(self, message: Message) -> None:
        """Send it, unless it is a reply to half a request."""
        if message["type"] == "http.response.start":
            self._dropped = self._patient.gave_up
        if not self._dropped:
            self.begun = True
            await self._send(message)


async def json_body(visit: Visit, receive: Receive) -> Mapping[str, Any] | Refusal:
    """A small JSON object, or why it is none."""
    media = (visit.one("content-type") or "").partition(";")[0].strip().lower()
    if media != "application/json":  # a form, the one thing that other sites can send unasked
        return Refusal(415, "send JSON, with Content-Type: application/json")
    data = await _whole(visit, receive)
    if isinstance(data, Refusal):
        return data
    try:
        document = parse_json(data)
    except FormatError as error:
        return Refusal(422, f"the body is no sound JSON: {error}")
    if not isinstance(document, dict):
        return Refusal(422, "the body is not a JSON object: send one")
    return document


async def _whole(visit: Visit, receive: Receive) -> bytes | Refusal:
    """All of a body; one that is promised to be too large is refused before it comes."""
    promised = visit.one("content-length") or ""
    if promised.isdecimal() and (len(promised) > _DIGITS or int(promised) > MOST_JSON):
        return _TOO_LARGE
    data = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return SLOW
        data += message.get("body", b"")
        more = message.get("more_body", False)
        if len(data) > MOST_JSON:
            return _TOO_LARGE
    return data


def text_of(document: Mapping[str, Any], name: str, longest: int) -> str | None:
    """A text in a document; None where it is missing, no text, empty or too long."""
    value = document.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= longest else None
