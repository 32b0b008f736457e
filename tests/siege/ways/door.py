"""Requests in good HTTP with anything in path, query, headers and body, from anybody."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import mutate
from attacked import PLANTED, Attacked, attacked, plant, sound
from doorway import Caller
from ground import SIGN, Ground
from way import Way

_METHODS = ("GET", "GET", "POST", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")
_LAST = ("/api/me/wipe", "/api/me/passphrase", "/api/people", "/api/logout", "/api/me/tokens")
"""What ends the siege for those who are logged in: only strangers ask these, and Ben's token."""
_ODD = (
    "", "..", "%2e%2e", "%00", "a" * 3000, "盆景", "%", "\\", "0", "-1", "null", "*", "' OR 1=1 --",
    "../../decoys/passwd", "%2fetc%2fpasswd", "f" * 32, "{}", "<script>", "%0d%0aX: 1", "\u202e",
)  # fmt: skip
_HEADERS = {
    "Host": ("evil.example", "localhost", "", "127.0.0.1:1", "127.0.0.1@evil", "a" * 5000),
    "Origin": ("null", "http://evil.example", "http://localhost", ""),
    "Authorization": (
        "Bearer x",
        "Bearer",
        "Basic YTpi",
        "Bearer pj-" + "0" * 32,
        "bearer  ",
        "\x80",
    ),
    "Cookie": ("penjing=x", "penjing=" + "a" * 4000, "penjing=a; penjing=b", ";;;=", "a" * 8000),
    "Content-Type": (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "",
    ),
    "Content-Encoding": ("gzip", "br", "identity"),
    "X-CSRF-Token": ("x", "", "a" * 3000),
    "X-Forwarded-For": ("1.2.3.4", "127.0.0.1"),
    "Range": ("bytes=0-1,2-3,4-5", "bytes=-1", "bytes=99999999999999999999-"),
    "Accept-Encoding": ("gzip", "*"),
    "Sec-Fetch-Site": ("cross-site", "same-origin", "x"),
    "Transfer-Encoding": ("identity",),
    "Connection": ("close", "Upgrade"),
    "Upgrade": ("websocket", "h2c"),
    "Idempotency-Key": ("x" * 300,),
}


@dataclass
class _State:
    server: Attacked
    operations: list[tuple[str, str, Any]]
    """Method, path and an example of a body."""


def _prepare(ground: Ground) -> _State:
    server = attacked(ground)
    plant(server)
    document = server.caller("Anna").ask("GET", "/openapi.json").json
    operations = [
        (method.upper(), path, _example(document, operation))
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in ("get", "post", "put", "patch", "delete") and path != "/api/logout"
    ]
    return _State(server, operations)


def _example(document: Any, operation: Any) -> Any:
    content = operation.get("requestBody", {}).get("content", {})
    return _made(document, content.get("application/json", {}).get("schema", {}), 4)


def _made(document: Any, schema: Any, depth: int) -> Any:
    if depth == 0 or not isinstance(schema, dict):
        return None
    if "$ref" in schema:
        return _made(
            document, document["components"]["schemas"][schema["$ref"].split("/")[-1]], depth
        )
    for many in ("anyOf", "oneOf", "allOf"):
        if schema.get(many):
            return _made(document, schema[many][0], depth)
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        parts = schema.get("properties", {})
        return {name: _made(document, part, depth - 1) for name, part in parts.items()}
    if kind == "array":
        return [_made(document, schema.get("items", {}), depth - 1)]
    if "enum" in schema:
        return schema["enum"][0]
    return {"string": "hello", "integer": 2, "number": 0.5, "boolean": False}.get(str(kind))


def _case(state: _State, random: Random, folder: Path) -> str | None:
    method, path, body = _request(state, random)
    who = random.choice((None, None, "Anna", "Ben", "Gil"))
    if who is not None and (path.startswith(_LAST) or (who == "Anna" and method == "DELETE")):
        who = None
    caller = state.server.caller(who) if who else Caller(state.server.port)
    headers = {
        name: random.choice(_HEADERS[name])
        for name in random.sample(list(_HEADERS), random.choice((0, 0, 1, 2, 5)))
    }
    address = f"127.0.0.{random.randrange(2, 250)}"
    caller = Caller(caller.port, dict(caller.cookies), caller.csrf, address)
    try:
        reply = caller.ask(method, path, body, headers, timeout=10)
    except (http.client.HTTPException, UnicodeError, ValueError):
        return None  # what cannot be sent, or a reply that our client does not take
    except ConnectionError:
        return state.server.well()
    if who != "Anna" and (PLANTED.encode() in reply.body or SIGN.encode() in reply.body):
        return f"{method} {path[:100]} told {who} what is Anna's"
    fell = sound(reply)
    return fell and f"{method} {path[:100]} by {who}: {fell}"


def _request(state: _State, random: Random) -> tuple[str, str, Any]:
    method, path, body = random.choice(state.operations)
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + random.choice(_ODD) + rest.partition("}")[2]
    if random.random() < 0.2:
        method = random.choice(_METHODS)
    if random.random() < 0.15:
        path += random.choice(
            ("/", "?", "?a=b", "//", "/.", ";x", "?limit=-1", "?name=../x&name=y")
        )
    path = "".join(char if char.isprintable() and char != " " else "%20" for char in path)
    data: Any = body
    if body is not None or method in ("POST", "PUT", "PATCH"):
        text = json.dumps(body) if random.random() < 0.3 else mutate.json_text(random, body)
        data = text.encode("utf-8", "surrogatepass")
        if random.random() < 0.1:
            data = mutate.spoiled_bytes(random, data)
    return method, path.encode("utf-8").decode("latin-1"), data


def _finish(state: _State) -> list[str]:
    anna = state.server.caller("Anna")
    kept = PLANTED.encode() in anna.ask("POST", "/api/search", {"words": PLANTED}).body
    return [*([] if kept else ["what Anna said is gone"]), *state.server.stop()]


WAY = Way(
    "door",
    "requests with anything in them, from anybody: no 5xx, nothing of others told, nothing lost",
    _prepare,
    _case,
    forked=False,
    finish=_finish,
)
