"""What every handler needs, found through its request: one desk for each app."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from penjing.core.protocols import Assistant, Store
from penjing.core.threads import Threads
from penjing.serve.answers import Answers
from penjing.serve.indexing import Indexing
from penjing.serve.limits import Limits
from penjing.serve.metrics import Metrics
from penjing.serve.plain import Plain
from penjing.serve.quota import Quota
from penjing.serve.replies import Replies
from penjing.serve.services import Services

_UPLOADS = 2
"""Documents that one person sends at once: each is held in memory."""
_REQUESTS, _PASSPHRASES = 32, 2
"""Threads: of requests that block, and of those that make a key of a new passphrase."""


@dataclass
class Desk:
    """The state of one app. Lives on its event loop."""

    services: Services
    """What is served."""
    limits: Limits
    """How much of it."""
    quota: Quota
    """What every person has taken."""
    metrics: Metrics
    """What was counted."""
    replies: Replies
    """The turns that are being answered."""
    indexing: Indexing = field(default_factory=Indexing)
    """The documents that become passages."""
    uploads: Quota = field(init=False)
    """The documents of every person that are in memory."""
    evict: Any = None
    """The door's: ends a person's web sessions and closes their store."""
    threads: Threads = field(default_factory=lambda: Threads("a request", _REQUESTS))
    """For what blocks."""
    passphrases: Threads = field(default_factory=lambda: Threads("a key", _PASSPHRASES))
    """For what makes keys of passphrases: slow on purpose, and in nobody else's way."""
    answers: Answers = field(init=False)
    """What the engine writes."""
    plain: Plain = field(init=False)
    """Who answers where there is no assistant."""

    def __post_init__(self) -> None:
        self.uploads = Quota(replace(self.limits, at_once=_UPLOADS))
        self.answers = Answers(self.services.scheduler)
        self.plain = Plain(self.services.scheduler)
        self.assistant: Assistant = self.services.assistant or self.plain

    def read_on(self, store: Store) -> None:
        """Documents that an ended server left unread are read now. Blocks."""
        if self.services.index is not None:
            self.indexing.resume(self.services.index, store)

    async def let_go(self, person: str) -> None:
        """End what a person has open, before their key changes or dies."""
        await self.replies.stop(person)
        if self.evict is not None:
            await self.evict(person)


def desk_of(request: Any) -> Desk:
    """The desk behind a request."""
    desk: Desk = request.app.state.desk
    return desk
