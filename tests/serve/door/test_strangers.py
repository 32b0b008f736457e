"""Whatever a stranger sends: an answer, no exception, and never a person behind it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from doorway import TOKEN, describe
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.serve.door import cookies, hosts
from penjing.serve.door.accounts import OneOwner
from penjing.serve.door.door import Door
from penjing.serve.door.settings import DoorSettings
from penjing.serve.door.visit import Visit

HOST = (b"host", b"127.0.0.1:80")
NAMES = st.sampled_from(
    [b"host", b"origin", b"cookie", b"authorization", b"x-csrf-token", b"content-type",
     b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest", b"content-length", b"x"]
)  # fmt: skip
VALUES = st.binary(max_size=60) | st.sampled_from(
    [b"127.0.0.1:80", b"http://127.0.0.1:80", b"same-origin", b"Bearer ", b"penjing=x",
     b"penjing=", b"application/json", b"Bearer \xff", b"penjing=\xff; penjing-ticket=1"]
)  # fmt: skip
PATHS = st.text(max_size=40).map(lambda text: f"/{text}") | st.sampled_from(
    ["/", "/health", "/api/me", "/api/login", "/api/login/once", "/api/logout", "/metrics",
     "/api/me/tokens", "/assets/x", "/v1/models"]
)  # fmt: skip
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", ""])


async def nobody(scope: Any, receive: Any, send: Any) -> None:
    """What is behind the door: it must never see a person here."""
    assert "who" not in scope["state"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def visited(method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes) -> list[Any]:
    """What the door answers to one request."""
    sent: list[Any] = []
    scope = {
        "type": "http", "method": method, "path": path, "query_string": b"",
        "raw_path": path.encode("utf-8", "surrogatepass"), "headers": headers,
        "client": ("192.0.2.1", 5), "server": ("127.0.0.1", 80), "state": {"who": "forged"},
    }  # fmt: skip

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def ask() -> None:
        door = Door(nobody, OneOwner(), DoorSettings(port=80), describe, token=TOKEN)
        await door(scope, receive, send)

    asyncio.run(ask())
    return sent


@settings(max_examples=300)
@given(METHODS, PATHS, st.lists(st.tuples(NAMES, VALUES), max_size=8), st.binary(max_size=80))
def test_any_request_has_an_answer(
    method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    for given_headers in (headers, [HOST, *headers]):
        start, *rest = visited(method, path, given_headers, body)
        assert start["type"] == "http.response.start"
        assert start["status"] in (200, 400, 401, 403, 405, 414, 415, 421, 422, 429, 431)
        assert dict(start["headers"])[b"x-content-type-options"] == b"nosniff"
        assert [one["type"] for one in rest] == ["http.response.body"]


@given(st.text(max_size=30))
def test_a_host_is_ours_or_not(text: str) -> None:
    visit = Visit({"headers": [], "server": ("192.0.2.7", 80)})
    ours = hosts.is_ours(text, visit, DoorSettings(port=80))
    if ours:
        assert text.lower().removesuffix(":80") in (
            "127.0.0.1", "localhost", "[::1]", "192.0.2.7",
        )  # fmt: skip


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_cookie_is_read_from_its_own_pair(before: str, after: str) -> None:
    value = "A" * 43
    header = f"{before}; penjing={value}; {after}".encode("latin-1", "replace")
    visit = Visit({"headers": [(b"cookie", header)]})
    got = cookies.read(visit, cookies.SESSION, tls=False)
    assert got == value or "penjing" in before + after


def test_a_person_in_the_scope_from_before_is_not_believed() -> None:
    start, _ = visited("GET", "/health", [HOST], b"")
    assert start["status"] == 200


def test_a_refusal_is_quick() -> None:
    began = time.monotonic()
    for _ in range(50):
        visited("POST", "/api/sessions", [HOST], b"{}")
    assert time.monotonic() - began < 5
