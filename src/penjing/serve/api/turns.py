"""What is said in a session, and its answers as streams of events.

An answer is the server's: it goes on when its stream is left, `GET .../answer` hears it from its
beginning, `DELETE .../answer` stops it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from penjing.core.assistants import Assistant
from penjing.core.dialogue import Event
from penjing.core.errors import NotFound, PenjingError
from penjing.serve import limits
from penjing.serve.api import shapes
from penjing.serve.api.shapes import REFUSALS, Id
from penjing.serve.desk import Desk, desk_of
from penjing.serve.going_back import last_said, require_undone
from penjing.serve.replies import Turn
from penjing.serve.streaming import EventStream, event
from penjing.serve.strict import Strict, StrictRoute
from penjing.serve.titles import subject
from penjing.serve.who import Who, who_of
from penjing.serve.words import Words

EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {}}}, "description": "events"}
}
router = APIRouter(
    prefix="/api/sessions", route_class=StrictRoute, responses={**REFUSALS, **EVENTS}
)


class Spoken(Strict):
    """What a person says; in place of turn `instead` and all after it, where that is given."""

    text: Annotated[Words, Field(min_length=1, max_length=limits.TEXT)]
    instead: Annotated[int, Field(ge=1, lt=2**53)] | None = None


class Nothing(Strict):
    """Nothing more is to be said."""


class Decided(Strict):
    """Whether an action that waits is done."""

    yes: bool


@router.post("/{session}/turns", response_model=None)
async def say(session: Id, body: Spoken, request: Request) -> Response:
    """Say something and hear the answer, which goes on when nobody hears it any more.

    With a token that lacks `tools` the assistant answers and says what it may not do.
    """
    who = who_of(request)

    def reply(assistant: Assistant) -> Iterator[Event]:
        role, instead = who.standing, body.instead
        if instead is not None:
            require_undone(who.store.history.turns(session), instead)
        return assistant.reply(
            who.person, who.store, session, body.text, role=role, instead=instead
        )

    return await _stream(desk_of(request), who, session, reply, title=body.text)


@router.post("/{session}/again", response_model=None)
async def again(session: Id, body: Nothing, request: Request) -> Response:  # noqa: ARG001
    """Hear another answer to what was said last, in place of the last one."""
    who = who_of(request)

    def reply(assistant: Assistant) -> Iterator[Event]:
        turns = who.store.history.turns(session)
        asked = last_said(turns)
        require_undone(turns, asked.number)
        return assistant.reply(
            who.person, who.store, session, asked.message.text,
            role=who.standing, instead=asked.number, vary=len(turns) > turns.index(asked) + 1,
        )  # fmt: skip

    return await _stream(desk_of(request), who, session, reply)


@router.post("/{session}/more", response_model=None)
async def more(session: Id, body: Nothing, request: Request) -> Response:  # noqa: ARG001
    """Hear the rest of the last answer, which was stopped or cut."""
    who = who_of(request)

    def reply(assistant: Assistant) -> Iterator[Event]:
        return assistant.more(who.person, who.store, session, role=who.standing)

    return await _stream(desk_of(request), who, session, reply)


@router.get("/{session}/answer", response_model=None, responses={204: {"description": "none"}})
async def answer(session: Id, request: Request) -> Response:
    """What is being answered there now, from its beginning; 204 where nothing is."""
    turn = desk_of(request).replies.of(who_of(request).person, session)
    return Response(status_code=204) if turn is None else EventStream(_events(turn), _leave)


@router.delete("/{session}/answer", status_code=204)
async def stop(session: Id, request: Request) -> Response:
    """Stop what is being answered there; what was said of it is kept by the time this answers."""
    await desk_of(request).replies.end(who_of(request).person, session)
    return Response(status_code=204)


@router.post("/{session}/actions/{action}", response_model=None)
async def decide(session: Id, action: Id, body: Decided, request: Request) -> Response:
    """Do, or drop, an action that waits."""
    who = who_of(request)

    def confirm(assistant: Assistant) -> Iterator[Event]:
        return assistant.confirm(
            who.person, who.store, session, action, yes=body.yes, role=who.standing
        )

    return await _stream(desk_of(request), who, session, confirm)


@router.post("/{session}/actions/{action}/undo", response_model=None)
async def undo(session: Id, action: Id, body: Nothing, request: Request) -> Response:  # noqa: ARG001
    """Take back what was done, as far as nobody changed it since."""
    who = who_of(request)

    def back(assistant: Assistant) -> Iterator[Event]:
        return assistant.undo(who.person, who.store, session, action, role=who.standing)

    return await _stream(desk_of(request), who, session, back)


async def _stream(
    desk: Desk,
    who: Who,
    session: str,
    reply: Callable[[Assistant], Iterator[Event]],
    title: str | None = None,
) -> Response:
    release = _both(desk.quota.take(who.person), who.hold())
    try:
        await desk.threads.run(_prepare, desk, who, session, title)
        assistant = desk.assistant
        turn = desk.replies.begin(who.person, session, lambda: reply(assistant), release)
    except BaseException:
        release()
        raise
    return EventStream(_events(turn), _leave)


def _leave() -> None:
    """Whoever heard an answer is gone: it goes on."""


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def call() -> None:
        first()
        second()

    return call


def _prepare(desk: Desk, who: Who, session: str, title: str | None) -> None:
    """Raise before a stream begins; a session without a title is called by its subject."""
    if desk.services.assistant is not None:
        desk.services.people.require(who.person, "assistant", desk.assistant.name)
    found = [one for one in who.store.history.sessions() if one.id == session]
    if not found:
        raise NotFound("session", session)
    if not found[0].title and (words := subject(title or "")):
        who.store.history.rename(session, words)


async def _events(turn: Turn) -> AsyncIterator[bytes]:
    try:
        async for one in turn.events():
            yield event(shapes.event(one))
    except PenjingError as error:
        yield event(shapes.failed(error))
