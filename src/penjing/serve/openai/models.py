"""GET /v1/models: the one model there is, and the embedder where there is one."""

from __future__ import annotations

from dataclasses import dataclass
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

ASSISTANT = "assistant"
"""What the assistant is called everywhere."""


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
    services = desk_of(request).services
    return {"object": "list", "data": [_document(services, found) for found in served(services)]}


@router.get("/v1/models/{model:path}", response_model=ModelDocument, responses=REFUSALS)
async def one(model: str, request: Request) -> dict[str, Any]:
    """One of them, by any of its names."""
    who_of(request)
    services = desk_of(request).services
    every = served(services)
    for found in every:
        if model in found.names:
            return _document(services, found)
    raise _unknown(model, [name for found in every for name in found.names])


@dataclass(frozen=True)
class ServedModel:
    """Something that can be asked here."""

    names: tuple[str, ...]
    """What it is called, its own name first."""
    capabilities: tuple[str, ...]
    """In Ollama's words."""

    @property
    def name(self) -> str:
        """Its own."""
        return self.names[0]

    @property
    def writes(self) -> bool:
        """It answers; what does not only embeds."""
        return "completion" in self.capabilities


def served(services: Services) -> list[ServedModel]:
    """All of them, what chats first."""
    found = [ServedModel(tuple(_names(services)), ("completion", "tools"))]
    if names := assistant_names(services):
        found.append(ServedModel(tuple(names), ("completion", "tools")))
    if names := _embedder_names(services):
        found.append(ServedModel(tuple(names), ("embedding",)))
    return found


def assistant_names(services: Services) -> list[str]:
    """What the assistant is called: `assistant`, and as its spec calls it. None where there is
    nothing but a model. A model of that name goes first."""
    if services.assistant is None and services.documents is None:
        return []
    own = [services.assistant.name] if services.assistant is not None else []
    taken = {*_names(services), *_embedder_names(services)}
    return [one for one in dict.fromkeys((ASSISTANT, *own)) if one not in taken]


def is_assistant(services: Services, name: str) -> bool:
    """Whether the assistant answers to it."""
    return name in assistant_names(services)


def require_model(services: Services, name: str) -> None:
    """Raise unless it is the model that answers here."""
    if name not in _names(services):
        raise _unknown(name, [*_names(services), *assistant_names(services)])


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


def _document(services: Services, found: ServedModel) -> dict[str, Any]:
    about = {"id": found.name, "object": "model", "created": services.model.created}
    return {**about, "owned_by": "penjing", "capabilities": list(found.capabilities)}
