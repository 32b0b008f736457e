"""What is shown before anybody has logged in, as data: the page's own files, the health, and that
something rings (when and of what kind, for as long as it does; not whose, and no words)."""

from __future__ import annotations

from penjing.serve.door.visit import Visit

FILES = frozenset({
    "/", "/health", "/favicon.ico", "/favicon.svg", "/icon-192.png", "/icon-512.png",
    "/licences.txt", "/manifest.webmanifest", "/sw.js",
})  # fmt: skip
RINGING = "/api/ringing"
ASSETS = "/assets/"
"""Files with a hash in their name; they hold nothing of anybody's."""


def is_public(visit: Visit) -> bool:
    """Whether it may be seen by anybody who can reach the server."""
    return is_open(visit.method, visit.path) or (visit.safe and visit.path == RINGING)


def is_open(method: str, path: str) -> bool:
    """The page's own files, by method and path."""
    return method in ("GET", "HEAD") and (path in FILES or path.startswith(ASSETS))
