"""POST /v1/chat/completions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from penjing.core.errors import PenjingError
from penjing.core.messages import GenerationSettings
from penjing.serve import limits
from penjing.serve.desk import Desk, desk_of
from penjing.serve.openai import logprobs as spelled
from penjing.serve.openai.assisted import (
    AnswerRequest,
    AssistedRun,
    manner_in,
    require_words,
    unheard,
)
from penjing.serve.openai.citations import citation
from penjing.serve.openai.conversation import ChatMessage, Heard, conversation
from penjing.serve.openai.forms import Form, ResponseFormat, form_of
from penjing.serve.openai.lenient import named
from penjing.serve.openai.models import is_assistant, require_model
from penjing.serve.openai.reasoning import Effort, ReasoningObject, Switches, thinking
from penjing.serve.openai.running import Run, begin, stream_error
from penjing.serve.openai.sampling import Penalized, another, formed, settings_of
from penjing.serve.openai.shapes import (
    OR_EVENTS,
    REFUSALS,
    Metadata,
    Tokens,
    ToolCall,
    UsageDocument,
    added,
    usage_document,
)
from penjing.serve.openai.tools import Choice, Toolbox, Tools, name_of, toolbox_of
from penjing.serve.openai.writing import Call, End, Job, Source, Words
from penjing.serve.refusals import BadParameter
from penjing.serve.streaming import DONE, EventStream, event, unless_left
from penjing.serve.strict import Strict, StrictRoute
from penjing.serve.who import Who, who_of

router = APIRouter(route_class=StrictRoute)


class StreamOptions(Strict):
    """What a stream tells beside the answer."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class ChatRequest(Penalized):
    """As OpenAI has it. What cannot be kept here is refused, not ignored."""

    model: Annotated[str, Field(max_length=256)]
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=limits.MESSAGES)]
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=limits.LOGPROBS)
    tools: Tools | None = None
    tool_choice: Choice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    # of no effect on one machine with one model
    user: Annotated[str, Field(max_length=256)] | None = None
    safety_identifier: Annotated[str, Field(max_length=256)] | None = None
    prompt_cache_key: Annotated[str, Field(max_length=256)] | None = None
    metadata: Metadata | None = None
    service_tier: Literal["auto", "default"] | None = None
    store: bool | None = None
    modalities: list[Literal["text"]] | None = None
    reasoning_effort: Effort | None = None
    reasoning: ReasoningObject | None = None
    chat_template_kwargs: Switches | None = None


class Answered(BaseModel):
    """The assistant's message."""

    role: Literal["assistant"]
    content: str | None
    reasoning_content: str | None = None
    refusal: None = None
    tool_calls: list[ToolCall] | None = None
    annotations: list[dict[str, Any]] | None = None
    """Where what the assistant quotes stands."""


class ChatChoice(BaseModel):
    """One answer."""

    index: int
    message: Answered
    finish_reason: Literal["stop", "length", "tool_calls"]
    logprobs: spelled.ChatLogprobs | None


class ChatCompletion(BaseModel):
    """All answers to one request."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: UsageDocument
    system_fingerprint: str | None = None
    service_tier: str | None = None


@router.post(
    "/v1/chat/completions",
    response_model=ChatCompletion,
    responses={**REFUSALS, **OR_EVENTS},
)
async def create(body: ChatRequest, request: Request) -> Response:
    """Answer a conversation."""
    desk, who = desk_of(request), who_of(request)
    run, more = await _begun(desk, who, body)
    if body.stream:
        return named(EventStream(_events(body, run), run.close), body, more)
    try:
        return named(JSONResponse(await unless_left(request, _document(body, run))), body, more)
    finally:
        run.close()


async def _begun(
    desk: Desk, who: Who, body: ChatRequest
) -> tuple[Run | AssistedRun, Sequence[str]]:
    """The answer of whom it asks, and the parameters that one does not heed."""
    if not is_assistant(desk.services, body.model):
        require_model(desk.services, body.model)
        return await begin(desk, who.person, jobs_of(body, who.person)), ()
    heard, form, settings, toolbox = _read(body)
    require_words(form.schema, body.n or 1)
    manner = manner_in(heard, settings, drawn=body.temperature is not None)
    wanted = AnswerRequest(heard, settings, toolbox, manner)
    return await AssistedRun.begin(desk, who, wanted), unheard(body)


def jobs_of(body: ChatRequest, person: str) -> list[Job]:
    """What the engine has to write. Raises BadParameter."""
    heard, form, settings, toolbox = _read(body)
    return [
        Job(person, form.told(heard.messages), another(settings, number), toolbox)
        for number in range(body.n or 1)
    ]


def _read(body: ChatRequest) -> tuple[Heard, Form, GenerationSettings, Toolbox | None]:
    """Conversation, form, how to write, and what may be called. Raises BadParameter."""
    if body.top_logprobs is not None and not body.logprobs:
        raise BadParameter("top_logprobs needs logprobs: true", "top_logprobs")
    if body.stream_options is not None and not body.stream:
        raise BadParameter("stream_options is for streams: set stream", "stream_options")
    if body.tool_choice is not None and body.tools is None and body.tool_choice != "none":
        raise BadParameter("tool_choice is for tools: give some", "tool_choice")
    tools = [one.function for one in body.tools or ()]
    heard = conversation(body.messages)
    toolbox = toolbox_of(tools, name_of(body.tool_choice), heard.answered)
    form = form_of(body.response_format, "response_format")
    settings = settings_of(
        body,
        max_tokens=body.max_completion_tokens or body.max_tokens,
        top_logprobs=(body.top_logprobs or 0) if body.logprobs else None,
    )
    effort, switches = body.reasoning_effort, body.chat_template_kwargs
    if body.reasoning is not None and effort is None:
        effort = "none" if body.reasoning.enabled is False else body.reasoning.effort
    settings = thinking(settings, effort, switches)
    return heard, form, formed(settings, form.schema), toolbox


async def _document(body: ChatRequest, run: Run | AssistedRun) -> dict[str, Any]:
    choices: list[dict[str, Any]] = [{} for _ in range(body.n or 1)]
    texts, thoughts = [""] * len(choices), [""] * len(choices)
    calls: list[list[dict[str, Any]]] = [[] for _ in choices]
    sources: list[Source] = []
    tokens: list[list[dict[str, Any]]] = [[] for _ in choices]
    usage = None
    async for index, piece in run.pieces():
        if isinstance(piece, Words):
            texts[index] += piece.text
            thoughts[index] += piece.thought
            tokens[index] += spelled.chat(piece.logprobs)
        elif isinstance(piece, Call):
            calls[index].append(_call(piece))
        elif isinstance(piece, Source):
            sources.append(piece)
        else:
            usage = added(usage, piece.usage)
            choices[index] = {"index": index, "finish_reason": piece.reason}
    for index, choice in enumerate(choices):
        content = None if calls[index] else texts[index]
        message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
        if thoughts[index]:
            message["reasoning_content"] = thoughts[index]
        if sources:
            message["annotations"] = [citation(one, content or "") for one in sources]
        choice["message"] = {**message, "tool_calls": calls[index]} if calls[index] else message
        spoken = {"content": tokens[index], "refusal": None}
        choice["logprobs"] = spoken if body.logprobs and not calls[index] else None
    about = {"id": run.id, "object": "chat.completion", "created": run.created, "model": body.model}
    return {**about, "choices": choices, "usage": usage_document(usage) if usage else None}


async def _events(body: ChatRequest, run: Run | AssistedRun) -> AsyncIterator[bytes]:
    about = {
        "id": run.id,
        "object": "chat.completion.chunk",
        "created": run.created,
        "model": body.model,
    }
    counted = body.stream_options is not None and body.stream_options.include_usage
    more = {"usage": None} if counted else {}
    usage, text = None, ""
    try:
        for index in range(body.n or 1):
            yield event(
                {**about, "choices": [_delta(index, {"role": "assistant", "content": ""})], **more}
            )
        async for index, piece in run.pieces():
            if isinstance(piece, End):
                usage = added(usage, piece.usage)
            if isinstance(piece, Words):
                text += piece.text
            if isinstance(piece, Source):
                choice = _delta(index, {"annotations": [citation(piece, text)]})
            else:
                choice = _choice(index, piece)
            yield event({**about, "choices": [choice], **more})
        if counted and usage is not None:
            yield event({**about, "choices": [], "usage": usage_document(usage)})
        yield DONE
    except PenjingError as error:
        yield stream_error(error)


def _choice(index: int, piece: Words | Call | End) -> dict[str, Any]:
    if isinstance(piece, Words):
        if piece.thought:
            return _delta(index, {"reasoning_content": piece.thought})
        choice = _delta(index, {"content": piece.text})
        if piece.logprobs:
            choice["logprobs"] = {"content": spelled.chat(piece.logprobs), "refusal": None}
        return choice
    if isinstance(piece, Call):
        return _delta(index, {"tool_calls": [{"index": 0, **_call(piece)}]})
    return {**_delta(index, {}), "finish_reason": piece.reason}


def _delta(index: int, delta: dict[str, Any]) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}


def _call(call: Call) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}
