"""POST /v1/embeddings, where the server was started with an embedding model.

A text longer than the model reads is refused, as OpenAI does, unless the request says what to do
with it: `overflow` is `pool` (its pieces' vectors, weighed by their tokens) or `cut`.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, BeforeValidator, Field
from starlette.responses import JSONResponse, Response

from penjing.core.protocols import Embedder
from penjing.serve import limits
from penjing.serve.desk import desk_of
from penjing.serve.embedding import Overflow, embedded
from penjing.serve.openai.lenient import Lenient, named
from penjing.serve.openai.models import require_embedder
from penjing.serve.openai.shapes import REFUSALS
from penjing.serve.refusals import BadParameter
from penjing.serve.strict import StrictRoute
from penjing.serve.who import who_of

router = APIRouter(route_class=StrictRoute)

Input = Annotated[str, Field(min_length=1, max_length=limits.TEXT)]


def _texts(given: Any) -> Any:
    numbers = given[0] if isinstance(given, list) and given else None
    if isinstance(numbers, list) and numbers:
        numbers = numbers[0]
    if isinstance(numbers, int):
        raise ValueError(
            "numbers are tokens of some other model, which mean nothing to this one: send texts "
            "(LangChain: OpenAIEmbeddings(check_embedding_ctx_length=False))"
        )
    return given


class EmbeddingRequest(Lenient):
    """As OpenAI has it, but inputs are texts: tokens of one model mean nothing to another."""

    model: Annotated[str, Field(max_length=256)]
    input: Annotated[
        Input | Annotated[list[Input], Field(min_length=1, max_length=limits.EMBEDDED)],
        BeforeValidator(_texts),
    ]
    overflow: Overflow | None = None
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(default=None, ge=1, le=65536)
    user: Annotated[str, Field(max_length=256)] | None = None


class Embedding(BaseModel):
    """One text's vector."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingUsage(BaseModel):
    """Tokens that were read; what was cut from a text is not among them."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(BaseModel):
    """All vectors, in the order of the texts."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage


@router.post("/v1/embeddings", response_model=EmbeddingList, responses=REFUSALS)
async def create(body: EmbeddingRequest, request: Request) -> Response:
    """Vectors of texts."""
    desk, who = desk_of(request), who_of(request)
    embedder = require_embedder(desk.services, body.model)
    texts = [body.input] if isinstance(body.input, str) else body.input
    release = desk.quota.take(who.person)
    try:
        vectors, count = await desk.threads.run(_embed, embedder, body, texts)
    finally:
        release()
    data = [
        {"object": "embedding", "index": index, "embedding": vector}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": count, "total_tokens": count}
    document = {"object": "list", "data": data, "model": body.model, "usage": usage}
    return named(JSONResponse(document), body)


def _embed(embedder: Embedder, body: EmbeddingRequest, texts: list[str]) -> tuple[list[Any], int]:
    """Vectors and tokens; not on the event loop, as a model may have to be loaded first."""
    if body.dimensions is not None and body.dimensions != embedder.dimension:
        raise BadParameter(f"its vectors have {embedder.dimension} numbers", "dimensions")
    vectors, count = embedded(embedder, texts, body.overflow or "refuse")
    if body.encoding_format != "base64":
        return [[float(number) for number in vector] for vector in vectors], count
    little = vectors.astype("<f4")
    return [base64.b64encode(vector.tobytes()).decode("ascii") for vector in little], count
