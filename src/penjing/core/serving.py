"""What a server asks of an engine that answers many people at once. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from penjing.core.messages import GenerationSettings, Message


@dataclass(frozen=True)
class Request:
    """One answer wanted: of a conversation, or the continuation of a plain text."""

    owner: str
    """Who asks, by id. Prompts are cached for them alone, and owners take fair turns."""
    messages: tuple[Message, ...]
    """The conversation; empty when `text` is to be continued."""
    settings: GenerationSettings
    """How to write it."""
    text: str | None = None
    """A plain text to continue, as it is; it can hold no control token."""
    tokens: tuple[int, ...] | None = None
    """Tokens to continue instead, control tokens among them where the caller put some."""
    begun: str = ""
    """How the answer to the messages begins already: what is written goes on from there."""


@dataclass(frozen=True)
class Health:
    """How an engine is."""

    ready: bool
    """It takes requests."""
    running: int
    """Answers being written."""
    waiting: int
    """Requests that wait for a place."""
    places: int
    """Answers that are written side by side at most."""
    restarts: int
    """How often a crash in native code was survived."""
    counters: Mapping[str, float]
    """Totals since the start, by name: prompt_tokens, cached_tokens, completion_tokens, ..."""
