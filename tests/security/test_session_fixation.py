"""Session fixation: an id that somebody planted or saw before is worth nothing after a login."""

from __future__ import annotations

from household import login
from premises import Premises


def test_an_id_planted_before_the_login_is_not_taken(server: Premises) -> None:
    victim, attacker = server.caller(), server.caller()
    planted = "A" * 43
    victim.cookies["penjing"] = planted
    assert victim.enter("/api/login", login("Ben")).status == 200
    assert victim.cookies["penjing"] != planted
    attacker.cookies["penjing"] = planted
    assert attacker.ask("GET", "/api/me").status == 401


def test_an_attackers_own_live_session_does_not_become_the_victims(server: Premises) -> None:
    attacker, victim = server.caller("Gil"), server.caller()
    planted = attacker.cookies["penjing"]
    victim.cookies["penjing"] = planted
    victim.enter("/api/login", login("Ben"))
    assert victim.ask("GET", "/api/me").json["name"] == "Ben"
    assert attacker.ask("GET", "/api/me").status == 401  # not even their own any more


def test_every_login_has_another_id(server: Premises) -> None:
    ids = [server.caller("Ben").cookies["penjing"] for _ in range(4)]
    assert len(set(ids)) == 4
    assert all(len(one) == 43 for one in ids)


def test_two_cookies_of_the_name_are_none(server: Premises) -> None:
    """Another service on this host, on another port, can set cookies: it must not decide."""
    ben = server.caller("Ben")
    right = ben.cookies["penjing"]
    for pair in (f"penjing=planted; penjing={right}", f"penjing={right}; penjing=planted"):
        assert server.caller().ask("GET", "/api/me", headers={"Cookie": pair}).status == 401


def test_an_id_in_the_address_is_no_login(server: Premises) -> None:
    ben = server.caller("Ben")
    text = ben.cookies["penjing"]
    for path in (f"/api/me?penjing={text}", f"/api/me?token={text}", f"/api/me;penjing={text}"):
        assert server.caller().ask("GET", path).status == 401


def test_a_login_code_dies_with_the_next_one(server: Premises) -> None:
    first, second = server.way.code(), server.way.code()
    assert server.caller().ask("POST", "/api/login/once", {"code": first}).status == 401
    assert server.caller().ask("POST", "/api/login/once", {"code": second}).status == 200
