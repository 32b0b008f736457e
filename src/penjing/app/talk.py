"""A conversation with one model: asks, streams the answer, remembers both. Draws nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penjing.app.conversation import Conversation, FittedConversation, fit
from penjing.core.age import process_age
from penjing.core.messages import Chunk, FinishReason, GenerationSettings, Usage
from penjing.core.terminal import clean

if TYPE_CHECKING:
    from penjing.core.protocols import LanguageModel


@dataclass(frozen=True)
class Answer:
    """One answer and how it came."""

    text: str
    """As the model wrote it."""
    thoughts: str
    """What it thought before; no part of the conversation."""
    finish_reason: FinishReason
    """Why it ended."""
    usage: Usage | None
    """Counts and times; None when it was stopped."""
    fitted: FittedConversation
    """What was sent, and what had to be dropped."""
    first_seconds: float | None
    """From the question to the first piece of text; None when there was none."""
    first_age: float | None
    """Age of this process at that moment."""
    seconds: float
    """From the question to the end."""


class Talk:
    """A conversation with one model: asks, streams the answer, remembers both."""

    def __init__(
        self,
        model: LanguageModel,
        settings: GenerationSettings,
        conversation: Conversation,
        *,
        load_seconds: float = 0.0,
    ) -> None:
        self.model = model
        self.settings = settings
        self.conversation = conversation
        self.load_seconds = load_seconds
        self.last: Answer | None = None

    def fit(self, question: str) -> FittedConversation:
        """What would be sent. BadInput when the question alone is too long."""
        context = self.model.context_length
        return fit(
            self.conversation.asked(question),
            self.model.count_tokens,
            context=context,
            reserve=min(self.settings.max_tokens, context // 2),
            slack=context // 8,
        )

    def ask(
        self, question: str, show: Callable[[str], None], note: Callable[[str], None]
    ) -> Answer:
        """Stream an answer to `show`, safe for a terminal. Ctrl-C ends it and keeps what was said.

        When nothing was said yet, the question is forgotten too. `note` hears what was dropped.
        """
        began = time.monotonic()
        fitted = self.fit(question)
        if notice := fitted.notice(self.model.context_length):
            note(notice)
        parts: list[str] = []
        thoughts: list[str] = []
        reason: FinishReason = "cancelled"
        usage = first = age = None
        stream: Iterator[Chunk] = iter(())
        try:
            stream = self.model.generate(fitted.conversation.prompt(), self.settings)
            for chunk in stream:
                thoughts.append(chunk.thought)
                if chunk.text:
                    if first is None:
                        first, age = time.monotonic() - began, process_age()
                    parts.append(chunk.text)
                    show(clean(chunk.text))
                if chunk.finish_reason:
                    reason, usage = chunk.finish_reason, chunk.usage
        except KeyboardInterrupt:
            reason = "cancelled"
        finally:
            getattr(stream, "close", lambda: None)()
        text = "".join(parts)
        if text or reason != "cancelled":
            self.conversation = fitted.conversation.answered(text)
        thought, took = "".join(thoughts), time.monotonic() - began
        self.last = Answer(text, thought, reason, usage, fitted, first, age, took)
        return self.last

    def again(self, attempt: int) -> GenerationSettings:
        """Settings for another try: a fixed seed moves on, or it would say the same."""
        seed = self.settings.seed
        return replace(self.settings, seed=None if seed is None else seed + attempt)


def rates(usage: Usage | None) -> dict[str, float | None]:
    """Tokens per second; None where too little was done to tell."""
    read = wrote = None
    if usage and usage.prefill_seconds > 0:
        read = (usage.prompt_tokens - usage.cached_tokens) / usage.prefill_seconds
    if usage and usage.decode_seconds > 0:
        wrote = usage.completion_tokens / usage.decode_seconds
    return {"prefill_tokens_per_second": read, "decode_tokens_per_second": wrote}


def why_it_ended(answer: Answer) -> str | None:
    """What a person is told about an answer that is not whole."""
    if answer.finish_reason == "cancelled":
        return "stopped"
    if answer.finish_reason == "length" and answer.thoughts and not answer.text:
        return "cut while it was still thinking: allow more --max-tokens, or give --no-think"
    if answer.finish_reason == "length":
        return "cut: the answer reached --max-tokens or the end of the context"
    return None
