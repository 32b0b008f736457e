"""The app behind the door: every router, every error, what is counted and what is logged.

`build_app` gives what the door is put around; `watched` is put around the door.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penjing import __version__
from penjing.core.errors import PenjingError
from penjing.serve import limits as bounds
from penjing.serve import pages, refusals
from penjing.serve.api import (
    documents,
    house,
    me,
    model,
    news,
    people,
    ringing,
    search,
    sessions,
    settings,
    suggestions,
    turns,
    watch,
)
from penjing.serve.desk import Desk
from penjing.serve.documented import DocumentedApp
from penjing.serve.limits import Limits
from penjing.serve.metrics import Metrics
from penjing.serve.ollama import chat as ollama_chat
from penjing.serve.ollama import embed as ollama_embed
from penjing.serve.ollama import models as ollama_models
from penjing.serve.openai import chat, completions, embeddings, models, responses
from penjing.serve.quota import Quota
from penjing.serve.replies import Replies
from penjing.serve.services import Services
from penjing.serve.streaming import Left
from penjing.serve.strict import BodyLimit

log = logging.getLogger("penjing.serve")

ROUTERS = (
    *(chat.router, completions.router, embeddings.router, models.router, responses.router),
    *(me.router, sessions.router, turns.router, search.router, documents.router),
    *(model.router, news.router, people.router, ringing.router, settings.router, watch.router),
    *(house.router, suggestions.router, ollama_chat.router, ollama_embed.router),
    *(ollama_models.reading, ollama_models.router),
)
_UPLOAD = "/api/documents"
_SEEN = "seen"


class App:
    """ASGI: bodies bounded, then the routes. `desk` is for whoever starts it."""

    def __init__(self, services: Services, limits: Limits) -> None:
        self.desk = Desk(services, limits, Quota(limits), Metrics(), Replies(limits.turns))
        self.fastapi = _fastapi(self.desk)
        self._bounded = BodyLimit(self.fastapi, _limit(limits))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the life of the app."""
        try:
            await self._bounded(scope, receive, send)
        except (Left, ClientDisconnect):  # nobody is there to be told
            pass
        finally:
            seen = scope.get("state", {}).get(_SEEN)
            if seen is not None:
                seen["route"] = getattr(scope.get("route"), "path", "")


def build_app(services: Services, limits: Limits | None = None) -> App:
    """What a door is put around."""
    return App(services, limits or Limits())


def _fastapi(desk: Desk) -> FastAPI:
    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        await desk.replies.close(desk.limits.keeping_seconds / 2)

    app = DocumentedApp(
        title="Penjing",
        version=__version__,
        docs_url=None,  # its page would be fetched from elsewhere
        redoc_url=None,
        lifespan=life,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.desk = desk
    app.add_exception_handler(PenjingError, refusals.on_error)
    app.add_exception_handler(HTTPException, refusals.on_http)
    app.add_exception_handler(RequestValidationError, refusals.on_invalid)
    app.add_exception_handler(Exception, refusals.on_crash)
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(pages.router())
    return app


def _limit(limits: Limits) -> Callable[[Scope], int]:
    def of(scope: Scope) -> int:
        return limits.document if scope["path"] == _UPLOAD else bounds.BODY

    return of


class RequestLog:
    """ASGI around everything: one line in the log and one count for each request, without content.

    A request is named by its route, never by what was typed, so no line can be forged. A bug ends
    here as a 500 and one line that says where it is.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        seen: dict[str, str] = {"route": ""}
        scope = {**scope, "state": {**scope.get("state", {}), _SEEN: seen}}
        status, whole, began = 0, False, time.monotonic()

        async def noting(message: Message) -> None:
            nonlocal status, whole
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)
            whole = message["type"] == "http.response.body" and not message.get("more_body")

        self._metrics.begun()
        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            log.error("internal error: %s", refusals.trace(error))
            if not whole:
                raise Broken from None
        finally:
            seconds = time.monotonic() - began
            method, route = _method(scope), seen["route"] or "other"
            self._metrics.ended(method, route, status, seconds)
            log.info("%s %s %d %.3f s", method, route, status, seconds)


class Broken(Exception):
    """An answer that had begun cannot go on: the connection is closed."""


def _method(scope: Scope) -> str:
    method = scope["method"]
    return method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE") else "other"
