"""POST /v1/responses: text and function calls, whole or streamed.

Nothing is kept: `store` is answered with a header that says so, and an earlier response cannot be
referred to. What OpenAI keeps for a caller, the caller sends again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from penjing.core.errors import PenjingError
from penjing.core.messages import GenerationSettings
from penjing.serve import limits
from penjing.serve.desk import Desk, desk_of
from penjing.serve.openai import response_events as events
from penjing.serve.openai.assisted import (
    AnswerRequest,
    AssistedRun,
    manner_in,
    require_words,
    unheard,
)
from penjing.serve.openai.conversation import Heard
from penjing.serve.openai.forms import Form
from penjing.serve.openai.lenient import named
from penjing.serve.openai.models import is_assistant, require_model
from penjing.serve.openai.reasoning import Effort, thinking
from penjing.serve.openai.response_input import (
    FunctionChoice,
    FunctionTool,
    Items,
    TextConfig,
    conversation_of,
    definition,
    form_of_text,
)
from penjing.serve.openai.running import Run, begin
from penjing.serve.openai.sampling import Sampled, formed, settings_of
from penjing.serve.openai.shapes import OR_EVENTS, REFUSALS, Metadata, Tokens
from penjing.serve.openai.tools import Toolbox, toolbox_of
from penjing.serve.openai.writing import Job
from penjing.serve.refusals import BadParameter
from penjing.serve.streaming import EventStream, unless_left
from penjing.serve.strict import Strict, StrictRoute
from penjing.serve.who import Who, who_of

router = APIRouter(route_class=StrictRoute)

_LOGPROBS = "message.output_text.logprobs"
Include = Literal["message.output_text.logprobs", "reasoning.encrypted_content"]


class Reasoning(Strict):
    """How hard to think. Thoughts are no part of a response."""

    effort: Effort | None = None
    summary: None = None
    generate_summary: None = None


class ResponseRequest(Sampled):
    """As OpenAI has it. What cannot be kept here is refused, not ignored."""

    model: Annotated[str, Field(max_length=256)]
    input: Annotated[str, Field(min_length=1)] | Items
    instructions: str | None = None
    max_output_tokens: Tokens | None = None
    stream: bool | None = None
    text: TextConfig | None = None
    tools: Annotated[list[FunctionTool], Field(max_length=limits.TOOLS)] | None = None
    tool_choice: Literal["none", "auto", "required"] | FunctionChoice | None = None
    parallel_tool_calls: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=limits.LOGPROBS)
    include: Annotated[list[Include], Field(max_length=8)] | None = None
    store: bool | None = None
    previous_response_id: None = None
    conversation: None = None
    background: Literal[False] | None = None
    truncation: Literal["disabled"] | None = None
    prompt: None = None
    reasoning: Reasoning | None = None
    stream_options: dict[str, bool] | None = None
    # of no effect on one machine with one model
    user: Annotated[str, Field(max_length=256)] | None = None
    safety_identifier: Annotated[str, Field(max_length=256)] | None = None
    prompt_cache_key: Annotated[str, Field(max_length=256)] | None = None
    metadata: Metadata | None = None
    service_tier: Literal["auto", "default"] | None = None


class ResponseDocument(BaseModel):
    """A response; items of the output are told apart by their `type`."""

    model_config = ConfigDict(extra="allow")
    id: str
    object: Literal["response"]
    created_at: int
    status: Literal["completed", "incomplete", "failed", "in_progress"]
    model: str
    output: list[dict[str, Any]]
    parallel_tool_calls: bool
    tools: list[dict[str, Any]]
    tool_choice: Any


@router.post(
    "/v1/responses",
    response_model=ResponseDocument,
    responses={**REFUSALS, **OR_EVENTS},
)
async def create(body: ResponseRequest, request: Request) -> Response:
    """Answer."""
    desk, who = desk_of(request), who_of(request)
    run, more = await _begun(desk, who, body)
    draft = events.Draft(_about(body, run))
    if body.stream:
        return named(EventStream(_events(draft, run), run.close), body, more)
    try:
        return named(JSONResponse(await unless_left(request, _document(draft, run))), body, more)
    finally:
        run.close()


async def _begun(
    desk: Desk, who: Who, body: ResponseRequest
) -> tuple[Run | AssistedRun, Sequence[str]]:
    """The answer of whom it asks, and the parameters that one does not heed."""
    if not is_assistant(desk.services, body.model):
        require_model(desk.services, body.model)
        return await begin(desk, who.person, [job_of(body, who.person)], "resp_"), ()
    heard, form, settings, toolbox = _read(body)
    require_words(form.schema, 1)
    manner = manner_in(heard, settings, drawn=body.temperature is not None)
    wanted = AnswerRequest(heard, settings, toolbox, manner)
    return await AssistedRun.begin(desk, who, wanted, "resp_"), unheard(body)


@router.get("/v1/responses/{response}", responses=REFUSALS, response_model=ResponseDocument)
async def get(response: str, request: Request) -> Response:
    """Nothing is kept, so there is none."""
    who_of(request)
    raise events.no_such(response)


def job_of(body: ResponseRequest, person: str) -> Job:
    """What the engine has to write. Raises BadParameter."""
    heard, form, settings, toolbox = _read(body)
    return Job(person, form.told(heard.messages), settings, toolbox)


def _read(body: ResponseRequest) -> tuple[Heard, Form, GenerationSettings, Toolbox | None]:
    """Conversation, form, how to write, and what may be called. Raises BadParameter."""
    wanted = _LOGPROBS in (body.include or ())
    if body.top_logprobs and not wanted:
        raise BadParameter(f"top_logprobs needs '{_LOGPROBS}' in include", "top_logprobs")
    choice = (
        body.tool_choice.name if isinstance(body.tool_choice, FunctionChoice) else body.tool_choice
    )
    heard = conversation_of(body.input, body.instructions)
    toolbox = toolbox_of([definition(one) for one in body.tools or ()], choice, heard.answered)
    form = form_of_text(body.text)
    settings = settings_of(
        body,
        max_tokens=body.max_output_tokens,
        top_logprobs=(body.top_logprobs or 0) if wanted else None,
    )
    settings = thinking(settings, body.reasoning.effort if body.reasoning else None, None)
    return heard, form, formed(settings, form.schema), toolbox


async def _document(draft: events.Draft, run: Run | AssistedRun) -> dict[str, Any]:
    async for _, piece in run.pieces():
        draft.take(piece)
    return draft.document()


async def _events(draft: events.Draft, run: Run | AssistedRun) -> AsyncIterator[bytes]:
    for each in draft.begun():
        yield each
    try:
        async for _, piece in run.pieces():
            for each in draft.take(piece):
                yield each
    except PenjingError as error:
        for each in draft.failed(error):
            yield each


def _about(body: ResponseRequest, run: Run | AssistedRun) -> dict[str, Any]:
    given = body.model_dump(by_alias=True, exclude_none=True)
    return {
        "id": run.id,
        "object": "response",
        "created_at": run.created,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": body.instructions,
        "metadata": body.metadata or {},
        "model": body.model,
        "output": [],
        "parallel_tool_calls": False,
        "previous_response_id": None,
        "reasoning": {"effort": body.reasoning and body.reasoning.effort, "summary": None},
        "store": False,
        "temperature": body.temperature,
        "text": given.get("text", {"format": {"type": "text"}}),
        "tool_choice": given.get("tool_choice", "auto"),
        "tools": given.get("tools", []),
        "top_p": body.top_p,
        "truncation": "disabled",
        "max_output_tokens": body.max_output_tokens,
        "background": False,
        "usage": None,
    }
