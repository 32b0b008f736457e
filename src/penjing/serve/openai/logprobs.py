"""Log-probabilities in OpenAI's two shapes: of chat (and responses), and of completions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from penjing.core.messages import TokenLogprob

_NEVER = -9999.0
"""What OpenAI writes for a token that cannot be: JSON has no infinity."""


class TopLogprob(BaseModel):
    """A token that might have been written."""

    token: str
    logprob: float
    bytes: list[int] | None


class ChatLogprob(TopLogprob):
    """A token that was written."""

    top_logprobs: list[TopLogprob]


class ChatLogprobs(BaseModel):
    """Those of an answer."""

    content: list[ChatLogprob] | None
    refusal: list[ChatLogprob] | None = None


class TextLogprobs(BaseModel):
    """The older shape, of completions."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None] | None
    text_offset: list[int]


def chat(tokens: Sequence[TokenLogprob]) -> list[dict[str, Any]]:
    """As chat has it."""
    return [
        {
            **_token(one.token, one.logprob),
            "top_logprobs": [_token(token, logprob) for token, logprob in one.top],
        }
        for one in tokens
    ]


def text(tokens: Sequence[TokenLogprob], offset: int, *, whole: bool = False) -> dict[str, Any]:
    """As completions has it; `offset` characters stand before. Of a `whole` text the first token
    follows nothing, and has no number."""
    names, offsets = [], []
    for one in tokens:
        names.append(_name(one.token))
        offsets.append(offset)
        offset += len(one.token.decode("utf-8", "ignore"))
    numbers: list[float | None] = [max(one.logprob, _NEVER) for one in tokens]
    tops: list[dict[str, float] | None] = [
        {_name(token): max(logprob, _NEVER) for token, logprob in one.top} for one in tokens
    ]
    if whole and tokens:
        numbers[0] = tops[0] = None
    return {
        "tokens": names,
        "token_logprobs": numbers,
        "top_logprobs": tops,
        "text_offset": offsets,
    }


def _token(token: bytes, logprob: float) -> dict[str, Any]:
    return {"token": _name(token), "logprob": max(logprob, _NEVER), "bytes": list(token)}


def _name(token: bytes) -> str:
    """A token's text; part of a character is spelled in bytes, as OpenAI does."""
    try:
        return token.decode("utf-8")
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in token)
