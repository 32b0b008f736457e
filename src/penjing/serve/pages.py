"""The web page: the files that `make web` built into `page/`, and not one more.

They are read once into a dictionary by their address: no path is ever made of what was asked for.
Knows nobody and nothing of what they say; the sources are in `web/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter
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


def router() -> APIRouter:
    """What serves them. HEAD is answered like GET; the server leaves the body out."""
    page = dict(_files())
    made = APIRouter(include_in_schema=False)

    @made.api_route("/", methods=["GET", "HEAD"])
    async def start() -> Response:
        return _answer(page[_START])

    def beside(name: str) -> None:
        @made.api_route(f"/{name}", methods=["GET", "HEAD"])
        async def named() -> Response:
            return _answer(page[name])

    for name in page:
        if "/" not in name and name != _START:
            beside(name)

    @made.api_route("/assets/{name:path}", methods=["GET", "HEAD"])
    async def asset(name: str) -> Response:
        found = page.get(ASSETS + name)
        if found is None:
            raise HTTPException(404)
        return _answer(found)

    return made


def _answer(file: File) -> Response:
    return Response(file.data, 200, {"cache-control": file.caching}, file.media)


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
