"""/api/suggestions: what may be said to the assistant, for a page on which nothing was said yet."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request

from penjing.serve.api.shapes import REFUSALS
from penjing.serve.desk import desk_of
from penjing.serve.strict import StrictRoute
from penjing.serve.who import who_of

router = APIRouter(prefix="/api/suggestions", route_class=StrictRoute, responses=REFUSALS)


@router.get("", response_model=list[str])
def suggestions(request: Request, language: Literal["en", "zh"] = "en") -> list[str]:
    """Sentences that do something for who asks; none where only the model answers."""
    who, desk = who_of(request), desk_of(request)
    if desk.services.assistant is None:
        return []
    desk.services.people.require(who.person, "assistant", desk.assistant.name)
    return [*desk.assistant.suggestions(who.standing, language)]
