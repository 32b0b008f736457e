"""/api/settings: what a person chose for themselves."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from penjing.core.protocols import Settings
from penjing.serve.api.shapes import REFUSALS
from penjing.serve.strict import Strict, StrictRoute
from penjing.serve.who import who_of
from penjing.vault.retention import DAYS, MOST_DAYS

router = APIRouter(prefix="/api/settings", route_class=StrictRoute, responses=REFUSALS)

_NAMES = {"language": "language", "theme": "theme", "keep_days": DAYS}


class Chosen(Strict):
    """All of it; what is null is as it comes."""

    language: Literal["en", "zh"] | None = None
    theme: Literal["light", "dark"] | None = None
    keep_days: int | None = Field(default=None, ge=1, le=MOST_DAYS)


class ChosenDocument(BaseModel):
    """What was chosen."""

    language: str | None
    theme: str | None
    keep_days: int | None


@router.get("", response_model=ChosenDocument)
def get(request: Request) -> dict[str, Any]:
    """All of it."""
    return _document(who_of(request).store.settings)


@router.put("", response_model=ChosenDocument)
def put(body: Chosen, request: Request) -> dict[str, Any]:
    """Choose."""
    settings = who_of(request).store.settings
    for field, name in _NAMES.items():
        value = getattr(body, field)
        if value is None:
            settings.drop(name)
        else:
            settings.put(name, str(value))
    return _document(settings)


def _document(settings: Settings) -> dict[str, Any]:
    kept = {field: settings.get(name) for field, name in _NAMES.items()}
    days = kept["keep_days"]
    return {**kept, "keep_days": None if days is None else int(days)}
