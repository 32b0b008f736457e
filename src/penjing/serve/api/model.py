"""GET /api/model: what answers here, and what is known of it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from penjing.serve.api.shapes import REFUSALS
from penjing.serve.desk import desk_of
from penjing.serve.strict import StrictRoute
from penjing.serve.who import who_of

router = APIRouter(prefix="/api/model", route_class=StrictRoute, responses=REFUSALS)


class ModelPassport(BaseModel):
    """The model's passport as data."""

    name: str
    manifest: dict[str, Any]
    passport: dict[str, Any] | None
    device: str


@router.get("", response_model=ModelPassport)
def passport(request: Request) -> dict[str, Any]:
    """The model that answers."""
    who_of(request)
    model = desk_of(request).services.model
    measured = None if model.passport is None else dict(model.passport)
    about = {"name": model.name, "manifest": dict(model.manifest)}
    return {**about, "passport": measured, "device": model.device}
