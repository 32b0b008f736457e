"""What is shown before anybody has logged in, as data: the page's own files, and the health."""

from __future__ import annotations

from penjing.serve.door.visit import Visit

FILES = frozenset(
    {"/", "/health", "/favicon.ico", "/favicon.svg", "/licences.txt", "/manifest.webmanifest"}
)
ASSETS = "/assets/"
"""Files with a hash in their name; they hold nothing of anybody's."""


def is_public(visit: Visit) -> bool:
    """Whether it may be seen by anybody who can reach the server."""
    return is_open(visit.method, visit.path)


def is_open(method: str, path: str) -> bool:
    """The same of a method and a path."""
    return method in ("GET", "HEAD") and (path in FILES or path.startswith(ASSETS))
