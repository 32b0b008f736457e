"""What the door itself answers: JSON, whole, in the shape of the part of the API that was asked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from penjing.serve.door.visit import Refusal, Send, Visit

Header = tuple[bytes, bytes]

_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


async def refuse(visit: Visit, send: Send, refusal: Refusal) -> None:
    """Answer with a refusal and end the connection when a body may still be on its way."""
    document: Mapping[str, Any] = {"error": refusal.line}
    if visit.path.startswith("/v1/"):
        kind = _KINDS.get(refusal.status, "invalid_request_error")
        document = {"error": {"message": refusal.line, "type": kind, "param": None, "code": None}}
    headers: list[Header] = [] if visit.safe else [(b"connection", b"close")]
    if refusal.wait is not None:
        headers.append((b"retry-after", str(max(1, math.ceil(refusal.wait))).encode("ascii")))
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await answer(send, refusal.status, document, headers)


async def answer(
    send: Send, status: int, document: Any | None, headers: Sequence[Header] = ()
) -> None:
    """A JSON document, or no body at all."""
    body = b"" if document is None else json.dumps(document, ensure_ascii=False).encode("utf-8")
    about: list[Header] = [*headers]
    if document is not None:
        about += [(b"content-type", b"application/json")]
    if status != 204:
        about += [(b"content-length", str(len(body)).encode("ascii"))]
    await send({"type": "http.response.start", "status": status, "headers": about})
    await send({"type": "http.response.body", "body": body})
