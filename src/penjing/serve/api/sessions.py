"""/api/sessions: a person's conversations, and what was said in them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from penjing.serve import limits
from penjing.serve.api import shapes
from penjing.serve.api.shapes import REFUSALS, Id, SessionDocument, TurnDocument
from penjing.serve.strict import Strict, StrictRoute
from penjing.serve.who import who_of
from penjing.serve.words import OneLine

router = APIRouter(prefix="/api/sessions", route_class=StrictRoute, responses=REFUSALS)

Title = Annotated[OneLine, Field(max_length=limits.TITLE)]


class NewSession(Strict):
    """A session to begin."""

    title: Title = ""


class Titled(Strict):
    """Another title."""

    title: Title


@router.get("", response_model=list[SessionDocument])
def every(request: Request) -> list[dict[str, Any]]:
    """All, the one last spoken in first."""
    return [shapes.session(one) for one in who_of(request).store.history.sessions()]


@router.post("", response_model=SessionDocument)
def begin(body: NewSession, request: Request) -> dict[str, Any]:
    """A new, empty one."""
    return shapes.session(who_of(request).store.history.begin(body.title))


@router.patch("/{session}", response_model=SessionDocument)
def rename(session: Id, body: Titled, request: Request) -> dict[str, Any]:
    """Give it another title."""
    return shapes.session(who_of(request).store.history.rename(session, body.title))


@router.delete("/{session}", status_code=204)
def delete(session: Id, request: Request) -> Response:
    """Remove it and what was said in it."""
    who_of(request).store.history.delete(session)
    return Response(status_code=204)


@router.get("/{session}/turns", response_model=list[TurnDocument])
def turns(session: Id, request: Request) -> list[dict[str, Any]]:
    """What was said, in order."""
    return [shapes.turn(one) for one in who_of(request).store.history.turns(session)]
