"""/openapi.json says of every operation which scope a token needs for it.

It is read from the very table that the door asks (`door/scopes.py`), so that they cannot differ.
"""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI

from penjing.serve.door import cookies
from penjing.serve.door.csrf import HEADER
from penjing.serve.door.public import is_open
from penjing.serve.door.scopes import LEAST, SCOPES, SERVER, in_order, needed_for

TOKEN, PAGE = "bearer", "page"
"""Names of the two ways to prove who one is."""
_METHODS = ("get", "head", "post", "put", "patch", "delete")


class Documented(FastAPI):
    """The framework's app, whose document tells of scopes."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = with_scopes(super().openapi())
        return self.openapi_schema


def with_scopes(document: dict[str, Any]) -> dict[str, Any]:
    """A document with both ways to come in, and at each operation what it takes."""
    document.setdefault("components", {})["securitySchemes"] = _schemes()
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                _tell(operations[method], method.upper(), re.sub(r"\{[^}]*\}", "x", path))
    return document


def _tell(operation: dict[str, Any], method: str, path: str) -> None:
    if is_open(method, path):
        operation["security"] = []
        return
    needed = needed_for(method, path) or frozenset()
    scopes = in_order(needed)
    operation["x-scopes"] = [*scopes]
    operation["security"] = [*({TOKEN: [one]} for one in scopes), {PAGE: []}]
    line = f"A token needs the scope {' or '.join(f'`{one}`' for one in scopes)}."
    if not scopes:
        line = "No token may do this: it takes a login."
    if SERVER in needed and len(scopes) < len(SCOPES):
        line += " The server's own token may do it too."
    about = operation.get("description", "")
    operation["description"] = f"{about}\n\n{line}" if about else line


def _schemes() -> dict[str, Any]:
    lines = "\n".join(f"- `{name}`: {line}" for name, line in SCOPES.items())
    token = (
        "A token, made in the page under Settings. It has the scopes that its person gave it, "
        f"`{LEAST}` where nothing was said:\n\n{lines}"
    )
    page = f"A login in a browser. What acts needs the header {HEADER}, as GET /api/me tells it."
    return {
        TOKEN: {"type": "http", "scheme": "bearer", "description": token},
        PAGE: {"type": "apiKey", "in": "cookie", "name": cookies.SESSION, "description": page},
    }
