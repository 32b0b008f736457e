"""POST /api/embed, and the older /api/embeddings, as Ollama has them."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from penjing.core.protocols import Embedder
from penjing.serve import limits
from penjing.serve.api.shapes import REFUSALS
from penjing.serve.desk import desk_of
from penjing.serve.embedding import Overflow, embedded
from penjing.serve.ollama.models import bare
from penjing.serve.ollama.shapes import KeepAlive, Loose, ModelName, Options, named
from penjing.serve.openai.models import require_embedder
from penjing.serve.refusals import BadParameter
from penjing.serve.strict import UntypedRoute
from penjing.serve.who import who_of

router = APIRouter(route_class=UntypedRoute, responses=REFUSALS)

Input = Annotated[str, Field(max_length=limits.TEXT)]


class EmbedBody(Loose):
    """Texts. One that is too long is cut, as Ollama does, unless `truncate` is false."""

    model: ModelName
    input: Input | Annotated[list[Input], Field(max_length=limits.EMBEDDED)]
    truncate: bool | None = None
    dimensions: Annotated[int, Field(ge=1, le=65536)] | None = None
    options: Options | None = None
    keep_alive: KeepAlive | None = None


class EmbeddingsBody(Loose):
    """One text, in the older shape."""

    model: ModelName
    prompt: Input
    options: Options | None = None
    keep_alive: KeepAlive | None = None


@router.post("/api/embed", response_model=None)
async def embed(body: EmbedBody, request: Request) -> Response:
    """Vectors of texts."""
    began = time.monotonic()
    texts = [body.input] if isinstance(body.input, str) else body.input
    overflow: Overflow = "refuse" if body.truncate is False else "cut"
    vectors, count = await _vectors(request, body.model, texts, overflow, body.dimensions)
    document = {
        "model": body.model,
        "embeddings": vectors,
        "total_duration": int((time.monotonic() - began) * 1e9),
        "load_duration": 0,
        "prompt_eval_count": count,
    }
    return named(JSONResponse(document), body.ignored())


@router.post("/api/embeddings", response_model=None)
async def embeddings(body: EmbeddingsBody, request: Request) -> Response:
    """The vector of one text."""
    vectors, _ = await _vectors(request, body.model, [body.prompt], "cut")
    return named(JSONResponse({"embedding": vectors[0]}), body.ignored())


async def _vectors(
    request: Request, model: str, texts: list[str], overflow: Overflow, numbers: int | None = None
) -> tuple[list[list[float]], int]:
    desk, who = desk_of(request), who_of(request)
    embedder = require_embedder(desk.services, bare(model))
    if not texts:
        return [], 0
    release = desk.quota.take(who.person)
    try:
        return await desk.threads.run(_embed, embedder, texts, overflow, numbers)
    finally:
        release()


def _embed(
    embedder: Embedder, texts: list[str], overflow: Overflow, numbers: int | None
) -> tuple[list[Any], int]:
    if numbers is not None and numbers != embedder.dimension:
        raise BadParameter(f"its vectors have {embedder.dimension} numbers", "dimensions")
    vectors, count = embedded(embedder, texts, overflow)
    return [[float(number) for number in vector] for vector in vectors], count
