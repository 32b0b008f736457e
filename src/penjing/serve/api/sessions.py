"""/api/sessions: a person's conversations, and what was said in them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from penjing.core.errors import NotFound
from penjing.core.manner import Manner, keep_manner, manner_of
from penjing.serve import limits
from penjing.serve.api import shapes
from penjing.serve.api.shapes import REFUSALS, Id, SessionDocument, TurnDocument
from penjing.serve.desk import desk_of
from penjing.serve.strict import Strict, StrictRoute
from penjing.serve.titles import numbered
from penjing.serve.transcript import written
from penjing.serve.who import who_of
from penjing.serve.words import OneLine

router = APIRouter(prefix="/api/sessions", route_class=StrictRoute, responses=REFUSALS)

MARKDOWN: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/markdown": {"schema": {"type": "string"}}}, "description": "a text"}
}
Title = Annotated[OneLine, Field(max_length=limits.TITLE)]


class NewSession(Strict):
    """A session to begin."""

    title: Title = ""


class Titled(Strict):
    """Another title."""

    title: Title


class Branched(Strict):
    """How far a branch is the same; 0: it begins anew."""

    turn: Annotated[int, Field(ge=0, lt=2**53)]


class MannerDocument(BaseModel):
    """How answers are written."""

    system: str
    temperature: float | None
    top_k: int | None
    min_p: float | None


class Chosen(Strict):
    """The same, to be chosen; null: as usual."""

    system: Annotated[str, Field(max_length=limits.SYSTEM)] = ""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_k: Annotated[int, Field(ge=0, le=1000)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None


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


@router.post("/{session}/branch", response_model=SessionDocument)
def branch(session: Id, body: Branched, request: Request) -> dict[str, Any]:
    """A new session that begins as this one did, up to a turn; this one stays as it is."""
    store = who_of(request).store
    every = store.history.sessions()
    found = next((one for one in every if one.id == session), None)
    if found is None:
        raise NotFound("session", session)
    title = numbered(found.title, [one.title for one in every])
    fresh = store.history.branch(session, body.turn, title)
    keep_manner(store, fresh.id, manner_of(store, session))
    return shapes.session(fresh)


@router.get("/{session}/manner", response_model=MannerDocument)
def manner(session: Id, request: Request) -> dict[str, Any]:
    """How its answers are written; nulls for what is as usual."""
    store = who_of(request).store
    store.history.turns(session)  # or there is none
    return asdict(manner_of(store, session))


@router.put("/{session}/manner", response_model=MannerDocument)
def choose(session: Id, body: Chosen, request: Request) -> dict[str, Any]:
    """Have its answers written otherwise from now on."""
    store = who_of(request).store
    store.history.turns(session)
    chosen = Manner(body.system.strip(), body.temperature, body.top_k, body.min_p)
    keep_manner(store, session, chosen)
    return asdict(chosen)


@router.get("/{session}/transcript", response_model=None, responses=MARKDOWN)
def transcript(session: Id, request: Request, language: Literal["en", "zh"] = "en") -> Response:
    """All that was said, as a Markdown file."""
    store, assistant = who_of(request).store, desk_of(request).assistant.name
    turns = store.history.turns(session)
    title = next(one.title for one in store.history.sessions() if one.id == session)
    text = written(title, turns, assistant, language)
    name = f"attachment; filename*=UTF-8''{quote(title or 'conversation', safe='')}.md"
    headers = {"Content-Disposition": name}
    return Response(text, media_type="text/markdown; charset=utf-8", headers=headers)


@router.get("/{session}/turns", response_model=list[TurnDocument])
def turns(session: Id, request: Request) -> list[dict[str, Any]]:
    """What was said, in order."""
    return [shapes.turn(one) for one in who_of(request).store.history.turns(session)]
