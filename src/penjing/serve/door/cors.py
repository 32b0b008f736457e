"""CORS: the pages and extensions of other origins that the owner named may ask what programs ask.

Each is named whole, and only with a token: never with a cookie, never for what the page alone may
do. Nobody named, nothing is allowed. A browser asks first (preflight), without the token; it is
told what it may send, and nothing else.
"""

from __future__ import annotations

import re

from penjing.serve.door.settings import DoorSettings
from penjing.serve.door.visit import Message, Refusal, Send, Visit

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]{0,31}://[!-~]{1,255}")
_NEVER = frozenset("/?#@*\\'\"")
_METHODS = b"GET, HEAD, POST"
_HEADERS = re.compile(r"[A-Za-z0-9-]{1,64}")
_FOR_PROGRAMS = re.compile(r"/v1/.+|/api/(?:tags|show|chat|generate|embed|embeddings|version|ps)")
"""What other origins may ask: OpenAI's API and Ollama's."""
_NO_TOKEN = Refusal(401, "a page of another origin needs a token: send it as Authorization: Bearer")


def is_origin(text: str) -> bool:
    """Whether an origin is spelled as browsers send it: scheme and host, and a port maybe."""
    return _ORIGIN.fullmatch(text) is not None and not set(text.partition("://")[2]) & _NEVER


def is_named(visit: Visit, settings: DoorSettings) -> bool:
    """Whether it comes from an origin that the owner named, and asks what programs ask."""
    origin = visit.one("origin")
    return origin is not None and origin in settings.origins and is_for_programs(visit)


def is_for_programs(visit: Visit) -> bool:
    """Whether it is what programs ask: never what the page does, nor logging in."""
    return _FOR_PROGRAMS.fullmatch(visit.path) is not None


def is_preflight(visit: Visit) -> bool:
    """A browser asks whether it may ask."""
    return visit.method == "OPTIONS" and visit.one("access-control-request-method") is not None


def check(visit: Visit, settings: DoorSettings) -> Refusal | None:
    """Refuse a named origin that proves nothing: its page must have a token."""
    if not is_named(visit, settings) or visit.all("authorization"):
        return None
    return _NO_TOKEN


async def permit(send: Send) -> None:
    """Answer a preflight; `opened` says what it may."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def opened(send: Send, visit: Visit, settings: DoorSettings) -> Send:
    """`send`, with what lets a named origin's page read the answer; as it is for all others."""
    if not is_named(visit, settings):
        return send
    more = [
        (b"access-control-allow-origin", (visit.one("origin") or "").encode("latin-1")),
        (b"access-control-expose-headers", b"retry-after, x-penjing-ignored"),
        (b"vary", b"Origin"),
        *(_permitted(visit) if is_preflight(visit) else ()),
    ]

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return sending


def _permitted(visit: Visit) -> list[tuple[bytes, bytes]]:
    """What a browser may send: the headers that it asks for, by their names."""
    asked = visit.one("access-control-request-headers") or ""
    names = [one for part in asked.split(",")[:64] if _HEADERS.fullmatch(one := part.strip())]
    found = [
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", ", ".join(names or ["authorization"]).encode("ascii")),
        (b"access-control-max-age", b"600"),
    ]
    if visit.one("access-control-request-private-network") == "true":
        found.append((b"access-control-allow-private-network", b"true"))
    return found
