"""/api/house: what there is in the house as it is now, and what a person presses there."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from penjing.core.assistants import Housekeeper, PressRequest
from penjing.core.errors import NotFound
from penjing.serve.api.shapes import REFUSALS, plain
from penjing.serve.desk import Desk, desk_of
from penjing.serve.strict import Strict, StrictRoute
from penjing.serve.who import Who, who_of

router = APIRouter(prefix="/api/house", route_class=StrictRoute, responses=REFUSALS)
_LONGEST = 1000


class PressDocument(BaseModel):
    """Something that may be pressed; `value`: what must be given with it, or nothing."""

    name: str
    value: str


class ThingDocument(BaseModel):
    """A device, a timer, a note."""

    tool: str
    kind: str
    key: str
    name: str
    also: list[str]
    room: str
    state: dict[str, Any]
    reason: str
    careful: bool
    presses: list[PressDocument]


class OutcomeDocument(BaseModel):
    """What came of it."""

    ok: bool
    data: dict[str, Any]
    error: str


class Press(Strict):
    """What is pressed; `sure` where the thing is `careful`."""

    tool: Annotated[str, Field(max_length=64)]
    kind: Annotated[str, Field(max_length=64)]
    key: Annotated[str, Field(max_length=_LONGEST)]
    press: Annotated[str, Field(max_length=64)]
    value: float | Annotated[str, Field(max_length=_LONGEST)] | None = None
    sure: bool = False


@router.get("", response_model=list[ThingDocument])
def house(request: Request) -> list[dict[str, Any]]:
    """All that who asks may see; nothing where only the model answers."""
    who = who_of(request)
    if (keeper := _keeper(desk_of(request), who)) is None:
        return []
    return [
        {
            "tool": one.tool, "kind": one.thing.kind, "key": one.thing.key or one.thing.name,
            "name": one.thing.name, "also": [*one.thing.also], "room": one.thing.room,
            "state": plain(one.thing.state),
            "reason": one.thing.reason, "careful": one.careful,
            "presses": [{"name": n, "value": p.value} for n, p in one.thing.presses.items()],
        }
        for one in keeper.shown(who.person, who.standing)
    ]  # fmt: skip


@router.post("/press", response_model=OutcomeDocument)
def press(body: Press, request: Request) -> dict[str, Any]:
    """Do it: what the tool offers there, as it would be done for a sentence."""
    who, value = who_of(request), body.value
    if (keeper := _keeper(desk_of(request), who)) is None:
        raise NotFound("thing that can be pressed", body.key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    pressed = PressRequest(body.tool, body.kind, body.key, body.press, value, body.sure)
    outcome = keeper.press(who.person, who.standing, pressed)
    return {"ok": outcome.ok, "data": plain(outcome.data), "error": outcome.error}


def _keeper(desk: Desk, who: Who) -> Housekeeper | None:
    """Who shows the house; None where only the model answers."""
    if desk.services.assistant is None:
        return None
    desk.services.people.require(who.person, "assistant", desk.assistant.name)
    return desk.assistant if isinstance(desk.assistant, Housekeeper) else None
