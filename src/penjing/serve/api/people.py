"""/api/people: who there is. The door lets only owners change anybody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from penjing.core.errors import NotFound, NotPermitted, UnknownName
from penjing.serve.api.shapes import REFUSALS, Id
from penjing.serve.desk import Desk, desk_of
from penjing.serve.refusals import BadParameter
from penjing.serve.services import Known, People
from penjing.serve.strict import Strict, StrictRoute
from penjing.serve.who import Who, who_of
from penjing.vault.envelope import LONGEST
from penjing.vault.retention import DAYS, MOST_DAYS

router = APIRouter(prefix="/api/people", route_class=StrictRoute, responses=REFUSALS)

Role = Literal["owner", "member", "guest"]
PersonName = Annotated[str, Field(min_length=1, max_length=64)]
Passphrase = Annotated[str, Field(min_length=1, max_length=LONGEST)]


class Permission(Strict):
    """What somebody may or may not use."""

    kind: Literal["tool", "source", "assistant"]
    name: Annotated[str, Field(min_length=1, max_length=128)]
    allowed: bool


class NewPerson(Strict):
    """Somebody to be added."""

    name: PersonName
    role: Role
    passphrase: Passphrase


class Changed(Strict):
    """What is to be different."""

    role: Role | None = None
    keep_days: int | None = Field(default=None, ge=1, le=MOST_DAYS)
    permissions: Annotated[list[Permission], Field(max_length=256)] | None = None


class Confirmed(Strict):
    """The name of who is wiped, typed once more; and who wipes themselves proves that it is them,
    as at /api/me/wipe.
    """

    confirm: PersonName
    passphrase: Passphrase | None = None


class PersonDocument(BaseModel):
    """Somebody."""

    id: str
    name: str
    role: str
    permissions: list[Permission]


class UsableDocument(BaseModel):
    """What anybody may be allowed to use here, by name."""

    assistant: list[str]
    tool: list[str]
    source: list[str]


@router.get("/usable", response_model=UsableDocument)
def usable(request: Request) -> dict[str, Any]:
    """What there is to be allowed; nothing where the plain model answers, which all may ask."""
    _owner(request)
    return _usable(desk_of(request))


@router.get("", response_model=list[PersonDocument])
def every(request: Request) -> list[dict[str, Any]]:
    """Everybody for an owner, themselves for others."""
    who, people = who_of(request), desk_of(request).services.people
    shown = [one for one in people.all() if who.role == "owner" or one.id == who.person]
    return [_document(one) for one in shown]


@router.post("", response_model=PersonDocument)
async def add(body: NewPerson, request: Request) -> dict[str, Any]:
    """Somebody new."""
    who, desk = _owner(request), desk_of(request)
    made = (who.person, body.name, body.role, body.passphrase)
    return _document(await desk.passphrases.run(desk.services.people.add, *made))


@router.patch("/{person}", response_model=PersonDocument)
def change(person: Id, body: Changed, request: Request) -> dict[str, Any]:
    """Another role, other permissions. How long turns are kept is for each to say."""
    who, desk = _owner(request), desk_of(request)
    people = desk.services.people
    _require_usable(desk, _one(people, person), body.permissions or [])
    if body.keep_days is not None:
        if person != who.person:
            raise NotPermitted("how long turns are kept is each one's own to say")
        who.store.settings.put(DAYS, str(body.keep_days))
    if body.role is not None:
        people.set_role(who.person, person, body.role)
    for one in body.permissions or ():
        people.permit(who.person, person, one.kind, one.name, one.allowed)
    return _document(_one(people, person))


@router.delete("/{person}", status_code=204)
async def wipe(person: Id, body: Confirmed, request: Request) -> Response:
    """Destroy their key, and with it all that it opens."""
    who, desk = _owner(request), desk_of(request)
    known = await desk.threads.run(_one, desk.services.people, person)
    if body.confirm != known.name:
        raise BadParameter(f"type the name of {known.name} to confirm", "confirm")
    if person == who.person:
        if body.passphrase is None:
            raise BadParameter("that is you: send your passphrase with it", "passphrase")
        await who.prove(body.passphrase)
    async with desk.apart(person):
        await desk.threads.run(desk.services.people.wipe, who.person, person)
    return Response(status_code=204)


def _owner(request: Request) -> Who:
    who = who_of(request)
    if who.role != "owner":
        raise NotPermitted("only an owner may do this: ask one")
    return who


def _one(people: People, person: str) -> Known:
    for one in people.all():
        if one.id == person:
            return one
    raise NotFound("person", person)


def _usable(desk: Desk) -> dict[str, list[str]]:
    if desk.services.assistant is None:
        return {"assistant": [], "tool": [], "source": []}
    uses = desk.assistant.uses()
    return {
        "assistant": [desk.assistant.name],
        **{kind: [*uses.get(kind, ())] for kind in ("tool", "source")},
    }


def _require_usable(desk: Desk, person: Known, permissions: Sequence[Permission]) -> None:
    """Raise BadParameter for what nobody could use; what was said before may be said again.

    A plain model uses nothing, and knows nothing of what another start of the server will use.
    """
    if desk.services.assistant is None:
        return
    usable, before = _usable(desk), {(kind, name) for kind, name, _ in person.permissions}
    for one in permissions:
        if one.name not in usable[one.kind] and (one.kind, one.name) not in before:
            line = str(UnknownName(one.kind, one.name, usable[one.kind]))
            raise BadParameter(line, "permissions")


def _document(one: Known) -> dict[str, Any]:
    permissions = [
        {"kind": kind, "name": name, "allowed": allowed} for kind, name, allowed in one.permissions
    ]
    return {"id": one.id, "name": one.name, "role": one.role, "permissions": permissions}
