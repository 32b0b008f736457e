"""/api/documents: what a person added, and its text around a passage.

A document is kept first and indexed after the answer, by a thread; the list says how far that is.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from penjing.core.history import Document
from penjing.core.naming import free_name
from penjing.core.protocols import Store
from penjing.serve import limits
from penjing.serve.api.shapes import REFUSALS, Id
from penjing.serve.desk import Desk, desk_of
from penjing.serve.refusals import BadParameter, Conflict
from penjing.serve.strict import StrictRoute
from penjing.serve.who import who_of
from penjing.serve.words import NAME

router = APIRouter(prefix="/api/documents", route_class=StrictRoute, responses=REFUSALS)

_MEDIA = "application/octet-stream"
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class DocumentDocument(BaseModel):
    """A document."""

    id: str
    name: str
    media: str
    size: int
    added: float
    passages: int
    state: Literal["kept", "indexing", "ready", "failed"]
    problem: str


class Piece(BaseModel):
    """Some of a document's text."""

    text: str
    start: int
    end: int


@router.get("", response_model=list[DocumentDocument])
def every(request: Request) -> list[dict[str, Any]]:
    """All, newest first."""
    desk, store = desk_of(request), who_of(request).store
    return [_document(desk, store, one) for one in store.documents.all()]


@router.post("", response_model=DocumentDocument, openapi_extra=_BODY)
async def add(
    request: Request, name: Annotated[str, Query(max_length=limits.NAME, pattern=NAME)]
) -> dict[str, Any]:
    """Keep a document: the body is its bytes, Content-Type its kind."""
    desk, who = desk_of(request), who_of(request)
    release = desk.uploads.take(who.person)
    try:
        data = bytearray()
        async for piece in request.stream():
            data += piece
        if not data:
            raise BadParameter("the document is empty: send its bytes as the body", None)
        name = free_name(name, sha256(data).hexdigest(), who.store.documents.all())
        media = request.headers.get("content-type", _MEDIA).partition(";")[0].strip()[:100]
        kept = await desk.threads.run(who.store.documents.add, name, media or _MEDIA, bytes(data))
    finally:
        release()
    if desk.services.index is not None:
        desk.indexing.begin(desk.services.index, who.store, kept)
    return await desk.threads.run(_document, desk, who.store, kept)


@router.delete("/{document}", status_code=204)
def delete(document: Id, request: Request) -> Response:
    """Remove it and its passages."""
    who_of(request).store.documents.delete(document)
    desk_of(request).indexing.forget(document)
    return Response(status_code=204)


@router.get("/{document}/text", response_model=Piece)
def text(
    document: Id,
    request: Request,
    start: Annotated[int, Query(ge=0, le=2**53)] = 0,
    end: Annotated[int, Query(ge=0, le=2**53)] = limits.EXCERPT,
) -> dict[str, Any]:
    """Its plain text from `start` to `end`, of which 4000 characters at most."""
    who, read = who_of(request), desk_of(request).services.read
    end = max(start, min(end, start + limits.EXCERPT))
    piece = None if read is None else read(who.person, who.store, document, start, end)
    if piece is None:
        piece = _plain(who.store, document, start, end)
    return {"text": piece, "start": start, "end": start + len(piece)}


def _plain(store: Store, document: str, start: int, end: int) -> str:
    data = store.documents.read(document)
    media = next(one.media for one in store.documents.all() if one.id == document)
    if not media.startswith("text/"):
        raise Conflict("of this document no plain text can be read here: it is kept as it is")
    return data.decode("utf-8", "replace")[start:end]


def _document(desk: Desk, store: Store, one: Document) -> dict[str, Any]:
    about = {"id": one.id, "name": one.name, "media": one.media, "size": one.size}
    return {**about, "added": one.added, **desk.indexing.state(store, one.id)}
