"""Who a request is from, as the door found out. Handlers ask here and nowhere else.

Knows neither how they proved it nor what HTTP looks like: a request is anything with a `scope`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from penjing.core.dialogue import TALKER, Standing
from penjing.core.errors import NotPermitted
from penjing.core.protocols import Store


async def _unasked(_: str) -> None:
    raise NotPermitted("this needs a passphrase, and nobody can be asked for one here: log in")


@dataclass(frozen=True)
class Who:
    """The person behind a request, for as long as it runs."""

    person: str
    """Their id; `OWNER` where there is no vault."""
    name: str
    """What they type to log in."""
    role: Standing
    """Owner, member or guest."""
    store: Store
    """What is theirs, unlocked. Never closed by a handler."""
    session: str | None
    """A name for the web session, the same throughout it and no secret; None for a bearer token."""
    csrf: str | None = field(default=None, repr=False)
    """What /api/me gives the page to send back; None for a bearer token, which needs none."""
    kept: bool = False
    """A vault keeps what they say; without one it is gone when the server ends."""
    scopes: frozenset[str] | None = frozenset()
    """What their token may be used for (`door/scopes.py`), which the door holds them to; None for
    a web session, where they may do whatever their role may."""

    hold: Callable[[], Callable[[], None]] = field(
        default=lambda: lambda: None, repr=False, compare=False
    )
    """Keeps the store unlocked after the request, until what it returns is called."""
    prove: Callable[[str], Awaitable[None]] = field(default=_unasked, repr=False, compare=False)
    """Raises unless a passphrase is theirs; guesses wait as they do at the login."""

    @property
    def standing(self) -> Standing:
        """Their role for an assistant: who has a token without `tools` may talk and not act."""
        return self.role if self.scopes is None or "tools" in self.scopes else TALKER


OWNER = "owner"
"""The one person there is without a vault."""


def who_of(request: Any) -> Who:
    """The person behind a request (or its scope). Raises NotPermitted where the door found none."""
    scope: Mapping[str, Any] = getattr(request, "scope", request)
    who = scope.get("state", {}).get("who")
    if not isinstance(who, Who):
        raise NotPermitted("nobody is logged in: log in first")
    return who
