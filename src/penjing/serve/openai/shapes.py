"""What the endpoints have in common: errors, usage, parts of messages, ids.

Requests are strict: an unknown parameter is an error, as it is at OpenAI.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from penjing.core.messages import Usage
from penjing.serve import limits
from penjing.serve.strict import Strict

Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
"""What a function may be called."""
Metadata = Annotated[dict[str, str], Field(max_length=16)]
Temperature = Annotated[float, Field(ge=0, le=2)]
Share = Annotated[float, Field(ge=0, le=1)]
Penalty = Annotated[float, Field(ge=-2, le=2)]
Tokens = Annotated[int, Field(ge=1, le=limits.TOKENS)]
Seed = Annotated[int, Field(ge=-(2**62), le=2**62)]
Stop = Annotated[str, Field(min_length=1, max_length=limits.STOP_LENGTH)]
Stops = Stop | Annotated[list[Stop], Field(max_length=limits.STOPS)]


TokenId = Annotated[int, Field(ge=0, lt=2**31)]
"""The number of one of the model's tokens."""
Biases = Annotated[
    dict[Annotated[str, Field(pattern=r"^[0-9]{1,9}$")], Annotated[float, Field(ge=-100, le=100)]],
    Field(max_length=limits.BIASES),
]
"""`logit_bias`: what is added to the logits of tokens, by their numbers."""


class Problem(BaseModel):
    """What is wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorDocument(BaseModel):
    """OpenAI's error."""

    error: Problem


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorDocument, "description": about}
    for status, about in {
        400: "a parameter cannot be used",
        401: "nobody is logged in",
        403: "not permitted",
        404: "no such model",
        408: "the body came too slowly",
        413: "the body is too large",
        422: "never sent",
        429: "too many requests",
        500: "the engine failed",
        501: "this server has no such part",
        503: "full: try again after the seconds of Retry-After",
    }.items()
}


OR_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {}}}, "description": "whole, or as events"}
}
"""What an endpoint that streams when asked to answers."""


class Part(BaseModel):
    """A part of a message. Only text can be read; other kinds are refused by name."""

    model_config = ConfigDict(extra="allow", strict=True)
    type: str
    text: str | None = None
    refusal: str | None = None


Content = str | Annotated[list[Part], Field(max_length=limits.PARTS)]


class CalledFunction(Strict):
    """A function that was called."""

    name: Name
    arguments: str


class ToolCall(Strict):
    """A call, as it was answered and as it is sent back."""

    id: Annotated[str, Field(max_length=256)]
    type: Literal["function"] = "function"
    function: CalledFunction
    index: int | None = None


class FunctionDefinition(Strict):
    """A function that may be called."""

    name: Name
    description: Annotated[str, Field(max_length=4096)] | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class CachedTokens(BaseModel):
    """Of the prompt."""

    cached_tokens: int


class UsageDocument(BaseModel):
    """Tokens read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: CachedTokens


def usage_document(usage: Usage) -> dict[str, Any]:
    """Usage as chat and completions tell it."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


def added(first: Usage | None, second: Usage | None) -> Usage | None:
    """The usage of two answers together."""
    if first is None or second is None:
        return first or second
    return Usage(
        *(one + other for one, other in zip(_numbers(first), _numbers(second), strict=True))
    )


def _numbers(usage: Usage) -> tuple[Any, ...]:
    values: Mapping[str, Any] = vars(usage)
    return tuple(values.values())


def new_id(prefix: str) -> str:
    """An id that tells nothing."""
    return f"{prefix}{secrets.token_hex(12)}"


def now() -> int:
    """Seconds since 1970."""
    return int(time.time())
