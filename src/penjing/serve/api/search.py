"""POST /api/search: turns that hold every one of some words. A POST: no log keeps the words."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from penjing.serve import limits
from penjing.serve.api import shapes
from penjing.serve.api.shapes import REFUSALS, SessionDocument, TurnDocument
from penjing.serve.strict import Strict, StrictRoute
from penjing.serve.who import who_of

router = APIRouter(prefix="/api/search", route_class=StrictRoute, responses=REFUSALS)


class Search(Strict):
    """What to look for."""

    words: Annotated[str, Field(min_length=1, max_length=1000)]
    limit: int = Field(default=20, ge=1, le=limits.FOUND)


class FoundDocument(BaseModel):
    """A turn, and where it was said."""

    session: SessionDocument
    turn: TurnDocument


@router.post("", response_model=list[FoundDocument])
def search(body: Search, request: Request) -> list[dict[str, Any]]:
    """Newest first."""
    found = who_of(request).store.history.search(body.words, limit=body.limit)
    return [
        {"session": shapes.session(one.session), "turn": shapes.turn(one.turn)} for one in found
    ]
