"""Another person's ids: sessions, documents, actions, responses, tokens. Known, and of no use."""

from __future__ import annotations

import pytest
from premises import Premises, spoken


@pytest.mark.parametrize("thief", ["Ben", "Gil"])
def test_anothers_session_is_not_there(server: Premises, thief: str) -> None:
    anna, other = server.caller("Anna"), server.caller(thief)
    hers = spoken(anna, "anna's own secret")
    asks = [
        ("GET", f"/api/sessions/{hers}/turns", None),
        ("PATCH", f"/api/sessions/{hers}", {"title": "mine"}),
        ("DELETE", f"/api/sessions/{hers}", None),
        ("POST", f"/api/sessions/{hers}/turns", {"text": "what did she say?"}),
        ("POST", f"/api/sessions/{hers}/actions/{'0' * 32}", {"yes": True}),
    ]
    for method, path, body in asks:
        theirs = other.ask(method, path, body)
        nobodys = other.ask(method, path.replace(hers, "f" * 32), body)
        assert theirs.status == nobodys.status == 404
        assert theirs.body.replace(hers.encode(), b"") == nobodys.body.replace(b"f" * 32, b"")
    assert other.ask("POST", "/api/search", {"words": "secret"}).json == []
    assert other.ask("GET", "/api/sessions").json == []
    assert len(anna.ask("GET", f"/api/sessions/{hers}/turns").json) == 2
    anna.ask("DELETE", f"/api/sessions/{hers}")


def test_anothers_document_is_not_there_not_for_an_owner_either(server: Premises) -> None:
    ben, anna = server.caller("Ben"), server.caller("Anna")
    sent = {"Content-Type": "text/plain"}
    his = ben.ask("POST", "/api/documents?name=diary.txt", b"ben's diary", sent).json["id"]
    assert ben.ask("GET", f"/api/documents/{his}/text").json["text"] == "ben's diary"
    assert anna.ask("GET", f"/api/documents/{his}/text").status == 404
    assert anna.ask("DELETE", f"/api/documents/{his}").status == 404
    assert anna.ask("GET", "/api/documents").json == []
    assert b"diary" not in anna.ask("POST", "/api/me/export").body
    assert ben.ask("DELETE", f"/api/documents/{his}").status == 204


def test_anothers_response_cannot_be_continued(server: Premises) -> None:
    ben, gil = server.caller("Ben"), server.caller("Gil")
    made = ben.ask("POST", "/v1/responses", {"model": "fake", "input": "ben's secret"})
    assert made.status == 200
    body = {"model": "fake", "input": "go on", "previous_response_id": made.json["id"]}
    reply = gil.ask("POST", "/v1/responses", body)
    assert reply.status in (400, 404)
    assert b"secret" not in reply.body


def test_the_owner_rules_names_and_not_what_people_say(server: Premises) -> None:
    anna = server.caller("Anna")
    people = anna.ask("GET", "/api/people").json
    assert {one["name"] for one in people} == {"Anna", "Ben", "Gil"}
    assert all(one.keys() == {"id", "name", "role", "permissions"} for one in people)
    changed = anna.ask("PATCH", f"/api/people/{server.id_of('Ben')}", {"keep_days": 1})
    assert changed.status == 403


@pytest.mark.parametrize("name", ["Ben", "Gil"])
def test_nobody_makes_themselves_an_owner(server: Premises, name: str) -> None:
    caller, own = server.caller(name), server.id_of(name)
    for method, path, body in (
        ("PATCH", f"/api/people/{own}", {"role": "owner"}),
        ("PATCH", f"/api/people/{own}/", {"role": "owner"}),
        ("POST", "/api/people", {"name": "Eve", "role": "owner", "passphrase": "eve eve eve"}),
        ("POST", "/api/people/", {"name": "Eve", "role": "owner", "passphrase": "eve eve eve"}),
        ("DELETE", f"/api/people/{server.id_of('Anna')}", {"confirm": "Anna"}),
        ("GET", "/metrics", None),
    ):
        assert caller.ask(method, path, body).status == 403
    tricks = (
        "//api/people",
        "/api//people",
        "/api/./people",
        "/api/people/../people",
        "/API/PEOPLE",
    )
    for path in tricks:
        reply = caller.ask("POST", path, {"name": "Eve", "role": "owner", "passphrase": "eve " * 4})
        assert reply.status in (400, 403, 404, 405)
    assert [one.name for one in server.vault.accounts.people()] == ["Anna", "Ben", "Gil"]
    assert [one.role for one in server.vault.accounts.people()] == ["owner", "member", "guest"]
    assert [one["name"] for one in caller.ask("GET", "/api/people").json] == [name]
