"""/openapi.json says of every operation which scope a token needs for it.

It is read from the very table that the door asks (`door/scopes.py`), so that they cannot differ.
"""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI

from penjing.serve.door import cookies
from penjing.serve.door.csrf import HEADER
from penjing.serve.door.login import LOGIN, LOGOUT, LONGEST_NAME, ONCE
from penjing.serve.door.public import is_open
from penjing.serve.door.scopes import LEAST, SCOPES, SERVER, in_order, needed_for
from penjing.serve.door.tokens import LONGEST_LABEL
from penjing.serve.door.tokens import PATH as TOKENS
from penjing.vault.envelope import LONGEST

TOKEN, PAGE = "bearer", "page"
"""Names of the two ways to prove who one is."""
_METHODS = ("get", "head", "post", "put", "patch", "delete")


class DocumentedApp(FastAPI):
    """The framework's app, whose document tells of scopes."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            document["paths"] |= at_the_door()
            self.openapi_schema = with_scopes(document)
        return self.openapi_schema


def with_scopes(document: dict[str, Any]) -> dict[str, Any]:
    """A document with both ways to come in, and at each operation what it takes."""
    document.setdefault("components", {})["securitySchemes"] = _schemes()
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                _tell(operations[method], method.upper(), re.sub(r"\{[^}]*\}", "x", path))
    return document


def at_the_door() -> dict[str, Any]:
    """The operations that the door answers itself, before the framework sees them."""
    person = ("application/json", {"$ref": "#/components/schemas/Me"})
    token = {"type": "object", "properties": _TOKEN}
    made = {"type": "object", "properties": {**_TOKEN, "token": {"type": "string"}}}
    path = [{"name": "token", "in": "path", "required": True, "schema": _text(_NAME)}]
    return {
        LOGIN: {
            "post": _operation(
                "Log in by name and passphrase: the answer sets the session's cookie.",
                _object({"name": _text(LONGEST_NAME), "passphrase": _text(LONGEST)}),
                {200: person},
            )
        },
        ONCE: {
            "post": _operation(
                "Log in with the code of the link that was printed; with a vault it tells who may "
                "log in and logs in nobody.",
                _object({"code": _text(_NAME)}),
                {200: ("application/json", {"type": "object"})},
            )
        },
        LOGOUT: {"post": _operation("End this session.", None, {204: None})},
        TOKENS: {
            "get": _operation(
                "Your tokens, without their secrets.",
                None,
                {200: ("application/json", {"type": "array", "items": token})},
            ),
            "post": _operation(
                "A new token. Its text is told this once. `admin` takes the passphrase too.",
                _object(
                    {
                        "label": _text(LONGEST_LABEL),
                        "scopes": {"type": "array", "items": {"enum": [*SCOPES]}},
                        "passphrase": _text(LONGEST),
                    },
                    "label",
                ),
                {201: ("application/json", made)},
            ),
        },
        f"{TOKENS}/{{token}}": {
            "delete": {
                **_operation("Remove a token: it opens nothing from now on.", None, {204: None}),
                "parameters": path,
            }
        },
    }


_NAME = 256
_TOKEN: dict[str, dict[str, Any]] = {
    "id": {"type": "string"},
    "label": {"type": "string"},
    "made": {"type": "number"},
    "scopes": {"type": "array", "items": {"type": "string"}},
    "note": {"type": "string"},
}
_REFUSALS = {
    "401": "nobody is logged in, or name and passphrase are not right",
    "403": "not permitted",
    "404": "not yours, or not there",
    "405": "no such method",
    "408": "the body came too slowly",
    "409": "not now",
    "413": "too large",
    "415": "not JSON",
    "422": "a value cannot be used",
    "429": "too many tries: wait",
    "503": "too many at once: try again",
}


def _operation(
    about: str, body: dict[str, Any] | None, answers: dict[int, tuple[str, Any] | None]
) -> dict[str, Any]:
    found: dict[str, Any] = {"summary": about, "responses": {}}
    if body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    for status, shape in answers.items():
        content = {"content": {shape[0]: {"schema": shape[1]}}} if shape else {}
        found["responses"][str(status)] = {"description": "done", **content}
    refused = {"application/json": {"schema": {"$ref": "#/components/schemas/Refused"}}}
    for refusal, line in _REFUSALS.items():
        found["responses"][refusal] = {"description": line, "content": refused}
    return found


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*(required or properties)]}


def _text(longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest}


def _tell(operation: dict[str, Any], method: str, path: str) -> None:
    if is_open(method, path) or path in (LOGIN, ONCE):
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
