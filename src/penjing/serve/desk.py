"""What every handler needs, found through its request: one desk for each app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from penjing.core.assistants import Assistant
from penjing.core.protocols import Store
from penjing.core.threads import Threads
from penjing.serve.answers import Answers
from penjing.serve.conversations import Conversations
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
    aside: Any = None
    """The door's (`Door.aside`): a person's store is closed for as long as a block runs."""
    threads: Threads = field(default_factory=lambda: Threads("a request", _REQUESTS))
    """For what blocks."""
    conversations: Conversations = field(default_factory=Conversations)
    """Of clients that keep them themselves."""
    passphrases: Threads = field(default_factory=lambda: Threads("a key", _PASSPHRASES))
    """For what makes keys of passphrases: slow on purpose, and in nobody else's way."""
    answers: Answers = field(init=False)
    """What the engine writes."""
    plain: Plain = field(init=False)
    """Who answers where there is no assistant."""

    def __post_init__(self) -> None:
        self.uploads = Quota(replace(self.limits, at_once=_UPLOADS))
        self.answers = Answers(self.services.scheduler)
        self.plain = Plain(self.services.scheduler, documents=self.services.documents)
        self.assistant: Assistant = self.services.assistant or self.plain

    def read_on(self, store: Store) -> None:
        """Documents that an ended server left unread are read now. Blocks."""
        if self.services.index is not None:
            self.indexing.resume(self.services.index, store)

    def cut(self) -> None:
        """What is being answered ends now, and says so to who hears it."""
        self.replies.cut()
        self.answers.cut()

    @asynccontextmanager
    async def apart(self, person: str) -> AsyncIterator[None]:
        """Nothing of a person is open while the block changes or destroys their key; all their
        sessions end with it, and none where it raises.
        """
        await self.replies.stop(person)
        if self.aside is None:
            yield
            return
        async with self.aside(person):
            yield


def desk_of(request: Any) -> Desk:
    """The desk behind a request."""
    desk: Desk = request.app.state.desk
    return desk
