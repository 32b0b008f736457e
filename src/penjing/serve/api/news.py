"""/api/news: what an open page asks now and then, to show what rang or was said elsewhere.

The door does not count it as being used (`door.NEWS`): a page that lies open logs itself out.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from penjing.serve.api.shapes import REFUSALS
from penjing.serve.door.door import NEWS
from penjing.serve.strict import StrictRoute
from penjing.serve.who import who_of

router = APIRouter(route_class=StrictRoute, responses=REFUSALS)


class NewsDocument(BaseModel):
    """Where something was said last; nulls where nothing was."""

    session: str | None
    spoke: float | None


@router.get(NEWS, response_model=NewsDocument)
def news(request: Request) -> dict[str, Any]:
    """The session last spoken in, and when."""
    newest = next(iter(who_of(request).store.history.sessions()), None)
    return {
        "session": newest.id if newest else None,
        "spoke": newest.spoke if newest else None,
    }
