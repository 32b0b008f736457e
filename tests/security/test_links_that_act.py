"""A link that would act: following one changes nothing, whatever the question in it."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from household import login
from premises import Premises, spoken


def state(server: Premises) -> str:
    """All that is kept of everybody, and the log of it: anything that changes changes this."""
    digest = hashlib.sha256()
    for name in ("Anna", "Ben", "Gil"):
        caller = server.way.caller()
        caller.enter("/api/login", login(name))
        for path in ("/api/sessions", "/api/documents", "/api/settings", "/api/me/tokens"):
            digest.update(caller.ask("GET", path).body)
        for session in caller.ask("GET", "/api/sessions").json:
            digest.update(caller.ask("GET", f"/api/sessions/{session['id']}/turns").body)
    digest.update(repr(server.vault.accounts.people()).encode())
    return digest.hexdigest()


def routes(server: Premises) -> list[tuple[str, dict[str, Any]]]:
    """Every path that the server itself says it has."""
    document = server.caller("Anna").ask("GET", "/openapi.json").json
    return sorted(document["paths"].items())


def test_no_get_changes_anything(server: Premises) -> None:
    anna = server.caller("Anna")
    session = spoken(anna, "hello")
    kept = anna.ask("POST", "/api/documents?name=a.txt", b"text", {"Content-Type": "text/plain"})
    ids = {
        "session": session,
        "document": kept.json["id"],
        "person": server.id_of("Ben"),
        "model": "fake",
    }
    before, events = state(server), len(server.vault.accounts.audit.entries())
    tried = 0
    for path, methods in [*routes(server), ("/api/logout", {}), ("/api/login", {}), ("/", {}),
                          ("/api/login/once", {}), ("/api/me/tokens", {})]:  # fmt: skip
        filled = path.format_map(type("Ids", (dict,), {"__missing__": lambda _, key: "x"})(ids))
        for query in ("", "?q=delete+everything", "?text=hi&name=x&title=y&role=owner&confirm=Ben"):
            for method in ("GET", "HEAD"):
                reply = anna.ask(method, filled + query)
                assert reply.status < 500, (method, filled)
                tried += 1
                if "get" not in methods and method == "GET" and path.startswith("/api/sess"):
                    assert reply.status in (404, 405)
    assert tried > 100
    anna.ask("GET", "/api/me")
    after_reading = server.vault.accounts.audit.entries()[events:]
    assert {one.event for one in after_reading} <= {"unlocked"}
    assert state(server) == before
    assert anna.ask("GET", "/api/me").status == 200  # nor was she logged out


@pytest.mark.parametrize("query", ["?q=turn+off+the+alarm", "?text=hi", "?prompt=x&send=1"])
def test_a_question_in_the_address_of_the_page_is_not_asked(server: Premises, query: str) -> None:
    anna = server.caller("Anna")
    before, asked = state(server), len(server.scheduler.requests)
    anna.ask("GET", f"/{query}")
    anna.ask("GET", f"/index.html{query}")
    assert state(server) == before
    assert len(server.scheduler.requests) == asked


@pytest.mark.parametrize(
    "header",
    ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"],
)
def test_a_get_cannot_be_dressed_as_something_else(server: Premises, header: str) -> None:
    anna = server.caller("Anna")
    session = spoken(anna, "still here")
    path = f"/api/sessions/{session}"
    assert anna.ask("GET", f"{path}?_method=DELETE", headers={header: "DELETE"}).status == 405
    assert anna.ask("GET", f"{path}/turns").status == 200
