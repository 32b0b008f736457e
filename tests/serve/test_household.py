"""People, passphrases, export and wiping over HTTP, with a real vault and the real door."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from garden import Gardener
from household import OWN, login
from premises import Premises, premises, spoken

from penjing.core.errors import WrongPassphrase
from penjing.testing.scheduler import FakeScheduler
from penjing.vault.secrets import Passphrase
from penjing.vault.vault import Vault


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Premises]:
    with premises(tmp_path / "home") as running:
        yield running


def test_an_owner_sees_everybody_and_others_themselves(server: Premises) -> None:
    names = [one["name"] for one in server.caller("Anna").ask("GET", "/api/people").json]
    assert names == ["Anna", "Ben", "Gil"]
    (only,) = server.caller("Ben").ask("GET", "/api/people").json
    assert (only["name"], only["role"]) == ("Ben", "member")


def test_an_owner_adds_somebody_who_then_logs_in(server: Premises) -> None:
    anna = server.caller("Anna")
    new = {"name": "Dora", "role": "guest", "passphrase": "dora knows a fourth kind"}
    added = anna.ask("POST", "/api/people", new)
    assert added.status == 200
    assert anna.ask("POST", "/api/people", new).status == 422
    assert anna.ask("POST", "/api/people", {**new, "passphrase": "short"}).status == 422
    dora = server.caller()
    assert dora.enter("/api/login", login("Dora", new["passphrase"])).status == 200
    path = f"/api/people/{added.json['id']}"
    allowed = [{"kind": "tool", "name": "lamp", "allowed": True}]
    changed = anna.ask("PATCH", path, {"role": "member", "permissions": allowed})
    assert changed.json == {**added.json, "role": "member", "permissions": allowed}
    assert anna.ask("PATCH", path, {"keep_days": 3}).status == 403
    mine = f"/api/people/{server.id_of('Anna')}"
    assert anna.ask("PATCH", mine, {"role": "member"}).status == 422  # the last owner stays one
    assert anna.ask("PATCH", mine, {"keep_days": 3}).status == 200
    assert anna.ask("GET", "/api/settings").json["keep_days"] == 3


def test_what_nobody_could_use_is_not_allowed_and_nothing_else_changes(tmp_path: Path) -> None:
    with premises(tmp_path / "home", assistant=Gardener(FakeScheduler())) as server:
        anna = server.caller("Anna")
        path = f"/api/people/{server.id_of('Gil')}"
        for kind in ("tool", "source", "assistant"):
            named = [{"kind": kind, "name": "swich_lamp", "allowed": True}]
            refused = anna.ask("PATCH", path, {"role": "member", "permissions": named})
            assert refused.status == 422
            assert f"unknown {kind} 'swich_lamp': " in refused.json["error"]
        gil = next(one for one in anna.ask("GET", "/api/people").json if one["name"] == "Gil")
        assert (gil["role"], gil["permissions"]) == ("guest", [])
        named = [{"kind": "tool", "name": "switch_lamp", "allowed": True}]
        assert anna.ask("PATCH", path, {"permissions": named}).json["permissions"] == named


def test_an_owner_wipes_somebody_who_is_logged_in(server: Premises) -> None:
    anna, ben = server.caller("Anna"), server.caller("Ben")
    spoken(ben, "remember this")
    path = f"/api/people/{server.id_of('Ben')}"
    assert anna.ask("DELETE", path, {"confirm": "Gil"}).status == 422
    assert ben.ask("GET", "/api/me").status == 200
    assert anna.ask("DELETE", path, {"confirm": "Ben"}).status == 204
    assert ben.ask("GET", "/api/me").status == 401
    assert server.caller().enter("/api/login", login("Ben")).status in (401, 403)
    assert anna.ask("DELETE", path, {"confirm": "Ben"}).status == 404


def test_another_passphrase_ends_every_session_and_keeps_everything(server: Premises) -> None:
    ben, elsewhere = server.caller("Ben"), server.caller("Ben")
    session = spoken(ben, "remember this")
    wanted = {"old": "wrong words altogether", "new": "ben has other words now"}
    assert ben.ask("POST", "/api/me/passphrase", wanted).status == 403
    assert elsewhere.ask("GET", "/api/me").status == 200
    wanted["old"] = "ben knows other words"
    assert ben.ask("POST", "/api/me/passphrase", wanted).status == 204
    assert ben.ask("GET", "/api/me").status == 401
    assert elsewhere.ask("GET", "/api/me").status == 401
    assert ben.enter("/api/login", login("Ben")).status in (401, 403)
    assert ben.enter("/api/login", login("Ben", wanted["new"])).status == 200
    turns = ben.ask("GET", f"/api/sessions/{session}/turns").json
    assert [one["text"] for one in turns] == ["remember this", "remember this"]


@pytest.mark.parametrize("new", ["short", "ben has other words now"])
def test_a_passphrase_that_is_not_changed_ends_nothing(server: Premises, new: str) -> None:
    """Refused for what it is, or because another process has the part open."""
    ben, elsewhere = server.caller("Ben"), server.caller("Ben")
    session = spoken(ben, "remember this")
    wanted = {"old": "ben knows other words", "new": new}
    with Vault.open(server.vault.place, OWN) as other:
        part = other.unlock("Ben", Passphrase("ben knows other words"))
        status = ben.ask("POST", "/api/me/passphrase", wanted).status
        assert status == (422 if new == "short" else 409)
        for caller in (ben, elsewhere):
            assert caller.ask("GET", "/api/me").status == 200
            assert len(caller.ask("GET", f"/api/sessions/{session}/turns").json) == 2
        part.close()
    assert ben.ask("POST", "/api/logout").status == 204
    assert elsewhere.ask("GET", "/api/me").status == 200
    wanted["new"] = "ben has other words now"
    assert elsewhere.ask("POST", "/api/me/passphrase", wanted).status == 204
    assert elsewhere.ask("GET", "/api/me").status == 401


def test_who_is_not_wiped_goes_on(server: Premises) -> None:
    ben, anna = server.caller("Ben"), server.caller("Anna")
    with Vault.open(server.vault.place, OWN) as other:
        other.unlock("Ben", Passphrase("ben knows other words"))
        sure = {"passphrase": "ben knows other words"}
        assert ben.ask("POST", "/api/me/wipe", sure).status == 409
        path = f"/api/people/{server.id_of('Ben')}"
        assert anna.ask("DELETE", path, {"confirm": "Ben"}).status == 409
        assert ben.ask("GET", "/api/me").status == 200


@pytest.mark.parametrize("new", ["a" * 1025, "a few\0words here", "two\nlines of it", "short"])
def test_a_new_passphrase_is_one_everywhere(server: Premises, new: str) -> None:
    anna = server.caller("Anna")
    changed = {"old": "anna knows these words", "new": new}
    added = {"name": "Dora", "role": "guest", "passphrase": new}
    assert anna.ask("POST", "/api/me/passphrase", changed).status == 422
    assert anna.ask("POST", "/api/people", added).status == 422
    assert anna.ask("GET", "/api/me").status == 200


def test_the_only_owner_is_not_wiped_and_goes_on(server: Premises) -> None:
    anna = server.caller("Anna")
    words = "anna knows these words"
    path = f"/api/people/{server.id_of('Anna')}"
    refused = [
        anna.ask("POST", "/api/me/wipe", {"passphrase": words}),
        anna.ask("DELETE", path, {"confirm": "Anna", "passphrase": words}),
    ]
    for reply in refused:
        assert reply.status == 422
        assert "only owner" in reply.json["error"]
    assert anna.ask("GET", "/api/me").status == 200


def test_who_wipes_themselves_among_the_people_proves_who_they_are(server: Premises) -> None:
    anna, ben = server.caller("Anna"), f"/api/people/{server.id_of('Ben')}"
    assert anna.ask("PATCH", ben, {"role": "owner"}).status == 200
    path = f"/api/people/{server.id_of('Anna')}"
    assert anna.ask("DELETE", path, {"confirm": "Anna"}).status == 422
    wrong = {"confirm": "Anna", "passphrase": "not these words"}
    assert anna.ask("DELETE", path, wrong).status == 403
    assert anna.ask("GET", "/api/me").status == 200
    right = {"confirm": "Anna", "passphrase": "anna knows these words"}
    assert anna.ask("DELETE", path, right).status == 204
    assert [one.name for one in server.vault.accounts.people()] == ["Ben", "Gil"]


def test_who_is_no_owner_any_more_reads_as_one_no_more(server: Premises) -> None:
    anna, ben = server.caller("Anna"), server.caller("Ben")
    path = f"/api/people/{server.id_of('Ben')}"
    for _ in range(3):
        assert anna.ask("PATCH", path, {"role": "owner"}).status == 200
        assert len(ben.ask("GET", "/api/people").json) == 3
        assert ben.ask("GET", "/metrics").status == 200
        assert anna.ask("PATCH", path, {"role": "member"}).status == 200
        assert len(ben.ask("GET", "/api/people").json) == 1
        assert ben.ask("GET", "/metrics").status == 403
        assert ben.ask("GET", "/api/me").json["role"] == "member"


def test_everything_about_somebody_in_one_zip(server: Premises) -> None:
    ben = server.caller("Ben")
    spoken(ben, "remember this 记住")
    ben.ask("POST", "/api/documents?name=notes.txt", b"of mine", {"Content-Type": "text/plain"})
    with zipfile.ZipFile(io.BytesIO(ben.ask("POST", "/api/me/export").body)) as archive:
        about = json.loads(archive.read("about-me.json"))
        assert archive.read(about["documents"][0]["file"]) == b"of mine"
    assert about["person"]["name"] == "Ben"
    assert about["sessions"][0]["turns"][0]["text"] == "remember this 记住"
    assert not list(server.home.rglob("*.zip"))


def test_who_wipes_themselves_is_gone(server: Premises) -> None:
    ben = server.caller("Ben")
    spoken(ben, "remember this")
    assert ben.ask("POST", "/api/me/wipe", {"passphrase": "not these words"}).status == 403
    assert ben.ask("POST", "/api/me/wipe", {"passphrase": "ben knows other words"}).status == 204
    assert ben.ask("GET", "/api/me").status == 401
    assert [one.name for one in server.vault.accounts.people()] == ["Anna", "Gil"]
    with pytest.raises(WrongPassphrase):
        server.vault.unlock("Ben", Passphrase("ben knows other words"))


def test_a_person_who_is_answered_is_stopped_before_their_key_changes(tmp_path: Path) -> None:
    with premises(tmp_path / "home") as server:
        server.scheduler._delay, server.scheduler._piece = 0.01, 1  # type: ignore[attr-defined]
        ben = server.caller("Ben")
        session = spoken(ben, "short")
        asking = server.caller("Ben")
        import threading

        said = {"text": "z" * 3000}
        turn = threading.Thread(
            target=asking.ask, args=("POST", f"/api/sessions/{session}/turns", said)
        )
        turn.start()
        while not server.app.desk.replies._turns:
            pass
        wanted = {"old": "ben knows other words", "new": "ben has other words now"}
        assert ben.ask("POST", "/api/me/passphrase", wanted).status == 204
        turn.join(10)
        assert not turn.is_alive()
        assert ben.enter("/api/login", login("Ben", wanted["new"])).status == 200
        turns = ben.ask("GET", f"/api/sessions/{session}/turns").json
        assert [one["role"] for one in turns] == ["user", "assistant", "user", "assistant"]
        assert 0 < len(turns[3]["text"]) < 3000
