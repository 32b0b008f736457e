"""One request as the door's checks see it: a view of its ASGI scope. Knows no person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

UNIX = "unix"
"""The address of everybody who comes through a Unix socket."""


@dataclass(frozen=True)
class Visit:
    """A request before anybody has read its body."""

    scope: Scope
    """As the server gave it."""

    @property
    def method(self) -> str:
        """GET, POST ..."""
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        """Decoded, without the query."""
        return str(self.scope["path"])

    @property
    def address(self) -> str:
        """Where it comes from: an IP address, or `UNIX`."""
        client = self.scope.get("client")
        return str(client[0]) if client and client[0] else UNIX

    @property
    def safe(self) -> bool:
        """A method that never acts."""
        return self.method in ("GET", "HEAD")

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        wanted = name.lower().encode("ascii")
        return [value.decode("latin-1") for key, value in self.scope["headers"] if key == wanted]

    def one(self, name: str) -> str | None:
        """A header that stands there once; None where it is missing or doubled."""
        values = self.all(name)
        return values[0] if len(values) == 1 else None


@dataclass(frozen=True)
class Refusal:
    """Why a request gets no further."""

    status: int
    """The HTTP status."""
    line: str
    """One line for who asked; tells nothing that they did not know."""
    wait: float | None = None
    """Seconds after which it is worth trying again."""
