"""How bodies are read: no more bytes than allowed, JSON of bounded depth, no odd numbers or texts.

The framework reads a body whole before anybody looks at it; these wrappers make that safe.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penjing.serve import limits
from penjing.serve.desk import desk_of
from penjing.serve.refusals import BadParameter, TooLarge, answer

_HALF = re.compile(r"\\u[dD][89a-fA-F]")


class Strict(BaseModel):
    """A body in which nothing is unknown and no number is a text."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class StrictRequest(Request):
    """A request whose JSON is read within bounds."""

    async def json(self) -> Any:
        """The body, parsed. Raises JSONDecodeError or BadParameter."""
        return parse(await self.body())


class StrictRoute(APIRoute):
    """A route whose handlers get a `StrictRequest`; what is not async runs in our threads."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **about: Any) -> None:
        super().__init__(path, _in_our_threads(endpoint), **about)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, given our request."""
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            try:
                return await handle(StrictRequest(self.read(request.scope), request.receive))
            except Exception as error:
                if (ours := _cause(error)) is not None:
                    return answer(request, ours)
                raise

        return strictly

    def read(self, scope: Scope) -> Scope:
        """A request as its body is to be read."""
        return scope


class UntypedRoute(StrictRoute):
    """One whose body is JSON whatever its Content-Type says: Ollama's clients send none, or curl's.

    It stands behind the door like every other: a token, or a session with its CSRF header.
    """

    def read(self, scope: Scope) -> Scope:
        """The same, called JSON."""
        others = [pair for pair in scope["headers"] if pair[0] != b"content-type"]
        return {**scope, "headers": [*others, (b"content-type", b"application/json")]}


class ReadRoute(StrictRoute):
    """One whose GET answers HEAD too: programs ask so whether something is there. The server
    leaves the body out."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As the framework does, for a GET."""
        return super().matches(_as_get(scope))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The same."""
        await super().handle(_as_get(scope), receive, send)


def _as_get(scope: Scope) -> Scope:
    return {**scope, "method": "GET"} if scope.get("method") == "HEAD" else scope


def _in_our_threads(handler: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """A handler that blocks as one that does not. The process waits for the framework's threads."""
    if inspect.iscoroutinefunction(handler):
        return handler

    @functools.wraps(handler)
    async def apart(request: Request, **more: Any) -> Any:
        return await desk_of(request).threads.run(handler, request=request, **more)

    return apart


def _cause(error: BaseException) -> BadParameter | TooLarge | None:
    """What we refused while the framework read a body, which it reports as its own 400."""
    cause = error.__cause__
    return cause if isinstance(cause, BadParameter | TooLarge) else None


def parse(data: bytes) -> Any:
    """JSON as a client may send it."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise json.JSONDecodeError("not UTF-8", "", error.start) from None
    try:
        document = json.loads(
            text, parse_constant=_no_number, parse_float=_number, object_pairs_hook=_object
        )
    except RecursionError:
        raise too_deep() from None
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError):
            raise
        raise BadParameter("a number in the body has too many digits: shorten it", None) from None
    _require_shallow(document)
    if _HALF.search(text):
        _require_whole(document)
    return document


def too_deep() -> BadParameter:
    """What a body that is nested too deeply is told."""
    return BadParameter(f"the body is nested over {limits.DEPTH} deep: flatten it", None)


def _no_number(name: str) -> float:
    raise BadParameter(f"{name} is no number in JSON: send one", None)


def _number(digits: str) -> float | int:
    """80.0 is a whole number in JSON, whatever a program's types make of it."""
    number = float(digits)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise BadParameter("a name stands twice in an object of the body: say it once", None)
    return made


def _require_shallow(document: Any) -> None:
    level = [document]
    for _ in range(limits.DEPTH + 1):
        inner = [one for one in level if isinstance(one, dict | list) and one]
        if not inner:
            return
        level = []
        for one in inner:
            level += one.values() if isinstance(one, dict) else one
    raise too_deep()


def _require_whole(document: Any) -> None:
    """Half of a surrogate pair is no character, and cannot be written down."""
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise BadParameter("a text in the body holds half a character: correct it", None) from None


class BodyLimit:
    """ASGI around an app: bodies end in a 413 before they are larger than their path allows."""

    def __init__(self, app: ASGIApp, limit: Callable[[Scope], int]) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        limit = self._limit(scope)
        promised = _length(scope)
        if promised is not None and promised > limit:
            return await answer(Request(scope), _too_large(limit))(scope, receive, send)
        seen = 0

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _too_large(limit)
            return message

        return await self._app(scope, counting, send)


def _length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 16 else 2**63
    return None


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit} bytes: send less")
