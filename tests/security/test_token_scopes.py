"""Tokens: each may what its person allowed and their role allows, however a request is spelled.

What is expected is written down here once more, by hand: the door's own table is not believed.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from assisted import CLERK, RecordingTool, recording
from doorway import TOKEN, Caller, Reply
from garden import Garden, garden
from household import ROLES, WORDS
from premises import Premises, premises

from penjing.assistant.build import build
from penjing.assistant.spec.parse import loads
from penjing.serve.door.residents import LABELS
from penjing.serve.door.settings import DoorSettings
from penjing.vault import slots
from penjing.vault.access import operator
from penjing.vault.envelope import LEAST
from penjing.vault.ids import new_id
from penjing.vault.secrets import Passphrase, Token

SCOPES = ("read", "chat", "tools", "documents", "admin")
ID = "0" * 32
CHAT = {"model": "fake", "messages": [{"role": "user", "content": "hi"}]}


@dataclass(frozen=True)
class Asked:
    """One thing that can be asked for."""

    method: str
    path: str
    may: frozenset[str]
    """The scopes of which one is enough; none where no token may."""
    body: Any = None
    owners: bool = False
    """An owner's token alone."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def asked(method: str, path: str, may: str, body: Any = None, *, owners: bool = False) -> Asked:
    return Asked(method, path, frozenset(may.split()), body, owners)


ALL = (
    asked("GET", "/v1/models", "read chat"),
    asked("GET", "/v1/models/fake", "read chat"),
    asked("POST", "/v1/chat/completions", "chat", CHAT),
    asked("POST", "/v1/chat/completions", "chat", {**CHAT, "stream": True}),
    asked("POST", "/v1/completions", "chat", {"model": "fake", "prompt": "x"}),
    asked("POST", "/v1/embeddings", "chat", {"model": "fake", "input": "x"}),
    asked("POST", "/v1/responses", "chat", {"model": "fake", "input": "x"}),
    asked("GET", f"/v1/responses/{ID}", "chat"),
    asked("GET", "/openapi.json", "read chat tools documents admin"),
    asked("GET", "/metrics", "admin", owners=True),
    asked("GET", "/api/me", "read chat tools documents admin"),
    asked("GET", "/api/model", "read"),
    asked("GET", "/api/news", "read"),
    asked("GET", "/api/settings", "read"),
    asked("PUT", "/api/settings", "admin", {}),
    asked("POST", "/api/search", "read", {"words": "x"}),
    asked("GET", "/api/sessions", "read"),
    asked("POST", "/api/sessions", "chat tools", {}),
    asked("PATCH", f"/api/sessions/{ID}", "chat tools", {"title": "x"}),
    asked("DELETE", f"/api/sessions/{ID}", "admin"),
    asked("GET", f"/api/sessions/{ID}/turns", "read"),
    asked("POST", f"/api/sessions/{ID}/turns", "chat tools", {"text": "x"}),
    asked("POST", f"/api/sessions/{ID}/actions/{ID}", "tools", {"yes": True}),
    asked("GET", "/api/documents", "documents"),
    asked("POST", "/api/documents?name=x", "documents", b""),
    asked("DELETE", f"/api/documents/{ID}", "documents"),
    asked("GET", f"/api/documents/{ID}/text", "documents"),
    asked("GET", "/api/people", "admin"),
    asked("POST", "/api/people", "", {}),
    asked("PATCH", f"/api/people/{ID}", "", {}),
    asked("DELETE", f"/api/people/{ID}", "", {}),
    asked("POST", "/api/me/export", "admin", {}),
    asked("POST", "/api/me/passphrase", "", {"old": "x", "new": "x"}),
    asked("POST", "/api/me/wipe", "", {"passphrase": "x"}),
    asked("GET", "/api/me/tokens", ""),
    asked("POST", "/api/me/tokens", "", {"label": "more"}),
    asked("DELETE", f"/api/me/tokens/{ID}", ""),
    asked("POST", "/api/logout", ""),
    asked("GET", "/api/secrets", ""),
    asked("POST", "/v1/files", "", {}),
)
"""Everything: what is let through fails for another reason, or does no harm."""

GRANTS: Mapping[str, frozenset[str]] = {
    **{one: frozenset({one}) for one in SCOPES},
    "nothing said": frozenset({"read"}),
    "from before": frozenset({"read"}),
    "all": frozenset(SCOPES),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    settings = DoorSettings(refresh=0.0)
    with premises(tmp_path_factory.mktemp("scopes") / "home", settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def tokens(place: Premises) -> dict[tuple[str, str], str]:
    """By name and grant."""
    return {(name, grant): made(place, name, grant) for name in WORDS for grant in GRANTS}


def made(place: Premises, name: str, grant: str) -> str:
    if grant == "from before":
        return before(place, name)
    body: dict[str, Any] = {"label": grant}
    if grant != "nothing said":
        body |= {"scopes": sorted(GRANTS[grant]), "passphrase": WORDS[name]}
    reply = place.caller(name).ask("POST", "/api/me/tokens", body)
    assert reply.status == 201
    return str(reply.json["token"])


def before(place: Premises, name: str) -> str:
    """A token as it was made before there were scopes."""
    token = Token(new_id(), bytes(range(32)))
    store = place.vault.unlock(name, Passphrase(WORDS[name], LEAST))
    known = slots.load(place.vault.place, store.person.id)
    slots.save(place.vault.place, slots.with_token(known, store.database.key, token))
    store.close()
    return f"pj-{store.person.id}-{token.id}-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def verdict(reply: Reply) -> str:
    """Whether the door let it through, and if not, why."""
    line = reply.json.get("error") if reply.status == 403 else None
    line = line["message"] if isinstance(line, dict) else line
    if line is None:
        return "through" if reply.status not in (401, 429) else str(reply.status)
    if "no token may" in line or "has no scope" in line:
        return "no scope"
    return "no owner" if "only an owner" in line else line


@pytest.mark.parametrize("grant", GRANTS)
@pytest.mark.parametrize("name", WORDS)
def test_every_role_with_every_scope_at_every_route(
    place: Premises, tokens: dict[tuple[str, str], str], name: str, grant: str
) -> None:
    caller, shown = place.way.caller(), bearer(tokens[name, grant])
    for one in ALL:
        right = "through" if one.may & GRANTS[grant] else "no scope"
        if right == "through" and one.owners and ROLES[name] != "owner":
            right = "no owner"
        assert (verdict(caller.ask(one.method, one.path, one.body, shown)), one) == (right, one)
    assert [one.name for one in place.vault.accounts.people()] == ["Anna", "Ben", "Gil"]


def spellings(path: str) -> Iterator[str]:
    """Other ways to write an address that somebody might read as the same."""
    bare, _, query = path.partition("?")
    query = query and f"?{query}"
    last = bare.rsplit("/", 1)[1]
    for other in (
        f"{bare}/", f"/{bare}", bare.replace("/", "//"), f"{bare}//", f"{bare}%2f", f"{bare}%2F",
        bare[:1] + bare[1:].replace("/", "%2f"), f"{bare[:-1]}%{ord(bare[-1]):02x}",
        f"{bare[:-1]}%25{ord(bare[-1]):02x}", f"{bare}/.", f"/.{bare}", f"{bare}/x/..",
        f"/assets/..{bare}", f"/assets/%2e%2e{bare}", f"{bare};x=1", f"{bare}%00", f"{bare}%20",
        f"{bare}%0a", f"{bare}.json", f"{bare}?", f"{bare}#x", bare.upper(), bare.title(),
        f"{bare[: -len(last)]}%6{last}", f"{bare}\\", bare.replace("/", "\\"), f"//assets{bare}",
        f"http://127.0.0.1{bare}", f"{bare}%c0%af",
    ):  # fmt: skip
        yield other + query


@pytest.mark.parametrize("one", ALL, ids=str)
def test_no_spelling_gets_past(
    place: Premises, tokens: dict[tuple[str, str], str], one: Asked
) -> None:
    """An owner's token, with all scopes but those that would do."""
    caller = place.way.caller()
    for grant in GRANTS:
        if not one.may & GRANTS[grant] and grant in ("read", "chat", "documents", "admin"):
            break
    else:
        return  # any scope will do
    for spelled in spellings(one.path):
        for method in (one.method, "HEAD") if one.method == "GET" else (one.method,):
            reply = caller.ask(method, spelled, one.body, bearer(tokens["Anna", grant]))
            assert (reply.status in (400, 401, 403, 405, 414), spelled) == (True, spelled)
            if reply.status == 401:  # not even the token was looked at
                assert "//" in spelled or not spelled.startswith("/")


@pytest.mark.parametrize(
    "method", ["get", "Post", "POST ", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"]
)
def test_no_other_method_gets_past(
    place: Premises, tokens: dict[tuple[str, str], str], method: str
) -> None:
    try:
        reply = place.way.caller().ask(method, "/api/people", {}, bearer(tokens["Anna", "all"]))
    except (http.client.HTTPException, ValueError, OSError):
        return
    assert reply.status in (400, 405)


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Method-Override", "X-Original-URL",
                                    "X-Rewrite-URL", "X-Forwarded-Prefix"])  # fmt: skip
def test_no_header_makes_it_another_request(
    place: Premises, tokens: dict[tuple[str, str], str], header: str
) -> None:
    more = bearer(tokens["Anna", "read"]) | {header: "DELETE", "X-Original-URL": "/api/people"}
    plain = place.way.caller().ask("GET", "/api/sessions", headers=bearer(tokens["Anna", "read"]))
    assert place.way.caller().ask("GET", "/api/sessions", headers=more).json == plain.json


def test_both_spellings_of_a_path_that_is_allowed_stay_allowed(
    place: Premises, tokens: dict[tuple[str, str], str]
) -> None:
    caller, shown = place.way.caller(), bearer(tokens["Ben", "read"])
    assert caller.ask("GET", "/api/sessions", headers=shown).status == 200
    assert caller.ask("GET", "/api/s%65ssions", headers=shown).status == 200
    assert caller.ask("GET", "/api/sessions/", headers=shown).status == 307
    for path in ("/", "/health", "/favicon.svg"):
        assert caller.ask("GET", path, headers=shown).status == 200


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/responses", f"/api/sessions/{ID}/turns"]
)
def test_a_stream_is_refused_before_it_begins(
    place: Premises, tokens: dict[tuple[str, str], str], path: str
) -> None:
    body = {**CHAT, "stream": True} if path.startswith("/v1") else {"text": "x"}
    reply = place.way.caller().ask(
        "POST", path, body, bearer(tokens["Ben", "read"]) | {"Accept": "text/event-stream"}
    )
    assert reply.status == 403
    assert reply.headers["content-type"] == "application/json"
    assert "chat" in reply.body.decode()


# -- nothing makes a token more than it is


def test_a_cookie_beside_a_token_widens_nothing(
    place: Premises, tokens: dict[tuple[str, str], str]
) -> None:
    anna = place.caller("Anna")
    for token in (tokens["Anna", "read"], tokens["Ben", "read"], "pj-nothing"):
        reply = anna.ask("GET", "/api/people", headers=bearer(token))
        assert reply.status in (401, 403)
    assert anna.ask("GET", "/api/people").status == 200


def test_a_token_in_a_cookie_is_no_login(
    place: Premises, tokens: dict[tuple[str, str], str]
) -> None:
    caller = place.way.caller()
    assert caller.ask("GET", "/api/me", headers=bearer(tokens["Anna", "all"])).status == 200
    caller.cookies = {"penjing": tokens["Anna", "all"]}
    for method, path in (("GET", "/api/me"), ("GET", "/api/me/tokens"), ("POST", "/api/logout")):
        assert caller.ask(method, path).status == 401


@pytest.mark.parametrize("name", WORDS)
def test_no_token_makes_a_token_or_reaches_a_passphrase(
    place: Premises, tokens: dict[tuple[str, str], str], name: str
) -> None:
    person = place.caller(name)
    before = person.ask("GET", "/api/me/tokens").json
    caller, words = place.way.caller(), WORDS[name]
    for method, path, body in (
        ("POST", "/api/me/tokens", {"label": "x", "scopes": ["admin"], "passphrase": words}),
        ("DELETE", f"/api/me/tokens/{before[0]['id']}", None),
        ("PATCH", f"/api/me/tokens/{before[0]['id']}", {"scopes": ["admin"]}),
        ("PUT", f"/api/me/tokens/{before[0]['id']}", {"scopes": ["admin"]}),
        ("POST", "/api/me/passphrase", {"old": words, "new": "other words altogether"}),
        ("POST", "/api/me/wipe", {"passphrase": words}),
    ):
        for grant in GRANTS:
            assert caller.ask(method, path, body, bearer(tokens[name, grant])).status == 403
    assert person.ask("GET", "/api/me/tokens").json == before
    assert place.way.caller().enter("/api/login", {"name": name, "passphrase": words}).status == 200


def test_a_token_cannot_write_where_tokens_are_written_down(
    place: Premises, tokens: dict[tuple[str, str], str]
) -> None:
    caller, shown = place.way.caller(), bearer(tokens["Ben", "all"])
    for body in ({LABELS: "{}"}, {"door": {"tokens": {}}}, {"language": "en", LABELS: "x"}):
        assert caller.ask("PUT", "/api/settings", body, shown).status == 422


def test_who_writes_a_persons_settings_gives_no_scope(
    place: Premises, tokens: dict[tuple[str, str], str]
) -> None:
    """A tool with a fault, say: the labels lie there, and nothing of what a token may."""
    store = place.vault.unlock("Gil", Passphrase(WORDS["Gil"], LEAST))
    kept = store.settings.get(LABELS) or "{}"
    assert "admin" in kept  # the label of a token of these tests
    named = {token.split("-")[2]: ["admin", 1.0] for (name, _), token in tokens.items()
             if name == "Gil"}  # fmt: skip
    store.settings.put(LABELS, json.dumps(named))
    for name in ("door.scopes", "scopes", "tokens"):
        store.settings.put(name, json.dumps(dict.fromkeys(named, SCOPES)))
    try:
        listed = place.caller("Gil").ask("GET", "/api/me/tokens").json
        may = {one["id"]: {*one["scopes"]} for one in listed}
        for grant, scopes in GRANTS.items():
            assert may[tokens["Gil", grant].split("-")[2]] == scopes
        shown = bearer(tokens["Gil", "read"])
        assert place.way.caller().ask("POST", "/api/sessions", {}, shown).status == 403
    finally:
        store.settings.put(LABELS, kept)
        store.close()


@pytest.mark.parametrize(
    "scopes",
    ["admin", ["ADMIN"], ["read", "root"], ["server"], [], None, {"admin": True}, [["admin"]], 1,
     [None], ["read", "admin "], "read", [""], ["*"]],
    ids=repr,
)  # fmt: skip
def test_only_scopes_that_there_are_can_be_given(place: Premises, scopes: object) -> None:
    ben = place.caller("Ben")
    before = ben.ask("GET", "/api/me/tokens").json
    body = {"label": "x", "scopes": scopes, "passphrase": WORDS["Ben"]}
    reply = ben.ask("POST", "/api/me/tokens", body)
    assert (reply.status, "documents" in reply.json["error"]) == (422, True)
    assert ben.ask("GET", "/api/me/tokens").json == before


def test_admin_is_given_by_the_persons_own_passphrase_and_nothing_else(tmp_path: Path) -> None:
    with premises(tmp_path / "home") as place:
        ben = place.caller("Ben")
        admin = {"label": "x", "scopes": ["read", "admin"]}
        twice = b'{"label": "x", "scopes": ["read"], "scopes": ["admin"]}'
        sent = {"Content-Type": "application/json"}
        assert ben.ask("POST", "/api/me/tokens", twice, sent).status == 422
        for passphrase in (None, "", 1, ["x"], "x" * 5000, "not his words", WORDS["Anna"]):
            reply = ben.ask("POST", "/api/me/tokens", {**admin, "passphrase": passphrase})
            assert (reply.status, "passphrase" in reply.json["error"]) == (403, True)
        assert ben.ask("POST", "/api/me/tokens", admin).status == 403
        assert ben.ask("GET", "/api/me/tokens").json == []
        made = ben.ask("POST", "/api/me/tokens", {**admin, "passphrase": WORDS["Ben"]})
        assert (made.status, made.json["scopes"]) == (201, ["read", "admin"])


def test_guessing_for_admin_is_guessing_at_the_login(tmp_path: Path) -> None:
    with premises(tmp_path / "home") as place:
        ben = place.caller("Ben")
        admin = {"label": "x", "scopes": ["admin"]}
        statuses = [
            ben.ask("POST", "/api/me/tokens", {**admin, "passphrase": f"guess {n}"}).status
            for n in range(8)
        ]
        assert statuses[0] == 403
        assert statuses[-1] == 429
        login = place.way.caller().enter("/api/login", {"name": "Ben", "passphrase": WORDS["Ben"]})
        assert login.status == 429


def test_the_old_way_to_ask_gives_the_least(place: Premises) -> None:
    gil = place.caller("Gil")
    made = gil.ask("POST", "/api/me/tokens", {"label": "as ever"}).json
    assert made["scopes"] == ["read"]
    assert place.way.caller().ask("GET", "/api/me", headers=bearer(made["token"])).json[
        "scopes"] == ["read"]  # fmt: skip
    gil.ask("DELETE", f"/api/me/tokens/{made['id']}")


def test_who_lists_an_old_token_is_told_that_it_reads_and_no_more(
    place: Premises, tokens: dict[tuple[str, str], str]
) -> None:
    listed = {one["id"]: one for one in place.caller("Ben").ask("GET", "/api/me/tokens").json}
    old = listed[tokens["Ben", "from before"].split("-")[2]]
    assert old["scopes"] == ["read"]
    assert "before tokens had scopes" in old["note"]
    assert "make a new one" in old["note"]
    assert listed[tokens["Ben", "all"].split("-")[2]]["note"] == ""


def test_a_role_that_was_taken_away_takes_a_tokens_power_with_it(tmp_path: Path) -> None:
    with premises(tmp_path / "home", settings=DoorSettings(refresh=0.0)) as place:
        accounts = place.vault.accounts
        accounts.set_role(operator(), accounts.require("Ben"), "owner")
        body = {"label": "x", "scopes": ["admin"], "passphrase": WORDS["Ben"]}
        token = place.caller("Ben").ask("POST", "/api/me/tokens", body).json["token"]
        ask = place.way.caller().ask
        assert len(ask("GET", "/api/people", headers=bearer(token)).json) == 3
        assert ask("GET", "/metrics", headers=bearer(token)).status == 200
        accounts.set_role(operator(), accounts.require("Ben"), "member")
        assert len(ask("GET", "/api/people", headers=bearer(token)).json) == 1
        assert ask("GET", "/metrics", headers=bearer(token)).status == 403


@pytest.mark.parametrize("grant", GRANTS)
def test_every_token_is_told_its_scopes(
    place: Premises, tokens: dict[tuple[str, str], str], grant: str
) -> None:
    reply = place.way.caller().ask("GET", "/api/me", headers=bearer(tokens["Ben", grant]))
    assert (reply.status, reply.json["name"]) == (200, "Ben")
    assert {*reply.json["scopes"]} == GRANTS[grant]
    assert reply.json["csrf"] is None


def test_no_token_makes_changes_or_wipes_anybody(
    place: Premises, tokens: dict[tuple[str, str], str]
) -> None:
    """Not even an owner's with every scope: that takes a login."""
    there = sorted(one.name for one in place.vault.accounts.people())
    caller, ben, anna = place.way.caller(), place.id_of("Ben"), place.id_of("Anna")
    eve = {"name": "Eve", "role": "owner", "passphrase": "eve eve eve eve"}
    for grant in GRANTS:
        head = bearer(tokens["Anna", grant])
        for method, path, body in (
            ("POST", "/api/people", eve),
            ("PATCH", f"/api/people/{ben}", {"role": "owner"}),
            ("PATCH", f"/api/people/{anna}", {"keep_days": 1}),
            ("DELETE", f"/api/people/{ben}", {"confirm": "Ben"}),
            ("DELETE", f"/api/people/{anna}", {"confirm": "Anna", "passphrase": WORDS["Anna"]}),
        ):
            reply = caller.ask(method, path, body, head)
            assert (reply.status, verdict(reply)) == (403, "no scope")
    assert sorted(one.name for one in place.vault.accounts.people()) == there
    assert place.vault.accounts.require("Ben").role == "member"


# -- what the assistant may do for whom


@pytest.fixture
def clerk(tmp_path: Path) -> Iterator[tuple[Premises, dict[str, RecordingTool]]]:
    """A server whose assistant sets timers."""
    tools = recording("timers", "clock")
    assistant = build(loads(CLERK), list(tools.values()))
    with premises(tmp_path / "home", assistant=assistant) as place:
        yield place, tools


def program(place: Premises, name: str, *scopes: str) -> tuple[Caller, dict[str, str]]:
    body = {"label": "x", "scopes": scopes, "passphrase": WORDS[name]}
    token = place.caller(name).ask("POST", "/api/me/tokens", body).json["token"]
    return place.way.caller(), bearer(token)


def events(reply: Reply) -> list[dict[str, Any]]:
    assert reply.status == 200
    lines = reply.body.decode().splitlines()
    return [json.loads(one[6:]) for one in lines if one.startswith("data: {")]


@pytest.mark.parametrize("name", ["Anna", "Ben"])
def test_with_chat_alone_the_assistant_answers_does_nothing_and_says_so(
    clerk: tuple[Premises, dict[str, RecordingTool]], name: str
) -> None:
    place, tools = clerk
    caller, shown = program(place, name, "chat")
    session = caller.ask("POST", "/api/sessions", {}, shown).json["id"]
    turns = f"/api/sessions/{session}/turns"
    heard = events(caller.ask("POST", turns, {"text": "set a timer for one minute"}, shown))
    assert tools["timers"].calls == []
    assert not [one for one in heard if one["type"] in ("acted", "confirm")]
    (said,) = [one["text"] for one in heard if one["type"] == "said"]
    assert "tools" in said
    # and what it said there makes nothing act when the person goes on
    person = place.caller(name)
    for text in ("yes", "for one minute"):
        person.ask("POST", turns, {"text": text})
    assert tools["timers"].calls == []


def test_with_tools_it_acts_for_who_may(
    clerk: tuple[Premises, dict[str, RecordingTool]],
) -> None:
    place, tools = clerk
    caller, shown = program(place, "Ben", "tools")
    session = caller.ask("POST", "/api/sessions", {}, shown).json["id"]
    turns = f"/api/sessions/{session}/turns"
    heard = events(caller.ask("POST", turns, {"text": "set a timer for one minute"}, shown))
    assert [one["action"]["tool"] for one in heard if one["type"] == "acted"] == ["timers"]
    assert len(tools["timers"].calls) == 1
    for scope in ("read", "chat", "documents", "admin"):
        other, its = program(place, "Ben", scope)
        path = f"/api/sessions/{session}/actions/{ID}"
        assert other.ask("POST", path, {"yes": True}, its).status == 403


# -- the server's own token


@pytest.fixture(scope="module")
def alone() -> Iterator[Garden]:
    with garden() as running:
        yield running


@pytest.mark.parametrize("one", ALL, ids=str)
def test_the_servers_own_token_without_a_vault_may_all_but_what_destroys(
    alone: Garden, one: Asked
) -> None:
    may = one.path == "/metrics" or bool(one.may - {"admin"})
    reply = alone.way.caller().ask(one.method, one.path, one.body, bearer(TOKEN))
    assert verdict(reply) == ("through" if may else "no scope")


@pytest.mark.parametrize("one", ALL, ids=str)
def test_the_servers_own_token_beside_a_vault_reads_numbers(place: Premises, one: Asked) -> None:
    reply = place.way.caller().ask(one.method, one.path, one.body, bearer(TOKEN))
    assert reply.status == (200 if one.path in ("/metrics", "/openapi.json") else 401)
