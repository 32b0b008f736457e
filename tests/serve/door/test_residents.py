"""The door before a real vault: keys live as long as logins, and everybody gets their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doorway import TOKEN, Doorway, doorway, small_app
from household import WORDS, household, login

from penjing.core.errors import InUse
from penjing.serve.door.accounts import UnlockedPerson
from penjing.serve.door.residents import VaultAccounts
from penjing.serve.door.settings import DoorSettings
from penjing.vault.access import operator
from penjing.vault.envelope import LEAST
from penjing.vault.secrets import Passphrase
from penjing.vault.vault import Vault


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with household(tmp_path) as opened:
        yield opened


@pytest.fixture
def way(vault: Vault) -> Iterator[Doorway]:
    with doorway(VaultAccounts(vault), DoorSettings(refresh=0.0)) as running:
        yield running


def id_of(vault: Vault, name: str) -> str:
    return vault.accounts.require(name).id


def is_locked(vault: Vault, name: str) -> bool:
    """Whether nobody has a person's part open: only then it can be given another key."""
    secret = Passphrase(WORDS[name], LEAST)
    try:
        vault.rotate(name, secret, [secret])
    except InUse:
        return False
    return True


def locked_soon(vault: Vault, name: str) -> bool:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if is_locked(vault, name):
            return True
        time.sleep(0.05)
    return False


def test_each_gets_their_own(way: Doorway, vault: Vault) -> None:
    for name, role in (("Anna", "owner"), ("ben", "member"), ("GIL", "guest")):
        caller = way.caller()
        reply = caller.enter("/api/login", login(name.title()) | {"name": name})
        assert reply.status == 200
        assert (reply.json["role"], reply.json["person"]) == (role, id_of(vault, name))
        assert caller.ask("GET", "/api/me").json["who"] == id_of(vault, name)


@pytest.mark.parametrize(
    "body",
    [
        login("Anna", "wrong words"),
        login("Anna", WORDS["Ben"]),
        {"name": "nobody", "passphrase": WORDS["Anna"]},
        {"name": "Anna\x00", "passphrase": WORDS["Anna"]},
    ],
)
def test_all_that_is_wrong_is_answered_alike(way: Doorway, body: dict[str, str]) -> None:
    reply = way.caller().enter("/api/login", body)
    assert reply.status == 401
    assert reply.json == {"error": "name or passphrase is wrong: type them again"}
    assert "set-cookie" not in reply.headers


@pytest.mark.alone
@pytest.mark.parametrize(
    "body",
    [{}, [], "x", None, {"name": "Anna"}, {"name": 1, "passphrase": 2},
     {"name": "", "passphrase": ""}, {"name": "a" * 300, "passphrase": "x"},
     {"name": ["Anna"], "passphrase": "x" * 9}],
)  # fmt: skip
def test_what_is_no_login_is_refused_before_it_costs_anything(way: Doorway, body: object) -> None:
    began = time.monotonic()
    assert way.caller().enter("/api/login", body).status in (415, 422)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("body", "status"),
    [(b'{"name": "Ben", "name": "Anna", "passphrase": "anna knows these words"}', 422),
     (b'{"name": "Anna", "passphrase": "anna knows these words", "x": NaN}', 422),
     (b'{"name": "Anna", "passphrase": "anna knows these words", "x": 1e999}', 422),
     (b'{"name": "Anna", "passphrase": "\\ud800 these words"}', 422),
     (b"[" * 9000, 422), (b"\xff", 422),
     (b'{"name": "Anna", "passphrase": "' + b"a" * 1025 + b'"}', 422),
     (b'{"name": "Anna", "passphrase": "anna knows these words"}', 200)],
)  # fmt: skip
def test_a_login_is_sound_json(way: Doorway, body: bytes, status: int) -> None:
    head = {"Content-Type": "application/json"}
    reply = way.caller().ask("POST", "/api/login", body, head)
    assert reply.status == status
    assert reply.body.count(b"\n") == 0


def test_a_promise_of_too_much_is_refused_before_it_comes(way: Doorway) -> None:
    anna = way.caller()
    anna.enter("/api/login", login("Anna"))
    for path in ("/api/login", "/api/login/once", "/api/me/tokens"):
        for length in ("16385", "9" * 18):
            head = {"Content-Type": "application/json", "Content-Length": length}
            began = time.monotonic()
            assert anna.ask("POST", path, None, head).status == 413
            assert time.monotonic() - began < 5


def test_keys_are_forgotten_with_the_last_session(way: Doorway, vault: Vault) -> None:
    one, two = way.caller(), way.caller()
    for caller in (one, two):
        assert caller.enter("/api/login", login("Ben")).status == 200
    assert not is_locked(vault, "Ben")
    assert one.ask("POST", "/api/logout").status == 204
    assert two.ask("GET", "/api/me").status == 200
    assert not is_locked(vault, "Ben")
    assert two.ask("POST", "/api/logout").status == 204
    assert locked_soon(vault, "Ben")


def test_keys_are_forgotten_when_a_session_is_idle_and_nobody_comes_by(vault: Vault) -> None:
    with doorway(VaultAccounts(vault), DoorSettings(idle=0.4)) as way:
        assert way.caller().enter("/api/login", login("Ben")).status == 200
        assert not is_locked(vault, "Ben")
        assert locked_soon(vault, "Ben")


def test_keys_are_forgotten_when_the_server_ends(vault: Vault) -> None:
    with doorway(VaultAccounts(vault)) as way:
        assert way.caller().enter("/api/login", login("Ben")).status == 200
    assert is_locked(vault, "Ben")


async def living(scope: Any, receive: Any, send: Any) -> None:
    """The small app, with a beginning and an end."""
    if scope["type"] != "lifespan":
        await small_app(scope, receive, send)
        return
    for _ in range(2):
        message = await receive()
        await send({"type": f"{message['type']}.complete"})


def test_the_server_does_not_end_before_the_keys_are_forgotten(vault: Vault) -> None:
    with doorway(VaultAccounts(vault), app=living, closes=False) as way:
        for name in WORDS:
            assert way.caller().enter("/api/login", login(name)).status == 200
    assert all(is_locked(vault, name) for name in WORDS)


def test_eviction_ends_sessions_and_what_runs(way: Doorway, vault: Vault) -> None:
    caller = way.caller()
    caller.enter("/api/login", login("Ben"))
    way.wait(way.door.evict(id_of(vault, "Ben")))
    assert is_locked(vault, "Ben")
    assert caller.ask("GET", "/api/me").status == 401


def test_a_wiped_person_is_out_at_once(way: Doorway, vault: Vault) -> None:
    caller = way.caller()
    caller.enter("/api/login", login("Ben"))
    way.wait(way.door.evict(id_of(vault, "Ben")))
    vault.wipe(operator(), "Ben")
    assert caller.ask("GET", "/api/me").status == 401
    assert way.caller().enter("/api/login", login("Ben")).status == 401


def test_a_role_that_changes_counts_at_once(way: Doorway, vault: Vault) -> None:
    ben = way.caller()
    ben.enter("/api/login", login("Ben"))
    assert ben.ask("POST", "/api/people", {}).status == 403
    assert ben.ask("DELETE", "/api/people/x", {}).status == 403
    assert ben.ask("GET", "/api/people").status == 200
    assert ben.ask("GET", "/metrics").status == 403
    vault.accounts.set_role(operator(), vault.accounts.require("Ben"), "owner")
    assert ben.ask("POST", "/api/people", {}).status == 200
    assert ben.ask("GET", "/metrics").status == 200


def test_the_link_from_the_terminal_tells_names_and_is_no_login(way: Doorway) -> None:
    caller = way.caller()
    reply = caller.enter("/api/login/once", {"code": way.code()})
    assert reply.json == {"people": ["Anna", "Ben", "Gil"]}
    assert caller.ask("GET", "/api/me").status == 401
    assert caller.enter("/api/login", login("Gil")).status == 200
    assert list(caller.cookies) == ["penjing"]


def test_the_servers_own_token_is_nobody_and_sees_counters_only(way: Doorway) -> None:
    shown = {"Authorization": f"Bearer {TOKEN}"}
    assert way.caller().ask("GET", "/metrics", headers=shown).json["who"] is None
    for path in ("/api/me", "/v1/models", "/metrics/x"):
        assert way.caller().ask("GET", path, headers=shown).status == 401
    assert way.caller().ask("POST", "/metrics", {}, shown).status == 401


def test_a_token_is_its_person_after_everybody_has_logged_out(way: Doorway, vault: Vault) -> None:
    ben, script, other = way.caller(), way.caller(), way.caller()
    ben.enter("/api/login", login("Ben"))
    made = ben.ask("POST", "/api/me/tokens", {"label": "笔记 script", "scopes": ["chat"]})
    assert made.status == 201
    shown = {"Authorization": f"Bearer {made.json['token']}"}
    ben.ask("POST", "/api/logout")
    assert locked_soon(vault, "Gil")  # nothing to do with it
    reply = script.ask("POST", "/v1/chat/completions", {}, shown)
    assert (reply.status, reply.json["who"]) == (200, id_of(vault, "Ben"))
    assert script.ask("POST", "/api/people", {}, shown).status == 403
    assert script.ask("POST", "/api/me/tokens", {"label": "more"}, shown).status == 403
    ben.enter("/api/login", login("Ben"))
    listed = ben.ask("GET", "/api/me/tokens").json
    assert [one["label"] for one in listed] == ["笔记 script"]
    assert "token" not in listed[0]
    other.enter("/api/login", login("Gil"))
    assert other.ask("DELETE", f"/api/me/tokens/{listed[0]['id']}").status == 404
    assert ben.ask("DELETE", f"/api/me/tokens/{listed[0]['id']}").status == 204
    assert script.ask("GET", "/v1/models", headers=shown).status == 401
    assert ben.ask("GET", "/api/me/tokens").json == []


class Slow(VaultAccounts):
    """A token opens its person's part only when it may."""

    def __init__(self, vault: Vault) -> None:
        super().__init__(vault)
        self.opened, self.may_go_on = threading.Event(), threading.Event()

    def unlock_token(self, token: str) -> UnlockedPerson:
        found = super().unlock_token(token)
        self.opened.set()
        assert self.may_go_on.wait(20)
        return found


def test_a_token_that_is_removed_while_it_opens_lets_nobody_in(vault: Vault) -> None:
    slow, statuses = Slow(vault), []
    with doorway(slow) as way:
        ben = way.caller()
        ben.enter("/api/login", login("Ben"))
        made = ben.ask("POST", "/api/me/tokens", {"label": "x"}).json
        shown = {"Authorization": f"Bearer {made['token']}"}
        asking = threading.Thread(
            target=lambda: statuses.append(way.caller().ask("GET", "/api/me", headers=shown).status)
        )
        asking.start()
        assert slow.opened.wait(20)
        assert ben.ask("DELETE", f"/api/me/tokens/{made['id']}").status == 204
        slow.may_go_on.set()
        asking.join(20)
        assert statuses == [401]
        assert way.caller().ask("GET", "/api/me", headers=shown).status == 401
        ben.ask("POST", "/api/logout")
        assert locked_soon(vault, "Ben")  # and what it had opened is closed


def test_a_token_of_somebody_else_cannot_be_made_of_ones_own(way: Doorway, vault: Vault) -> None:
    ben = way.caller()
    ben.enter("/api/login", login("Ben"))
    text = ben.ask("POST", "/api/me/tokens", {"label": "x"}).json["token"]
    forged = text.replace(id_of(vault, "Ben"), id_of(vault, "Anna"))
    assert forged != text
    reply = way.caller().ask("GET", "/api/me", headers={"Authorization": f"Bearer {forged}"})
    assert reply.status == 401


@pytest.mark.parametrize("body", [{}, {"label": ""}, {"label": "a\nb"}, {"label": "x" * 65}])
def test_a_token_has_a_name(way: Doorway, body: object) -> None:
    ben = way.caller()
    ben.enter("/api/login", login("Ben"))
    assert ben.ask("POST", "/api/me/tokens", body).status == 422


def test_the_log_tells_of_logins_and_tokens_and_no_more(way: Doorway, vault: Vault) -> None:
    ben = way.caller()
    ben.enter("/api/login", login("Ben", "wrong words"))
    ben.enter("/api/login", login("Ben"))
    ben.ask("POST", "/api/me/tokens", {"label": "a label"})
    ben.ask("POST", "/api/sessions", {})
    events = [one.event for one in vault.accounts.audit.entries()][-3:]
    assert events == ["refused", "unlocked", "token made"]
