"""What is said: messages and the chunks of a streamed answer. Pure values, no ids, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True)
class Text:
    """A part of a message that is plain text."""

    text: str


@dataclass(frozen=True)
class Note:
    """A part of a message that is not words: its citations, the actions it asked for or did."""

    name: str
    """What kind."""
    data: Mapping[str, Any]
    """Plain data, as JSON has it."""


@dataclass(frozen=True)
class Message:
    """One message of a conversation."""

    role: Role
    """Who speaks."""
    parts: tuple[Text | Note, ...]
    """What is said, in order, and notes on it."""

    @classmethod
    def of(cls, role: Role, text: str) -> Message:
        """A message that is one piece of text."""
        return cls(role, (Text(text),))

    @property
    def text(self) -> str:
        """All text parts joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    def notes(self, name: str) -> list[Mapping[str, Any]]:
        """The data of all notes of a kind."""
        return [part.data for part in self.parts if isinstance(part, Note) and part.name == name]


@dataclass(frozen=True)
class GenerationSettings:
    """How to write an answer. The defaults suit a small chat model: it is at its most sensible
    when it says the likeliest, and a penalty keeps it from going round in circles.
    """

    max_tokens: int = 512
    """Tokens written at most."""
    temperature: float = 0.0
    """0 is greedy."""
    top_k: int = 40
    """Keep the k likeliest tokens; 0 keeps all."""
    top_p: float = 0.9
    """Nucleus sampling; 1.0 keeps all."""
    min_p: float = 0.0
    """Drop tokens less likely than this share of the likeliest."""
    repeat_penalty: float = 1.1
    """Above 1 discourages the last 64 tokens; 1.0 is off."""
    frequency_penalty: float = 0.0
    """Taken from a token's logit for each time it stands in the last 64; 0 is off."""
    presence_penalty: float = 0.0
    """Taken from a token's logit when it stands in the last 64 at all; 0 is off."""
    seed: int | None = None
    """Same seed, same model, same machine: same answer. None draws one."""
    stop: tuple[str, ...] = ()
    """Writing ends before any of these strings."""
    grammar: str | None = None
    """A GBNF grammar the answer must follow."""
    json_schema: Mapping[str, Any] | None = None
    """A JSON schema the answer must satisfy; excludes `grammar`."""
    thinking: bool | None = None
    """Whether a model that can think before it answers does; None leaves it to its template.
    A form (grammar, schema) leaves no room for thoughts."""
    switches: Mapping[str, bool | int | str] = field(default_factory=dict)
    """What else the model's chat template is told, by name: such as reasoning_effort."""
    top_logprobs: int | None = None
    """Report each token's log-probability and those of so many likeliest others; None: neither."""
    prompt_logprobs: bool = False
    """Report those of the prompt's own tokens too, before anything is written; `max_tokens` may
    then be 0. The token that ends an answer is reported with its own."""
    logit_bias: tuple[tuple[int, float], ...] = ()
    """What is added to the logits of single tokens, by their numbers."""
    mark: tuple[str, ...] = field(default=(), repr=False)
    """One or two secrets, hexadecimal, of a watermark in what is drawn; none by default. What is
    not drawn (temperature 0, a form that leaves one token) is not marked."""


@dataclass(frozen=True)
class Usage:
    """Token counts and times of one answer."""

    prompt_tokens: int
    """Tokens in the whole prompt."""
    cached_tokens: int
    """Prompt tokens that were still in memory and not computed again."""
    completion_tokens: int
    """Tokens written."""
    prefill_seconds: float
    """Time until the prompt was read."""
    decode_seconds: float
    """Time spent writing."""


@dataclass(frozen=True)
class TokenLogprob:
    """A token that was written, and how likely the model held it before any sampling setting."""

    token: bytes
    """Its bytes, which need not be whole characters."""
    logprob: float
    """Natural logarithm of its probability."""
    top: tuple[tuple[bytes, float], ...] = ()
    """The likeliest tokens in its place, likeliest first."""


@dataclass(frozen=True)
class Chunk:
    """A piece of a streamed answer; the last one carries the finish reason and the usage."""

    text: str
    """New text; whole characters only."""
    finish_reason: FinishReason | None = None
    """Why writing ended; None while it goes on."""
    usage: Usage | None = field(default=None, compare=False)
    """Only on the last chunk."""
    logprobs: tuple[TokenLogprob, ...] = field(default=(), compare=False)
    """Of the tokens whose text this chunk completes, where they were asked for."""
    thought: str = ""
    """What a model thinks before it answers: no part of the answer."""
    prompt: tuple[TokenLogprob, ...] = field(default=(), compare=False)
    """Of the prompt's tokens, where they were asked for; the first follows nothing and has 0."""
