"""GET /v1/models: the one model there is, and the embedder where there is one."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from penjing.core.protocols import Embedder
from penjing.serve.desk import desk_of
from penjing.serve.openai.shapes import REFUSALS
from penjing.serve.refusals import NotServed, UnknownModel
from penjing.serve.services import Services
from penjing.serve.strict import StrictRoute
from penjing.serve.who import who_of

router = APIRouter(route_class=StrictRoute)


class ModelDocument(BaseModel):
    """A model."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(BaseModel):
    """All of them."""

    object: Literal["list"]
    data: list[ModelDocument]


@router.get("/v1/models", response_model=ModelList, responses=REFUSALS)
async def every(request: Request) -> dict[str, Any]:
    """What can be asked."""
    who_of(request)
    return {"object": "list", "data": _all(desk_of(request).services)}


@router.get("/v1/models/{model:path}", response_model=ModelDocument, responses=REFUSALS)
async def one(model: str, request: Request) -> dict[str, Any]:
    """One of them."""
    who_of(request)
    for document in _all(desk_of(request).services):
        if document["id"] == model:
            return document
    raise _unknown(model, [document["id"] for document in _all(desk_of(request).services)])


def require_model(services: Services, name: str) -> None:
    """Raise unless it is the model that answers here."""
    if name != services.model.name:
        raise _unknown(name, [services.model.name])


def require_embedder(services: Services, name: str) -> Embedder:
    """The model that embeds here. Raises unless it is called so."""
    if services.embedder is None:
        raise NotServed("this server has no embedding model: start it with one")
    if name != services.embedder.name:
        raise _unknown(name, [services.embedder.name])
    return services.embedder


def _unknown(name: str, known: list[str]) -> UnknownModel:
    shown = "".join(char if char.isprintable() else "?" for char in name[:64])
    return UnknownModel(
        f"there is no model '{shown}' here: use {' or '.join(known)}", "model", "model_not_found"
    )


def _all(services: Services) -> list[dict[str, Any]]:
    created = services.model.created
    names = [services.model.name]
    names += [services.embedder.name] if services.embedder is not None else []
    return [
        {"id": name, "object": "model", "created": created, "owned_by": "penjing"} for name in names
    ]
