"""What is shown before anybody has logged in, as data: the page's own files, and the health."""

from __future__ import annotations

from penjing.serve.door.visit import Visit

FILES = frozenset({"/", "/health", "/favicon.ico", "/favicon.svg", "/manifest.webmanifest"})
ASSETS = "/assets/"
"""Files with a hash in their name; they hold nothing of anybody's."""


def is_public(visit: Visit) -> bool:
    """Whether it may be seen by anybody who can reach the server."""
    return visit.safe and (visit.path in FILES or visit.path.startswith(ASSETS))
