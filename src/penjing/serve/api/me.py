"""/api/me: who is logged in, all there is about them, their passphrase, and the end of it all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from penjing.serve.api.exporting import Archive
from penjing.serve.api.shapes import REFUSALS
from penjing.serve.desk import Desk, desk_of
from penjing.serve.door.scopes import in_order
from penjing.serve.strict import Strict, StrictRoute
from penjing.serve.who import Who, who_of
from penjing.vault.envelope import LONGEST, require_passphrase

router = APIRouter(prefix="/api/me", route_class=StrictRoute, responses=REFUSALS)

ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
}

Passphrase = Annotated[str, Field(max_length=LONGEST)]


class NewPassphrase(Strict):
    """The old one and its successor."""

    old: Passphrase
    new: Annotated[str, Field(min_length=1, max_length=LONGEST)]


class Sure(Strict):
    """Proof that it is really them."""

    passphrase: Passphrase


class Me(BaseModel):
    """Who is logged in, and where."""

    person: str
    name: str
    role: str
    csrf: str | None
    kept: bool
    language: str | None
    assistant: str | None
    model: str
    scopes: list[str] | None = Field(description="of the token that asks; null for a login")


def described(desk: Desk) -> Callable[[Who], dict[str, Any]]:
    """What the door answers to a login, and we to GET."""

    def describe(who: Who) -> dict[str, Any]:
        assistant = desk.services.assistant and desk.assistant.name
        return {
            "person": who.person,
            "name": who.name,
            "role": who.role,
            "csrf": who.csrf,
            "kept": who.kept,
            "language": who.store.settings.get("language"),
            "assistant": assistant,
            "model": desk.services.model.name,
            "scopes": None if who.scopes is None else [*in_order(who.scopes)],
        }

    return describe


@router.get("", response_model=Me)
def me(request: Request) -> dict[str, Any]:
    """Who is logged in."""
    return described(desk_of(request))(who_of(request))


@router.post("/export", response_model=None, responses=ZIP)
async def export(request: Request) -> Response:
    """All there is about them, as one zip that never touches a disk here."""
    who, people = who_of(request), desk_of(request).services.people
    release = desk_of(request).quota.take(who.person)
    return Archive(lambda file: people.export(who.person, who.store, file), release)


@router.post("/passphrase", status_code=204)
async def passphrase(body: NewPassphrase, request: Request) -> Response:
    """Another passphrase and key. All their web sessions end: they log in again."""
    who, desk = who_of(request), desk_of(request)
    people = desk.services.people
    require_passphrase(body.new)
    await who.prove(body.old)
    async with desk.apart(who.person):
        await desk.passphrases.run(people.set_passphrase, who.person, body.old, body.new)
    return Response(status_code=204)


@router.post("/wipe", status_code=204)
async def wipe(body: Sure, request: Request) -> Response:
    """Destroy their key, and with it all that it opens."""
    who, desk = who_of(request), desk_of(request)
    await who.prove(body.passphrase)
    async with desk.apart(who.person):
        await desk.threads.run(desk.services.people.wipe, who.person, who.person)
    return Response(status_code=204)
