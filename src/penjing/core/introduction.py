"""The system prompt where nobody gives one: the same text for every way of asking."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from penjing.core.errors import EngineError
from penjing.core.messages import Message

DEFAULT_SYSTEM = "You are a helpful assistant."
"""Better than some templates' own: with SmolLM2's, the capital of France is a song."""


class Introduction:
    """Puts a system message before conversations that have none, where the template takes it."""

    def __init__(
        self, count_tokens: Callable[[Sequence[Message]], int], system: str = DEFAULT_SYSTEM
    ) -> None:
        self._count_tokens = count_tokens
        self._system = Message.of("system", system)
        self._taken: bool | None = None

    def before(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The conversation with its system message. Blocks when first asked."""
        said = any(one.role == "system" for one in messages)
        return (*messages,) if said or not self.is_taken() else (self._system, *messages)

    def is_taken(self) -> bool:
        """Whether the template takes a system message; asked once. Raises EngineError."""
        if self._taken is None:
            question = Message.of("user", "?")
            try:
                self._count_tokens([self._system, question])
                self._taken = True
            except EngineError:
                self._count_tokens([question])  # or it was not the template that refused
                self._taken = False
        return self._taken
