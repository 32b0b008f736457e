"""POST /api/chat and POST /api/generate, as Ollama has them: in lines (NDJSON) or whole."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from penjing.core.errors import PenjingError
from penjing.core.messages import Message, Usage
from penjing.serve import limits
from penjing.serve.api.shapes import REFUSALS
from penjing.serve.desk import desk_of
from penjing.serve.ollama.conversation import (
    IMAGES,
    Spoken,
    Tool,
    conversation,
    offered,
)
from penjing.serve.ollama.models import bare, require_chat
from penjing.serve.ollama.shapes import Asking, LineStream, counted, failed, line, named, timestamp
from penjing.serve.openai.assisted import (
    AnswerRequest,
    AssistedRun,
    manner_in,
    require_words,
    unheard,
)
from penjing.serve.openai.forms import Form
from penjing.serve.openai.models import is_assistant
from penjing.serve.openai.running import Run, begin
from penjing.serve.openai.sampling import formed
from penjing.serve.openai.tools import toolbox_of
from penjing.serve.openai.writing import Call, End, Job, Source, Words
from penjing.serve.refusals import BadParameter
from penjing.serve.streaming import unless_left
from penjing.serve.strict import UntypedRoute
from penjing.serve.who import who_of

LINES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/x-ndjson": {"schema": {}}}, "description": "lines, or whole"}
}
router = APIRouter(route_class=UntypedRoute, responses={**REFUSALS, **LINES})

Shown = Callable[[Words | Call | None], Mapping[str, Any]]
"""A piece as its endpoint shows it; None for the last line, which has none."""


class ChatBody(Asking):
    """A conversation."""

    messages: Annotated[list[Spoken], Field(max_length=limits.MESSAGES)] | None = None
    tools: Annotated[list[Tool], Field(max_length=limits.TOOLS)] | None = None


class GenerateBody(Asking):
    """A prompt."""

    prompt: str | None = None
    system: str | None = None
    raw: bool | None = None
    images: list[Any] | None = None
    suffix: str | None = None
    template: str | None = None


@router.post("/api/chat", response_model=None)
async def chat(body: ChatBody, request: Request) -> Response:
    """Answer a conversation; without one, say that the model is there."""
    desk, who = desk_of(request), who_of(request)
    require_chat(desk.services, body.model)
    if not body.messages:
        return _there(body, {"message": {"role": "assistant", "content": ""}})
    heard, form = conversation(body.messages), body.form()
    toolbox = toolbox_of(offered(body.tools), None, heard.answered)
    settings = formed(body.settings(), form.schema)
    if is_assistant(desk.services, bare(body.model)):
        return await _assisted(
            request, body, form, AnswerRequest(heard, settings, toolbox), _message
        )
    job = Job(who.person, form.told(heard.messages), settings, toolbox)
    return await _answered(request, body, job, _message)


@router.post("/api/generate", response_model=None)
async def generate(body: GenerateBody, request: Request) -> Response:
    """Answer a prompt; `raw`, go on with it as it is."""
    desk, who = desk_of(request), who_of(request)
    require_chat(desk.services, body.model)
    for name, line_ in (("images", IMAGES), ("suffix", _NO_SUFFIX), ("template", _NO_TEMPLATE)):
        if getattr(body, name):
            raise BadParameter(line_, name, "unsupported_content")
    if not body.prompt:
        return _there(body, {"response": ""})
    form = body.form()
    settings = formed(body.settings(), form.schema)
    if is_assistant(desk.services, bare(body.model)):
        if body.raw:
            raise BadParameter("the assistant hears sentences: leave raw out", "raw")
        said = [("system", body.system or ""), ("user", body.prompt)]
        heard = conversation([Spoken(role=role, content=text) for role, text in said])  # type: ignore[arg-type]
        return await _assisted(request, body, form, AnswerRequest(heard, settings), _response)
    if body.raw:
        job = Job(who.person, (), settings, text=body.prompt)
    else:
        told = [Message.of("system", body.system)] if body.system else []
        messages = form.told([*told, Message.of("user", body.prompt)])
        job = Job(who.person, messages, settings)
    return await _answered(request, body, job, _response)


_NO_SUFFIX = "nothing is filled in between two texts here: leave the suffix out"
_NO_TEMPLATE = "the model's own template is used: leave it out, or send the prompt raw"


async def _answered(request: Request, body: Asking, job: Job, shown: Shown) -> Response:
    return await _sent(request, body, await begin(desk_of(request), job.owner, [job]), shown)


async def _assisted(
    request: Request, body: Asking, form: Form, wanted: AnswerRequest, shown: Shown
) -> Response:
    require_words(form.schema, 1)
    drawn = body.options is not None and body.options.temperature is not None
    manner = manner_in(wanted.heard, wanted.settings, drawn=drawn)
    wanted = replace(wanted, manner=manner)
    run = await AssistedRun.begin(desk_of(request), who_of(request), wanted)
    return await _sent(request, body, run, shown)


async def _sent(request: Request, body: Asking, run: Run | AssistedRun, shown: Shown) -> Response:
    desk, began = desk_of(request), time.monotonic()
    ignored = body.without_effect(desk.services.scheduler.context_length)
    if isinstance(run, AssistedRun):
        ignored += tuple(f"options.{one}" for one in unheard(body.options))
    if body.stream is not False:
        return named(LineStream(_lines(body, run, shown, began), run.close), ignored)
    try:
        document = await unless_left(request, _document(body, run, shown, began))
    finally:
        run.close()
    return named(JSONResponse(document), ignored)


async def _lines(
    body: Asking, run: Run | AssistedRun, shown: Shown, began: float
) -> AsyncIterator[bytes]:
    try:
        async for _, piece in run.pieces():
            if isinstance(piece, End):
                yield line({**_about(body), **shown(None), **_over(piece, began)})
            elif not isinstance(piece, Source):  # there is no place for citations
                yield line({**_about(body), **shown(piece), "done": False})
    except PenjingError as error:
        yield failed(error)


async def _document(
    body: Asking, run: Run | AssistedRun, shown: Shown, began: float
) -> dict[str, Any]:
    words, thought, calls = "", "", list[Call]()
    end = End("stop", None)
    async for _, piece in run.pieces():
        if isinstance(piece, Words):
            words, thought = words + piece.text, thought + piece.thought
        elif isinstance(piece, Call):
            calls.append(piece)
        elif isinstance(piece, End):
            end = piece
    whole = {**shown(Words(words, thought=thought))}
    if calls:
        whole["message"]["tool_calls"] = [_call(one) for one in calls]
    return {**_about(body), **whole, **_over(end, began)}


def _about(body: Asking) -> dict[str, Any]:
    return {"model": body.model, "created_at": timestamp()}


def _over(end: End, began: float) -> dict[str, Any]:
    reason = "length" if end.reason == "length" else "stop"
    return {"done": True, "done_reason": reason, **counted(end.usage, time.monotonic() - began)}


def _there(body: Asking, nothing: Mapping[str, Any]) -> Response:
    """The model was to be loaded, or let go; it stays as it is."""
    reason = "unload" if body.keep_alive in (0, "0") else "load"
    usage = counted(Usage(0, 0, 0, 0.0, 0.0), 0.0)
    document = {**_about(body), **nothing, "done": True, "done_reason": reason, **usage}
    return JSONResponse(document)


def _message(piece: Words | Call | None) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    if isinstance(piece, Words):
        message["content"] = piece.text
        if piece.thought:
            message["thinking"] = piece.thought
    elif isinstance(piece, Call):
        message["tool_calls"] = [_call(piece)]
    return {"message": message}


def _response(piece: Words | Call | None) -> dict[str, Any]:
    if not isinstance(piece, Words):
        return {"response": ""}
    thought = {"thinking": piece.thought} if piece.thought else {}
    return {"response": piece.text, **thought}


def _call(call: Call) -> dict[str, Any]:
    return {"function": {"name": call.name, "arguments": json.loads(call.arguments)}}
