"""The headers of every reply: what a browser may do with it. They replace the app's own."""

from __future__ import annotations

from penjing.serve.door.public import ASSETS
from penjing.serve.door.visit import Message, Send, Visit

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "img-src 'self' data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

ALWAYS: dict[bytes, bytes] = {
    b"content-security-policy": POLICY.encode("ascii"),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-embedder-policy": b"require-corp",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    b"x-robots-tag": b"noindex, nofollow",
}
_FOR_EVER = b"public, max-age=31536000, immutable"
_NEVER = b"no-store"


def dressed(send: Send, visit: Visit) -> Send:
    """`send`, with our headers on the reply."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": _headers(message, visit)}
        await send(message)

    return sending


def _headers(message: Message, visit: Visit) -> list[tuple[bytes, bytes]]:
    kept = [
        (key, value)
        for key, value in message.get("headers", ())
        if key.lower() not in ALWAYS
        and key.lower() not in (b"cache-control", b"server")
        and not key.lower().startswith(b"access-control-")
    ]
    hashed = visit.path.startswith(ASSETS) and message["status"] in (200, 206, 304)
    return [*kept, *ALWAYS.items(), (b"cache-control", _FOR_EVER if hashed else _NEVER)]
