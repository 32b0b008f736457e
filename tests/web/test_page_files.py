"""What is served of the page, how it is labelled, and that nothing else is. Needs no browser."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest
from garden import Garden, garden


@pytest.fixture(scope="module")
def place() -> Iterator[Garden]:
    with garden() as running:
        yield running


def get(place: Garden, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", place.way.port, timeout=10)
    try:
        connection.putrequest(method, path, skip_host=False)
        connection.endheaders()
        reply = connection.getresponse()
        return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
    finally:
        connection.close()


def assets(place: Garden) -> list[str]:
    start = get(place, "/")[2].decode()
    return [part.partition('"')[0] for part in start.split('"') if part.startswith("/assets/")]


def test_the_start_is_never_cached(place: Garden) -> None:
    status, headers, body = get(place, "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert headers["cache-control"] == "no-store"
    assert b'<div id="page">' in body


def test_hashed_files_are_cached_for_ever_and_have_their_type(place: Garden) -> None:
    types = {}
    for path in assets(place):
        status, headers, body = get(place, path)
        assert status == 200
        assert "immutable" in headers["cache-control"]
        assert headers["x-content-type-options"] == "nosniff"
        assert body
        types[path.rpartition(".")[2]] = headers["content-type"]
    assert types == {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}


def test_the_icon_is_served(place: Garden) -> None:
    assert get(place, "/favicon.svg")[1]["content-type"] == "image/svg+xml"
    assert get(place, "/licences.txt")[1]["content-type"].startswith("text/plain")


def test_head_is_answered_like_get_without_a_body(place: Garden) -> None:
    status, headers, body = get(place, "/", "HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) == len(get(place, "/")[2])


def test_the_policy_allows_no_inline_script_or_style_and_no_other_host(place: Garden) -> None:
    policy = get(place, "/")[1]["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../index.html",
        "/assets/%2e%2e/index.html",
        "/assets/..%2f..%2fapp.py",
        "/assets/%2e%2e%2f%2e%2e%2fpages.py",
        "/assets//etc/passwd",
        "/assets/....//....//app.py",
        "/assets/..\\..\\app.py",
        "/assets/build.json",
        "/assets/",
        "/assets",
        "/assets/index.js%00.css",
    ],
)
def test_nothing_else_is_served(place: Garden, path: str) -> None:
    status, headers, body = get(place, path)
    assert status in (400, 401, 404), body
    assert "immutable" not in headers.get("cache-control", "")
    assert b"import" not in body
