"""POST /api/sessions/{id}/turns and .../actions/{action}: an answer as a stream of events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from penjing.core.dialogue import Event
from penjing.core.errors import NotFound, PenjingError
from penjing.core.protocols import Assistant
from penjing.serve import limits
from penjing.serve.api import shapes
from penjing.serve.api.shapes import REFUSALS, Id
from penjing.serve.desk import Desk, desk_of
from penjing.serve.replies import Turn
from penjing.serve.streaming import EventStream, event
from penjing.serve.strict import Strict, StrictRoute
from penjing.serve.who import Who, who_of
from penjing.serve.words import Words, one_line

EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {}}}, "description": "events"}
}
router = APIRouter(
    prefix="/api/sessions", route_class=StrictRoute, responses={**REFUSALS, **EVENTS}
)

_TITLE = 60


class Spoken(Strict):
    """What a person says."""

    text: Annotated[Words, Field(min_length=1, max_length=limits.TEXT)]


class Decided(Strict):
    """Whether an action that waits is done."""

    yes: bool


@router.post("/{session}/turns", response_model=None)
async def say(session: Id, body: Spoken, request: Request) -> Response:
    """Say something and hear the answer. Leaving stops it; what was said is kept.

    With a token that lacks `tools` the assistant answers and says what it may not do.
    """
    who = who_of(request)

    def reply(assistant: Assistant) -> Iterator[Event]:
        return assistant.reply(who.person, who.store, session, body.text, role=who.standing)

    return await _stream(desk_of(request), who, session, reply, title=body.text)


@router.post("/{session}/actions/{action}", response_model=None)
async def decide(session: Id, action: Id, body: Decided, request: Request) -> Response:
    """Do, or drop, an action that waits."""
    who = who_of(request)

    def confirm(assistant: Assistant) -> Iterator[Event]:
        return assistant.confirm(
            who.person, who.store, session, action, yes=body.yes, role=who.standing
        )

    return await _stream(desk_of(request), who, session, confirm)


async def _stream(
    desk: Desk,
    who: Who,
    session: str,
    reply: Callable[[Assistant], Iterator[Event]],
    title: str | None = None,
) -> Response:
    release = desk.quota.take(who.person)
    try:
        await desk.threads.run(_prepare, desk, who, session, title)
        assistant = desk.assistant
        turn = desk.replies.begin(who.person, session, lambda: reply(assistant))
    except BaseException:
        release()
        raise

    def close() -> None:
        turn.stop()
        release()

    return EventStream(_events(turn), close)


def _prepare(desk: Desk, who: Who, session: str, title: str | None) -> None:
    """Raise before a stream begins; a session without a title is called by its first words."""
    if desk.services.assistant is not None:
        desk.services.people.require(who.person, "assistant", desk.assistant.name)
    found = [one for one in who.store.history.sessions() if one.id == session]
    if not found:
        raise NotFound("session", session)
    words = one_line(title or "")
    if words and not found[0].title:
        short = words if len(words) <= _TITLE else f"{words[: _TITLE - 1]}…"
        who.store.history.rename(session, short)


async def _events(turn: Turn) -> AsyncIterator[bytes]:
    try:
        async for one in turn.events():
            yield event(shapes.event(one))
    except PenjingError as error:
        yield event(shapes.failed(error))
