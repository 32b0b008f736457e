"""POST /v1/completions: the older endpoint, which continues plain text without a chat template.

With `echo` the prompt comes back before what follows, and with `logprobs` the log-probability of
every token of it: what benchmarks choose answers by. The numbers are those of our own scoring.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from penjing.core.errors import PenjingError
from penjing.core.messages import TokenLogprob
from penjing.serve import limits
from penjing.serve.desk import desk_of
from penjing.serve.openai import logprobs as spelled
from penjing.serve.openai.chat import StreamOptions
from penjing.serve.openai.lenient import named
from penjing.serve.openai.models import require_model
from penjing.serve.openai.running import Run, begin, stream_error
from penjing.serve.openai.sampling import Penalized, another, settings_of
from penjing.serve.openai.shapes import (
    OR_EVENTS,
    REFUSALS,
    TokenId,
    UsageDocument,
    added,
    usage_document,
)
from penjing.serve.openai.writing import End, Job, Piece, Words
from penjing.serve.refusals import BadParameter
from penjing.serve.streaming import DONE, EventStream, event, unless_left
from penjing.serve.strict import StrictRoute
from penjing.serve.who import who_of

router = APIRouter(route_class=StrictRoute)

_SHORT = 16
"""OpenAI's own default length here."""
_LOGPROBS = 5

Prompt = Annotated[str, Field(min_length=1)]
TokenIds = Annotated[list[TokenId], Field(min_length=1, max_length=limits.PROMPT_TOKENS)]


class CompletionRequest(Penalized):
    """As OpenAI has it. Prompts are texts, or numbers of this very model's tokens."""

    model: Annotated[str, Field(max_length=256)]
    prompt: (
        Prompt
        | Annotated[list[Prompt], Field(min_length=1, max_length=limits.CHOICES)]
        | TokenIds
        | Annotated[list[TokenIds], Field(min_length=1, max_length=limits.CHOICES)]
    )
    max_tokens: Annotated[int, Field(ge=0, le=limits.TOKENS)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: int | None = Field(default=None, ge=0, le=_LOGPROBS)
    echo: bool | None = None
    best_of: int | None = Field(default=None, ge=1, le=limits.CHOICES)
    suffix: None = None
    # of no effect on one machine with one model
    user: Annotated[str, Field(max_length=256)] | None = None


class TextChoice(BaseModel):
    """One continuation."""

    index: int
    text: str
    finish_reason: Literal["stop", "length"]
    logprobs: spelled.TextLogprobs | None


class Completion(BaseModel):
    """All continuations."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[TextChoice]
    usage: UsageDocument


@router.post(
    "/v1/completions",
    response_model=Completion,
    responses={**REFUSALS, **OR_EVENTS},
)
async def create(body: CompletionRequest, request: Request) -> Response:
    """Continue texts."""
    desk, who = desk_of(request), who_of(request)
    require_model(desk.services, body.model)
    jobs = jobs_of(body, who.person)
    run = await begin(desk, who.person, jobs, "cmpl-")
    if body.stream:
        return named(EventStream(_events(body, run), run.close), body)
    try:
        return named(JSONResponse(await unless_left(request, _document(body, run))), body)
    finally:
        run.close()


def jobs_of(body: CompletionRequest, person: str) -> list[Job]:
    """What the engine has to write. Raises BadParameter."""
    prompts, n = _prompts(body), body.n or 1
    if len(prompts) * n > limits.CHOICES:
        raise BadParameter(f"over {limits.CHOICES} continuations at once", "n")
    if body.best_of not in (None, n):
        raise BadParameter("best_of other than n is not done here: leave it out", "best_of")
    if body.max_tokens == 0 and not body.echo:
        raise BadParameter("max_tokens 0 writes nothing: ask for more, or echo", "max_tokens")
    settings = settings_of(
        body,
        max_tokens=_SHORT if body.max_tokens is None else body.max_tokens,
        top_logprobs=body.logprobs,
    )
    settings = replace(settings, prompt_logprobs=bool(body.echo))
    return [
        Job(person, (), another(settings, number), **prompt)
        for prompt in prompts
        for number in range(n)
    ]


def _prompts(body: CompletionRequest) -> list[dict[str, Any]]:
    """Each as a job has it: a text or tokens."""
    given: Any = body.prompt
    if isinstance(given, str) or isinstance(given[0], int):
        given = [given]
    return [{"text": one} if isinstance(one, str) else {"tokens": tuple(one)} for one in given]


class _Grown:
    """One choice as it grows: the prompt first, where it is echoed, then what follows."""

    def __init__(self, body: CompletionRequest) -> None:
        self._told = body.logprobs is not None
        self.text = ""
        self.reason: str | None = None
        self._tokens: list[TokenLogprob] = []
        self._read = False

    def take(self, piece: Piece) -> tuple[str, dict[str, Any] | None]:
        """What a piece adds: text, and its logprobs where they were asked for."""
        if isinstance(piece, End):
            self.reason = piece.reason
        if not isinstance(piece, Words):
            return "", None
        tokens = piece.prompt or piece.logprobs
        text = piece.text
        if piece.prompt:
            text = b"".join(one.token for one in piece.prompt).decode("utf-8", "replace")
        offset = len(self.text)
        self.text += text
        self._tokens += tokens
        self._read = self._read or bool(piece.prompt)
        if not self._told or not tokens:
            return text, None
        return text, spelled.text(tokens, offset, whole=bool(piece.prompt))

    def logprobs(self) -> dict[str, Any] | None:
        """Of all of it."""
        return spelled.text(self._tokens, 0, whole=self._read) if self._told else None


async def _document(body: CompletionRequest, run: Run) -> dict[str, Any]:
    grown: dict[int, _Grown] = defaultdict(lambda: _Grown(body))
    usage = None
    async for index, piece in run.pieces():
        grown[index].take(piece)
        if isinstance(piece, End):
            usage = added(usage, piece.usage)
    choices = [
        {
            "index": index,
            "text": one.text,
            "finish_reason": one.reason or "stop",
            "logprobs": one.logprobs(),
        }
        for index, one in sorted(grown.items())
    ]
    return {**_about(body, run), "choices": choices, "usage": usage and usage_document(usage)}


async def _events(body: CompletionRequest, run: Run) -> AsyncIterator[bytes]:
    about = _about(body, run)
    counted = body.stream_options is not None and body.stream_options.include_usage
    more = {"usage": None} if counted else {}
    grown: dict[int, _Grown] = defaultdict(lambda: _Grown(body))
    usage = None
    try:
        async for index, piece in run.pieces():
            text, logprobs = grown[index].take(piece)
            choice = {"index": index, "text": text, "logprobs": logprobs, "finish_reason": None}
            if isinstance(piece, End):
                usage = added(usage, piece.usage)
                choice["finish_reason"] = piece.reason
            yield event({**about, "choices": [choice], **more})
        if counted and usage is not None:
            yield event({**about, "choices": [], "usage": usage_document(usage)})
        yield DONE
    except PenjingError as error:
        yield stream_error(error)


def _about(body: CompletionRequest, run: Run) -> dict[str, Any]:
    about = {"id": run.id, "object": "text_completion", "created": run.created}
    return {**about, "model": body.model}
