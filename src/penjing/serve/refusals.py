"""Every error as an HTTP answer, in the shape of the part of the API that was asked.

/v1 answers as OpenAI does, everything else with {"error": "one line"}. Nothing internal is told.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Sequence
from typing import Any

from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.requests import Request

from penjing.core.errors import (
    BadInput,
    Busy,
    EngineError,
    InUse,
    NotFound,
    NotPermitted,
    PenjingError,
    TooLong,
    UnknownName,
    UnreadableMessages,
    UsageError,
    WrongPassphrase,
)

log = logging.getLogger("penjing.serve")

OLLAMA = frozenset(
    f"/api/{name}"
    for name in (
        *("tags", "ps", "version", "show", "chat", "generate", "embed", "embeddings"),
        *("pull", "push", "create", "copy"),
    )
)
"""The paths of Ollama's API, whose refusals have its statuses."""
INTERNAL = "something went wrong inside the server: its log says what"
_BRANCH = ("str", "int", "float", "bool", "none", "constrained-str", "function-")
"""What pydantic puts into a place beside names: which branch of a union it tried."""


class BadParameter(BadInput):
    """A parameter of a request that cannot be used; where it stands is told with it."""

    def __init__(self, message: str, param: str | None, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.param = param
        self.code = code


class UnknownModel(BadParameter):
    """A model or a response that is not here."""


class Throttled(UsageError):
    """One person asks for too much."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class NotServed(UsageError):
    """This server was started without what is asked for."""


class TooLarge(UsageError):
    """A body or a document is larger than allowed."""


class Conflict(UsageError):
    """It cannot be done now, because something else is going on."""


class Refused(UsageError):
    """The door says no, in its own words."""

    def __init__(self, message: str, status: int, seconds: float | None) -> None:
        super().__init__(message)
        self.status = status
        self.seconds = seconds


_STATUS: Sequence[tuple[type[PenjingError], int]] = (
    (TooLarge, 413),
    (Throttled, 429),
    (NotServed, 501),
    (Conflict, 409),
    (UnknownModel, 404),
    (NotFound, 404),
    (UnknownName, 404),
    (NotPermitted, 403),
    (WrongPassphrase, 403),
    (UsageError, 422),
    (Busy, 503),
    (UnreadableMessages, 422),
    (EngineError, 500),
    (InUse, 409),
)
"""The first that fits; 500 for what is left."""

_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def status_of(error: PenjingError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, Refused):
        return error.status
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def openai_error(error: PenjingError) -> tuple[int, dict[str, Any]]:
    """Status and document, as OpenAI would answer."""
    status = status_of(error)
    status = 400 if status == 422 else status
    kind = _KINDS.get(status, "server_error" if status >= 500 else "invalid_request_error")
    param, code = getattr(error, "param", None), getattr(error, "code", None)
    if isinstance(error, TooLong) and code in (None, "invalid_value"):
        code = "context_length_exceeded"
    if isinstance(error, Throttled):
        code = "rate_limit_exceeded"
    document = {"message": str(error), "type": kind, "param": param, "code": code}
    return status, {"error": document}


def answer(request: Request, error: PenjingError) -> JSONResponse:
    """An error as a response."""
    headers = {}
    seconds = getattr(error, "seconds", None)  # of Busy, Throttled and Refused
    if seconds is not None:
        headers["Retry-After"] = str(max(1, math.ceil(seconds)))
    if isinstance(error, TooLarge):
        headers["Connection"] = "close"  # the rest of it may still be coming
    if is_openai(request):
        status, document = openai_error(error)
        return JSONResponse(document, status, headers)
    status = status_of(error)
    if status == 422 and request.scope["path"] in OLLAMA:
        status = 400
    return JSONResponse({"error": str(error)}, status, headers)


def is_openai(request: Request) -> bool:
    """Whether a request asked the OpenAI-compatible part."""
    path: str = request.scope["path"]
    return path == "/v1" or path.startswith("/v1/")


async def on_error(request: Request, error: Any) -> JSONResponse:
    """Handler of everything of our own tree."""
    if status_of(error) == 500:
        log.error("%s", trace(error))
    return answer(request, error)


async def on_http(request: Request, error: Any) -> JSONResponse:
    """Handler of what the framework refuses: no such path, no such method, no JSON."""
    line = {
        404: "there is no such path: /openapi.json lists them",
        405: "this path does not take that method: /openapi.json lists them",
        400: "the body is not JSON: send an object with Content-Type: application/json",
    }.get(error.status_code, str(error.detail))
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request))
    document: dict[str, Any] = {"error": line}
    if is_openai(request):
        kind = _KINDS.get(error.status_code, "invalid_request_error")
        document = {"error": {"message": line, "type": kind, "param": None, "code": None}}
    return JSONResponse(document, error.status_code, headers)


def _methods(request: Request) -> list[str]:
    """What a path takes: the framework tells of its first route only."""
    taken: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        path: re.Pattern[str] | None = getattr(route.original_route, "path_regex", None)
        if path is not None and path.match(request.scope["path"]):
            taken |= route.methods or set()
    return sorted(taken)


async def on_invalid(request: Request, error: Any) -> JSONResponse:
    """Handler of a body or query that does not fit its model: the first thing that is wrong."""
    return answer(request, complaint(error.errors()[0]))


def complaint(first: Any) -> BadParameter:
    """What pydantic found, in OpenAI's words."""
    param = _place(first["loc"])
    where = f"'{param}'" if param else "the body"
    kind: str = first["type"]
    if kind == "json_invalid":
        return BadParameter("the body is not valid JSON: correct it", None, "invalid_json")
    if kind == "extra_forbidden":
        return BadParameter(f"Unknown parameter: {where}.", param, "unknown_parameter")
    if kind == "missing":
        return BadParameter(
            f"Missing required parameter: {where}.", param, "missing_required_parameter"
        )
    what = str(first["msg"]).removeprefix("Value error, ")
    if kind == "none_required":
        what = "this is not done here: leave it out"
    code = "invalid_type" if kind.endswith("_type") else "invalid_value"
    return BadParameter(f"Invalid value for {where}: {what}.", param, code)


def _place(loc: Sequence[str | int]) -> str:
    """("body", "messages", 0, "role") as "messages[0].role"."""
    place = ""
    for part in loc[1:]:
        if isinstance(part, int):
            place += f"[{part}]"
        elif part.isidentifier() and not part[:1].isupper() and not part.startswith(_BRANCH):
            place += f".{part}" if place else part
    return place[:200]


async def on_crash(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    """Handler of everything else: a bug. What it was stands in the log, without what was said."""
    return answer(request, PenjingError(INTERNAL))


def trace(error: BaseException) -> str:
    """Where an exception came from, as one line without its message, which may quote a person."""
    frames = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{step.tb_lineno}")
        step = step.tb_next
    return f"{type(error).__name__} at {' '.join(frames[-6:])}"
