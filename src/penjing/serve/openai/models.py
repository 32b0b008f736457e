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
from penjing.serve.strict import ReadRoute
from penjing.serve.who import who_of

router = APIRouter(route_class=ReadRoute)


class ModelDocument(BaseModel):
    """A model."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    capabilities: list[Literal["completion", "tools", "thinking", "embedding"]]
    """What it can be asked for, in Ollama's words: what only embeds cannot chat."""


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
    """One of them, by any of its names."""
    who_of(request)
    services = desk_of(request).services
    for names in (_names(services), _embedder_names(services)):
        if model in names:
            return _document(services, names[0], embeds=names != _names(services))
    raise _unknown(model, [*_names(services), *_embedder_names(services)])


def require_model(services: Services, name: str) -> None:
    """Raise unless it is the model that answers here."""
    if name not in _names(services):
        raise _unknown(name, _names(services))


def require_embedder(services: Services, name: str) -> Embedder:
    """The model that embeds here. Raises unless it is called so."""
    if services.embedder is None:
        raise NotServed("this server has no embedding model: start it with one")
    if name not in _embedder_names(services):
        raise _unknown(name, _embedder_names(services))
    return services.embedder


def _names(services: Services) -> list[str]:
    """What the model is called, its own name first."""
    return list(dict.fromkeys((services.model.name, *services.model.also)))


def _embedder_names(services: Services) -> list[str]:
    if services.embedder is None:
        return []
    return list(dict.fromkeys((services.embedder.name, *services.embedder_also)))


def _unknown(name: str, known: list[str]) -> UnknownModel:
    shown = "".join(char if char.isprintable() else "?" for char in name[:64])
    return UnknownModel(
        f"there is no model '{shown}' here: use {' or '.join(known)}", "model", "model_not_found"
    )


def _all(services: Services) -> list[dict[str, Any]]:
    """Each once, by its own name."""
    found = [_document(services, _names(services)[0], embeds=False)]
    return found + [_document(services, one, embeds=True) for one in _embedder_names(services)[:1]]


def _document(services: Services, name: str, *, embeds: bool) -> dict[str, Any]:
    about = {"id": name, "object": "model", "created": services.model.created}
    can = ["embedding"] if embeds else ["completion", "tools"]
    return {**about, "owned_by": "penjing", "capabilities": can}
