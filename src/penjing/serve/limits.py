"""How much of anything one request, one person and the whole server may ask for. Numbers only.

The constants bound what a request may say, and stand in the OpenAPI document; `Limits` is what a
household may want to change.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB, MIB = 1024, 1024**2

BODY = 2 * MIB
"""Bytes of a JSON body."""
DEPTH = 64
"""Objects and lists within each other in a JSON body."""
MESSAGES = 1024
"""Messages of one conversation."""
PARTS = 256
"""Parts of one message."""
CHOICES = 8
"""Answers to one request (`n`), and prompts of one request."""
STOPS = 16
"""Strings that end an answer."""
STOP_LENGTH = 256
"""Characters of one of them."""
TOKENS = 1_000_000
"""What `max_tokens` may say; the context bounds it further."""
DEFAULT_TOKENS = 1024
"""Tokens of an answer that was asked for without a limit."""
LOGPROBS = 20
"""Likeliest tokens beside each one that was written."""
BIASES = 1024
"""Tokens that `logit_bias` names."""
CALLS = 8
"""Calls that were answered since the person spoke; then a model that may call answers in words."""
ITEMS = 64
"""Items of an array whose schema does not say how many: a small model would go on for ever."""
PROMPT_TOKENS = 1_000_000
"""Numbers of one prompt of tokens; the context bounds it further."""
TOOLS = 64
"""Tools of one request."""
SCHEMA_BYTES = 64 * KIB
SCHEMA_DEPTH = 32
SCHEMA_NODES = 4096
SCHEMA_NUMBER = 10_000
"""What a schema may say with minItems, maxLength and the like: grammars are unrolled."""
EMBEDDED = 256
"""Texts of one request for embeddings."""
TEXT = 256 * KIB
"""Characters of one thing a person says."""
TITLE = 200
SYSTEM = 4000
"""Characters that a model is told before everything else in one session."""
NAME = 255
FOUND = 100
"""Turns of one search."""
EXCERPT = 4000
"""Characters of a document's text shown at once."""


@dataclass(frozen=True)
class Limits:
    """What may be asked of one server."""

    document: int = 64 * MIB
    """Bytes of a document."""
    at_once: int = 32
    """Requests of one person that are being answered."""
    per_minute: int = 1200
    """Requests of one person in a minute."""
    turns: int = 64
    """Turns in all sessions that are being answered; each has a thread."""
    grace_seconds: float = 10.0
    """From being asked to stop to the end of the process."""

    @property
    def answering_seconds(self) -> float:
        """The first part of the grace: what is being answered may be answered to its end."""
        return max(0.0, self.grace_seconds - self.keeping_seconds)

    @property
    def keeping_seconds(self) -> float:
        """The last: what was said is kept, keys are forgotten. There is some without a grace."""
        return min(3.0, max(0.5, self.grace_seconds / 4))
