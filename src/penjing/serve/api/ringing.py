"""/api/ringing: what rings now. Anybody who reaches the page hears it: that, and no word of whose.

Who may stop it is the door's affair (`door/bell.py`): who is logged in, or was in this browser.
"""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from penjing.core.errors import NotFound
from penjing.serve.api.shapes import REFUSALS, Id
from penjing.serve.desk import desk_of
from penjing.serve.door.public import RINGING
from penjing.serve.door.scopes import READ
from penjing.serve.services import Rings
from penjing.serve.strict import Strict, StrictRoute
from penjing.serve.who import Who

router = APIRouter(prefix=RINGING, route_class=StrictRoute, responses=REFUSALS)


class RingDocument(BaseModel):
    """Something that rings; `words` and what was `missed` are for its person alone."""

    id: str
    kind: Literal["alarm", "timer", "reminder"]
    at: float
    words: str
    missed: bool


class RingingDocument(BaseModel):
    """All that rings."""

    ringing: list[RingDocument]


class Later(Strict):
    """When it rings again; its kind's usual time when nobody says."""

    minutes: int | None = Field(default=None, ge=1, le=120)


@router.get("", response_model=RingingDocument)
def ringing(request: Request) -> dict[str, Any]:
    """What rings now, whoever asks. Who is logged in, or may `read`, is told the words of their
    own, and what they missed.
    """
    rings, who = desk_of(request).services.rings, _known(request)
    reads = who is not None and (who.scopes is None or READ in who.scopes)
    person = who.person if who is not None and reads else None
    found = [] if rings is None else rings.sounding(person)
    return {"ringing": [dict(vars(one)) for one in found]}


@router.post("/{ring}/stop", status_code=204)
def stop(ring: Id, request: Request) -> Response:
    """Let it ring no more, on every page; or take note of what was missed."""
    who = _known(request)
    _rings(request, ring).stop(ring, None if who is None else who.person)
    return Response(status_code=204)


@router.post("/{ring}/snooze", status_code=204)
def snooze(ring: Id, body: Later, request: Request) -> Response:
    """Let it ring again later instead."""
    _rings(request, ring).snooze(ring, body.minutes)
    return Response(status_code=204)


def _rings(request: Request, ring: str) -> Rings:
    rings = desk_of(request).services.rings
    if rings is None:
        raise NotFound("ring", ring)
    return rings


def _known(request: Request) -> Who | None:
    """Who asks, if the door found anybody."""
    who = request.scope.get("state", {}).get("who")
    return who if isinstance(who, Who) else None
