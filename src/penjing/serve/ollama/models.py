"""GET /api/tags, /api/ps and /api/version, POST /api/show, as Ollama has them: what is served here.

Models are pulled and removed with `penjing pull` and `penjing remove`, never by a request.
"""

from __future__ import annotations

import hashlib
from typing import Any

from fastapi import APIRouter, Request

from penjing import __version__
from penjing.core.errors import NotPermitted
from penjing.serve.api.shapes import REFUSALS
from penjing.serve.desk import desk_of
from penjing.serve.ollama.shapes import Loose, ModelName, timestamp
from penjing.serve.openai.models import ServedModel, is_assistant, require_model, served
from penjing.serve.refusals import BadParameter, UnknownModel
from penjing.serve.services import Services
from penjing.serve.strict import ReadRoute, UntypedRoute
from penjing.serve.who import who_of

SPOKEN = "0.12.6"
"""Ollama's version whose API this is: programs look at it for what they may ask."""
_NEVER = 253402300799.0
"""The end of the year 9999: nothing is unloaded."""
_LATEST = ":latest"

reading = APIRouter(route_class=ReadRoute, responses=REFUSALS)
router = APIRouter(route_class=UntypedRoute, responses=REFUSALS)


class ShowBody(Loose):
    """A model, by its name in either spelling."""

    model: ModelName | None = None
    name: ModelName | None = None
    verbose: bool | None = None


@reading.get("/api/version")
async def version(request: Request) -> dict[str, str]:
    """Of the API, and ours."""
    who_of(request)
    return {"version": SPOKEN, "penjing": __version__}


@reading.get("/api/tags")
async def tags(request: Request) -> dict[str, Any]:
    """What can be asked."""
    who_of(request)
    services = desk_of(request).services
    return {"models": [_listed(services, one) for one in served(services)]}


@reading.get("/api/ps")
async def loaded(request: Request) -> dict[str, Any]:
    """The same: all of it is loaded, and stays."""
    who_of(request)
    services = desk_of(request).services
    more = {"expires_at": timestamp(_NEVER), "size_vram": 0}
    context = {"context_length": services.scheduler.context_length}
    return {"models": [{**_listed(services, one), **more, **context} for one in served(services)]}


@router.post("/api/show")
async def show(body: ShowBody, request: Request) -> dict[str, Any]:
    """What is known of a model."""
    who_of(request)
    services = desk_of(request).services
    name = body.model or body.name
    if name is None:
        raise BadParameter("say which model", "model", "missing_required_parameter")
    found = next((one for one in served(services) if bare(name) in one.names), None)
    if found is None:
        raise _unknown(services, name)
    family = services.model.family
    context = services.scheduler.context_length
    info = {"general.architecture": family, f"{family}.context_length": context}
    if services.model.parameters:
        info["general.parameter_count"] = services.model.parameters
    return {
        "license": str(services.model.manifest.get("licence", "")),
        "modelfile": f"FROM {found.name}\n",
        "parameters": "",
        "template": "",
        "details": _details(services, found),
        "model_info": info,
        "capabilities": list(found.capabilities),
        "modified_at": timestamp(services.model.created),
    }


@router.post("/api/pull")
@router.post("/api/push")
@router.post("/api/create")
@router.post("/api/copy")
async def change(request: Request) -> dict[str, Any]:
    """No request changes what there is."""
    who_of(request)
    raise NotPermitted("models are pulled and made on the machine itself: penjing pull NAME")


def bare(name: str) -> str:
    """A name without the tag that clients put behind every one."""
    return name.removesuffix(_LATEST)


def require_chat(services: Services, name: str) -> None:
    """Raise unless it is a model that answers here."""
    if is_assistant(services, bare(name)):
        return
    try:
        require_model(services, bare(name))
    except UnknownModel:
        raise _unknown(services, name) from None


def _unknown(services: Services, name: str) -> UnknownModel:
    shown = "".join(char if char.isprintable() else "?" for char in name[:64])
    known = " or ".join(one.name for one in served(services))
    return UnknownModel(f"model '{shown}' not found: use {known}", "model", "model_not_found")


def _listed(services: Services, one: ServedModel) -> dict[str, Any]:
    model = services.model
    mark = f"{one.name} {model.size} {model.created}"
    return {
        "name": one.name,
        "model": one.name,
        "modified_at": timestamp(model.created),
        "size": model.size if one.writes else 0,
        "digest": hashlib.sha256(mark.encode()).hexdigest(),
        "details": _details(services, one),
    }


def _details(services: Services, one: ServedModel) -> dict[str, Any]:
    model = services.model
    family = model.family if one.writes else "bert"
    return {
        "parent_model": "",
        "format": "gguf",
        "family": family,
        "families": [family],
        "parameter_size": f"{model.parameters / 1e6:.1f}M" if one.writes else "",
        "quantization_level": model.codec if one.writes else "",
    }
