"""POST /v1/completions: the older endpoint, which continues plain text without a chat template."""

from __future__ import annotations

from collections.abc import AsyncIterator
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
from penjing.serve.openai.models import require_model
from penjing.serve.openai.running import Run, begin, stream_error
from penjing.serve.openai.sampling import Penalized, another, settings_of
from penjing.serve.openai.shapes import (
    OR_EVENTS,
    REFUSALS,
    NoBias,
    Tokens,
    UsageDocument,
    added,
    usage_document,
)
from penjing.serve.openai.writing import End, Job, Words
from penjing.serve.refusals import BadParameter
from penjing.serve.streaming import DONE, EventStream, event, unless_left
from penjing.serve.strict import StrictRoute
from penjing.serve.who import who_of

router = APIRouter(route_class=StrictRoute)

_SHORT = 16
"""OpenAI's own default length here."""
_LOGPROBS = 5

Prompt = Annotated[str, Field(min_length=1)]


class CompletionRequest(Penalized):
    """As OpenAI has it, but prompts are texts: tokens of one model mean nothing to another."""

    model: Annotated[str, Field(max_length=256)]
    prompt: Prompt | Annotated[list[Prompt], Field(min_length=1, max_length=limits.CHOICES)]
    max_tokens: Tokens | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: int | None = Field(default=None, ge=0, le=_LOGPROBS)
    echo: bool | None = None
    best_of: int | None = Field(default=None, ge=1, le=limits.CHOICES)
    suffix: None = None
    # of no effect on one machine with one model
    user: Annotated[str, Field(max_length=256)] | None = None
    logit_bias: NoBias | None = None


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
        return EventStream(_events(body, run, jobs), run.close)
    try:
        return JSONResponse(await unless_left(request, _document(body, run, jobs)))
    finally:
        run.close()


def jobs_of(body: CompletionRequest, person: str) -> list[Job]:
    """What the engine has to write. Raises BadParameter."""
    prompts = [body.prompt] if isinstance(body.prompt, str) else body.prompt
    n = body.n or 1
    if len(prompts) * n > limits.CHOICES:
        raise BadParameter(f"over {limits.CHOICES} continuations at once", "n")
    if body.best_of not in (None, n):
        raise BadParameter("best_of other than n is not done here: leave it out", "best_of")
    if body.echo and body.logprobs is not None:
        raise BadParameter("the prompt's own logprobs are not told: leave echo out", "echo")
    settings = settings_of(body, max_tokens=body.max_tokens or _SHORT, top_logprobs=body.logprobs)
    return [
        Job(person, (), another(settings, number), text=prompt)
        for prompt in prompts
        for number in range(n)
    ]


async def _document(body: CompletionRequest, run: Run, jobs: list[Job]) -> dict[str, Any]:
    texts = [_echoed(body, job) for job in jobs]
    starts = [len(text) for text in texts]
    tokens: list[tuple[TokenLogprob, ...]] = [() for _ in jobs]
    reasons = ["stop" for _ in jobs]
    usage = None
    async for index, piece in run.pieces():
        if isinstance(piece, Words):
            texts[index] += piece.text
            tokens[index] += piece.logprobs
        elif isinstance(piece, End):
            usage = added(usage, piece.usage)
            reasons[index] = piece.reason
    choices = [
        {
            "index": index,
            "text": texts[index],
            "finish_reason": reasons[index],
            "logprobs": spelled.text(tokens[index], starts[index])
            if body.logprobs is not None
            else None,
        }
        for index in range(len(jobs))
    ]
    return {**_about(body, run), "choices": choices, "usage": usage and usage_document(usage)}


async def _events(body: CompletionRequest, run: Run, jobs: list[Job]) -> AsyncIterator[bytes]:
    about = _about(body, run)
    counted = body.stream_options is not None and body.stream_options.include_usage
    more = {"usage": None} if counted else {}
    offsets = [len(_echoed(body, job)) for job in jobs]
    usage = None
    try:
        for index, job in enumerate(jobs):
            if body.echo:
                yield event({**about, "choices": [_choice(index, _echoed(body, job))], **more})
        async for index, piece in run.pieces():
            if isinstance(piece, Words):
                choice = _choice(index, piece.text)
                if piece.logprobs:
                    choice["logprobs"] = spelled.text(piece.logprobs, offsets[index])
                offsets[index] += len(piece.text)
            elif isinstance(piece, End):
                usage = added(usage, piece.usage)
                choice = {**_choice(index, ""), "finish_reason": piece.reason}
            yield event({**about, "choices": [choice], **more})
        if counted and usage is not None:
            yield event({**about, "choices": [], "usage": usage_document(usage)})
        yield DONE
    except PenjingError as error:
        yield stream_error(error)


def _about(body: CompletionRequest, run: Run) -> dict[str, Any]:
    about = {"id": run.id, "object": "text_completion", "created": run.created}
    return {**about, "model": body.model}


def _echoed(body: CompletionRequest, job: Job) -> str:
    return (job.text or "") if body.echo else ""


def _choice(index: int, text: str) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": None}
