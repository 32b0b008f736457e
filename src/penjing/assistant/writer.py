"""The model as the assistant sees it: it writes for somebody. Knows no engine.

A `Scheduler` and a `LanguageModel` both fit, each through a thin adapter.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

from penjing.core.errors import BadInput, EngineError
from penjing.core.messages import Chunk, GenerationSettings, Message
from penjing.core.protocols import LanguageModel, Scheduler
from penjing.core.serving import Request

_PATIENCE = 120.0
"""Seconds to wait for the next piece before the engine is held to be dead."""


class Writer(Protocol):
    """Something that writes answers."""

    @property
    def context_length(self) -> int:
        """Tokens that prompt and answer may fill together."""
        ...

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """How many prompt tokens these messages need."""
        ...

    def write(
        self,
        owner: str,
        messages: Sequence[Message],
        settings: GenerationSettings,
        begun: str = "",
    ) -> Iterator[Chunk]:
        """Stream an answer for somebody, or the rest of one. Closing the iterator cancels it."""
        ...

    def close(self) -> None:
        """Free the model. Calling it twice is harmless."""
        ...


class ModelWriter:
    """Satisfies `Writer` with one model in this process: one answer at a time."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._turn = threading.Lock()

    @property
    def context_length(self) -> int:
        """Of the model."""
        return self._model.context_length

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """As the model counts."""
        return self._model.count_tokens(messages)

    def write(
        self,
        owner: str,  # noqa: ARG002 -- one process, one person
        messages: Sequence[Message],
        settings: GenerationSettings,
        begun: str = "",
    ) -> Iterator[Chunk]:
        """Stream an answer; others wait for their turn. A model here begins its own."""
        if begun:
            raise BadInput("only a server goes on with an answer: ask for the rest")
        with self._turn:
            stream = self._model.generate(messages, settings)
            try:
                yield from stream
            finally:
                getattr(stream, "close", lambda: None)()

    def close(self) -> None:
        """Close the model."""
        self._model.close()


class ScheduledWriter:
    """Satisfies `Writer` with a scheduler: many answers side by side."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    @property
    def context_length(self) -> int:
        """Of the scheduler's model."""
        return self._scheduler.context_length

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """As the scheduler counts."""
        return self._scheduler.count_tokens(messages)

    def write(
        self,
        owner: str,
        messages: Sequence[Message],
        settings: GenerationSettings,
        begun: str = "",
    ) -> Iterator[Chunk]:
        """Stream an answer. Busy when every place is taken."""
        pieces: queue.SimpleQueue[Chunk | Exception] = queue.SimpleQueue()
        request = Request(owner, tuple(messages), settings, begun=begun)
        ticket = self._scheduler.submit(request, pieces.put)
        over = False
        try:
            while not over:
                try:
                    piece = pieces.get(timeout=_PATIENCE)
                except queue.Empty as error:
                    raise EngineError("the engine does not answer: restart it") from error
                if isinstance(piece, Exception):
                    over = True
                    raise piece
                over = piece.finish_reason is not None
                yield piece
        finally:
            if not over:
                ticket.cancel()

    def close(self) -> None:
        """The scheduler belongs to whoever made it."""
