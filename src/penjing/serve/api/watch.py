"""/health for whoever watches the process, /metrics for who keeps its numbers."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel
from starlette.responses import Response

from penjing.serve.api.shapes import REFUSALS
from penjing.serve.desk import desk_of
from penjing.serve.strict import StrictRoute

router = APIRouter(route_class=StrictRoute)


class HealthDocument(BaseModel):
    """Whether it answers."""

    status: Literal["ok", "down"]


@router.get(
    "/health",
    response_model=HealthDocument,
    responses={503: {"model": HealthDocument, "description": "the engine is down"}},
)
def health(request: Request) -> Response:
    """Whether the engine takes requests."""
    ready = desk_of(request).services.scheduler.health().ready
    return JSONResponse({"status": "ok" if ready else "down"}, 200 if ready else 503)


@router.get("/metrics", response_class=PlainTextResponse, responses=REFUSALS)
async def metrics(request: Request) -> Response:
    """Prometheus' text format. The door asks who may see it."""
    desk = desk_of(request)
    text = desk.metrics.text(desk.services.scheduler.health())
    return Response(text, media_type="text/plain; version=0.0.4")
