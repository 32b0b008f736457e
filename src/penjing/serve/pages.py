"""The web page: the files that `make web` built into `page/`, and not one more.

They are read once into a dictionary by their address: no path is ever made of what was asked for.
Knows nobody and nothing of what they say; the sources are in `web/`.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

ASSETS = "assets/"
"""Files with a hash in their name: what stands under one name never changes."""
_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
_FOR_EVER = "public, max-age=31536000, immutable"
_NEVER = "no-store"
_START = "index.html"


@dataclass(frozen=True)
class File:
    """One file of the page."""

    data: bytes
    """Its bytes."""
    media: str
    """Its media type."""
    caching: str
    """How long a browser may keep it."""

    @cached_property
    def packed(self) -> bytes:
        """The same in gzip. It holds nothing that anybody sent, so its length tells nothing."""
        return gzip.compress(self.data, 9, mtime=0)


def router() -> APIRouter:
    """What serves them. HEAD is answered like GET; the server leaves the body out."""
    page = dict(_files())
    made = APIRouter(include_in_schema=False)

    @made.api_route("/", methods=["GET", "HEAD"])
    async def start(request: Request) -> Response:
        return _answer(page[_START], request)

    def beside(name: str) -> None:
        @made.api_route(f"/{name}", methods=["GET", "HEAD"])
        async def named(request: Request) -> Response:
            return _answer(page[name], request)

    for name in page:
        if "/" not in name and name != _START:
            beside(name)

    @made.api_route("/assets/{name:path}", methods=["GET", "HEAD"])
    async def asset(name: str, request: Request) -> Response:
        found = page.get(ASSETS + name)
        if found is None:
            raise HTTPException(404)
        return _answer(found, request)

    return made


def _answer(file: File, request: Request) -> Response:
    headers = {"cache-control": file.caching, "vary": "accept-encoding"}
    taken = request.headers.get("accept-encoding", "").replace(" ", "").split(",")
    if "gzip" not in taken or file.media.startswith("image/png"):
        return Response(file.data, 200, headers, file.media)
    return Response(file.packed, 200, {**headers, "content-encoding": "gzip"}, file.media)


def _files() -> Iterator[tuple[str, File]]:
    """Every file of the package that a page may be made of, by its address."""
    for path, found in _below(files("penjing.serve") / "page", ""):
        media = _TYPES.get(path[path.rfind(".") :])
        if media is not None:
            caching = _FOR_EVER if path.startswith(ASSETS) else _NEVER
            yield path, File(found.read_bytes(), media, caching)


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for one in folder.iterdir():
        if one.is_dir():
            yield from _below(one, f"{prefix}{one.name}/")
        else:
            yield f"{prefix}{one.name}", one
