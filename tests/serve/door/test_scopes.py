"""The table of scopes is whole: every route of the app and of the door has a row, and no other has.

What each row says is held against the server in tests/security/test_token_scopes.py.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from hypothesis import example, given
from hypothesis import strategies as st

import penjing.serve.door as door
from penjing.serve.app import build_app
from penjing.serve.documented import with_scopes
from penjing.serve.door import scopes
from penjing.serve.door.login import LOGIN, ONCE
from penjing.serve.door.public import is_open, is_public
from penjing.serve.door.visit import Visit
from penjing.serve.people import Alone
from penjing.serve.services import Model, Services
from penjing.testing.scheduler import FakeScheduler
from penjing.vault.memory import MemoryStore

BEFORE_ANYBODY_IS_ASKED = {("POST", LOGIN), ("POST", ONCE)}
"""They prove who it is; a token that comes along means nothing there."""


@pytest.fixture(scope="module")
def app() -> Iterator[FastAPI]:
    with FakeScheduler() as scheduler:
        yield build_app(Services(scheduler, Model("fake"), Alone(MemoryStore()))).fastapi


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """Method and path of all that the app answers; "x" is a part of anybody's choice."""
    return [*walked(app.routes)]


def walked(found: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """A kind of route that is not known here has no `methods`, and fails the test."""
    for one in found:
        if hasattr(one, "original_router"):  # how this framework keeps an included router
            yield from walked(one.original_router.routes)
            continue
        for method in one.methods:
            yield method, re.sub(r"\{[^}]+\}", "x", one.path)


def without_a_row(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [one for one in found if not is_open(*one) and scopes.needed_for(*one) is None]


def test_every_route_of_the_app_has_a_row(app: FastAPI) -> None:
    found = routes(app)
    assert len(found) > 35
    assert without_a_row(found) == []


def test_one_more_route_without_a_row_is_noticed(app: FastAPI) -> None:
    """A file of its own is all that a noun of the API takes: this is what fails then."""
    more, router = FastAPI(), APIRouter()

    @router.post("/api/doors/{door}/open")
    def unlock(door: str) -> str:
        return door

    more.include_router(router)
    assert ("POST", "/api/doors/x/open") in without_a_row(routes(more))


def paths_of_the_door() -> set[str]:
    """Every address that stands in the door's sources."""
    found = set()
    for file in Path(str(door.__file__)).parent.glob("*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        texts = {one.value for one in ast.walk(tree) if isinstance(one, ast.Constant)}
        if file.name != "scopes.py":
            found |= {one for one in texts if isinstance(one, str) and one.startswith("/api/")}
    return {one for one in found if " " not in one and "\n" not in one}


def test_every_address_of_the_door_has_a_row() -> None:
    found = paths_of_the_door()
    assert {LOGIN, ONCE, "/api/logout", "/api/me/tokens"} <= found
    named = {path for _, path, _ in scopes.TABLE} | {path for _, path in BEFORE_ANYBODY_IS_ASKED}
    assert found <= named


def test_every_row_is_of_something_that_is_there(app: FastAPI) -> None:
    answered = {*routes(app), ("GET", "/openapi.json")}
    ours = {("GET", "/api/me/tokens"), ("POST", "/api/me/tokens"), ("POST", "/api/logout"),
            ("DELETE", "/api/me/tokens/x")}  # fmt: skip
    rows = {(method, re.sub(r"\*+", "x", path)) for method, path, _ in scopes.TABLE}
    assert rows - ours <= answered
    assert ours <= rows


def test_no_path_has_two_rows() -> None:
    for method, path, _ in scopes.TABLE:
        one = re.sub(r"\*+", "x", path)
        assert [found for named, found, _ in scopes.TABLE if named == method and
                scopes._shape(found).fullmatch(one)] == [path]  # fmt: skip


def test_no_row_names_a_scope_that_nobody_can_give() -> None:
    named = {one for _, _, needed in scopes.TABLE for one in needed}
    assert named == {*scopes.SCOPES, scopes.SERVER}
    assert scopes.SERVER not in scopes.SCOPES
    assert next(iter(scopes.SCOPES)) == scopes.LEAST


def visit(method: str, path: str) -> Visit:
    return Visit({"type": "http", "method": method, "path": path, "headers": []})


@given(st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]), st.text(max_size=30))
@example("GET", "docs")
@example("GET", "api/people/x")
@example("POST", "api/me")
@example("PUT", "v1/models")
@example("DELETE", "api/sessions")
@example("GET", "api/me/tokens/x")
@example("GET", "API/ME")
@example("GET", "api/me\n")
@example("GET", "api/me//")
@example("GET", "api//me")
def test_what_is_not_in_the_table_is_refused_to_a_token_with_all_scopes(
    method: str, path: str
) -> None:
    one = visit(method, f"/{path}")
    if is_open(method, one.path) or scopes.needed_for(method, one.path):
        return
    refusal = scopes.check(one, frozenset({*scopes.SCOPES, scopes.SERVER}))
    assert refusal is not None
    assert refusal.status == 403
    assert "no token may" in refusal.line


@given(st.sampled_from(scopes.TABLE), st.sets(st.sampled_from([*scopes.SCOPES, scopes.SERVER])))
def test_one_scope_of_those_named_is_enough_and_no_other(
    row: tuple[str, str, frozenset[str]], granted: set[str]
) -> None:
    method, path, needed = row
    for spelled in (re.sub(r"\*+", "x", path), re.sub(r"\*+", "x", path) + "/"):
        refusal = scopes.check(visit(method, spelled), frozenset(granted))
        public = is_public(visit(method, spelled))
        assert (refusal is None) == (public or bool(needed & granted))
        if method == "GET":
            head = scopes.check(visit("HEAD", spelled), frozenset(granted))
            assert head == refusal


def test_a_refusal_names_what_is_missing_and_where_to_get_it() -> None:
    refusal = scopes.check(visit("POST", "/api/sessions/x/turns"), frozenset({"read"}))
    assert refusal is not None
    assert "'chat' or 'tools'" in refusal.line
    assert "Settings" in refusal.line
    servers = scopes.check(visit("POST", "/api/me/export"), scopes.ALONE)
    assert servers is not None
    assert "'admin'" in servers.line
    assert "log in" in servers.line


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, every in document["paths"].items():
        for method, operation in every.items():
            yield method.upper(), path, operation


def test_the_document_says_of_every_operation_what_the_table_says(app: FastAPI) -> None:
    document = app.openapi()
    assert document["components"]["securitySchemes"].keys() == {"bearer", "page"}
    for scope, line in scopes.SCOPES.items():
        told = document["components"]["securitySchemes"]["bearer"]["description"]
        assert f"- `{scope}`: {line}" in told
    for method, path, operation in operations(document):
        if path in ("/health", LOGIN, ONCE):
            assert operation["security"] == []
            continue
        needed = scopes.needed_for(method, path.replace("{", "").replace("}", ""))
        assert needed is not None
        given = [one["bearer"][0] for one in operation["security"] if "bearer" in one]
        assert {*given} == {*operation["x-scopes"]} == needed - {scopes.SERVER}
        assert {"page": []} in operation["security"]
        for one in given:
            assert f"`{one}`" in operation["description"]
        assert given or "No token may do this" in operation["description"]


def test_the_document_lists_what_the_door_answers_itself(app: FastAPI) -> None:
    listed = {(method, path) for method, path, _ in operations(app.openapi())}
    of_the_door = {
        ("POST", "/api/login"), ("POST", "/api/login/once"), ("POST", "/api/logout"),
        ("GET", "/api/me/tokens"), ("POST", "/api/me/tokens"),
        ("DELETE", "/api/me/tokens/{token}"),
    }  # fmt: skip
    assert listed >= of_the_door
    rows = {(method, path) for method, path, _ in scopes.TABLE if "**" not in path}
    shown = {(method, re.sub(r"\{[^}]+\}", "*", path)) for method, path in listed}
    assert rows - shown <= {("GET", "/openapi.json")}


def test_an_operation_without_a_row_is_documented_as_closed() -> None:
    document: dict[str, Any] = {"paths": {"/api/doors": {"post": {}}}}
    told = with_scopes(document)["paths"]["/api/doors"]["post"]
    assert told["security"] == [{"page": []}]
