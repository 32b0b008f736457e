"""Guesses at every place where a passphrase is asked: together they gain no more than at the login.

The places: the login, wiping and the new passphrase in a person's own settings, and a token that
may do what nothing undoes.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from doorway import Caller, Reply
from household import WORDS, login
from premises import Premises, premises

NEW = "a wholly new passphrase"


def at_login(caller: Caller, words: str) -> Reply:
    return Caller(caller.port, address=caller.address).ask(
        "POST", "/api/login", login("Ben", words)
    )


def at_wipe(caller: Caller, words: str) -> Reply:
    return caller.ask("POST", "/api/me/wipe", {"passphrase": words})


def at_passphrase(caller: Caller, words: str) -> Reply:
    return caller.ask("POST", "/api/me/passphrase", {"old": words, "new": NEW})


def at_token(caller: Caller, words: str) -> Reply:
    body = {"label": "x", "scopes": ["admin"], "passphrase": words}
    return caller.ask("POST", "/api/me/tokens", body)


INSIDE = (at_wipe, at_passphrase, at_token)
PLACES = (at_login, *INSIDE)
Place = Callable[[Caller, str], Reply]
WRONG = (401, 403)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Premises]:
    with premises(tmp_path / "home") as running:
        yield running


def stolen(server: Premises, address: str) -> Caller:
    """Ben's cookie in somebody else's hands."""
    ben = server.caller("Ben")
    return Caller(ben.port, dict(ben.cookies), ben.csrf, address)


@pytest.mark.parametrize("place", INSIDE)
def test_each_place_says_wrong_then_to_wait_and_does_nothing(
    server: Premises, place: Place
) -> None:
    thief = stolen(server, "127.0.8.1")
    replies = [place(thief, f"guess {n}") for n in range(9)]
    assert [one.status for one in replies] == [403] * 5 + [429] * 4
    assert 1 <= int(replies[-1].headers["retry-after"]) <= 60
    assert "wait" in replies[-1].json["error"]
    assert server.caller("Ben").ask("GET", "/api/me").status == 200  # not wiped, not another


def test_the_places_mixed_give_no_more_guesses_than_the_login_alone(server: Premises) -> None:
    thief = stolen(server, "127.0.8.2")
    mixed = itertools.islice(itertools.cycle(PLACES), 16)
    statuses = [place(thief, f"guess {n}").status for n, place in enumerate(mixed)]
    assert sum(one in WRONG for one in statuses) == 5
    assert statuses[5:] == [429] * 11


def test_guesses_in_the_settings_slow_the_login_and_the_other_way_round(server: Premises) -> None:
    thief = stolen(server, "127.0.8.3")
    for n in range(5):
        assert at_wipe(thief, f"guess {n}").status == 403
    assert at_login(thief, WORDS["Ben"]).status == 429  # by address and by name
    elsewhere = server.way.caller("127.0.8.4")
    assert elsewhere.enter("/api/login", login("Ben")).status == 429  # by name
    assert elsewhere.enter("/api/login", login("Gil")).status == 200  # and by no other's


def test_side_by_side_they_gain_nothing_either(server: Premises) -> None:
    thief = stolen(server, "127.0.8.5")
    statuses: list[int] = []

    def guess(n: int) -> None:
        statuses.append(PLACES[n % 4](thief, f"guess {n}").status)

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == 24
    assert sum(one in WRONG for one in statuses) <= 5
    assert {*statuses} <= {401, 403, 429, 503}


def test_who_hangs_up_before_the_answer_has_guessed_all_the_same(server: Premises) -> None:
    thief = stolen(server, "127.0.8.6")
    unlocking = server.way.door._login._unlocking
    unlocking._addresses._clock = unlocking._names._clock = lambda: 0.0
    gate, inside = threading.Event(), threading.Event()
    prove = server.way.door._accounts.prove

    def slowly(*given: Any) -> None:
        inside.set()
        gate.wait(20)
        prove(*given)

    server.way.door._accounts.prove = slowly  # type: ignore[method-assign]
    for n in range(5):
        inside.clear()
        gate.clear()
        with pytest.raises(TimeoutError):
            thief.ask("POST", "/api/me/wipe", {"passphrase": f"guess {n}"}, timeout=1)
        assert inside.wait(20)
        gate.set()
    statuses = {at_wipe(thief, "one more guess").status for _ in range(3)}
    assert statuses == {429}


def test_the_right_one_clears_what_went_before_as_a_login_does(server: Premises) -> None:
    """The name's guesses; an address keeps its own, or a guest could clear them."""
    ben = stolen(server, "127.0.8.7")
    for n in range(3):
        assert at_wipe(ben, f"guess {n}").status == 403
    for n in range(1, 7):
        server.way.caller(f"127.0.9.{n}").ask("POST", "/api/login", login("Ben", "guess"))
    assert at_login(server.way.caller("127.0.9.8"), WORDS["Ben"]).status == 429
    at_home = stolen(server, "127.0.0.1")  # they have logged in from there
    assert at_token(at_home, WORDS["Ben"]).status == 201
    assert at_login(server.way.caller("127.0.9.8"), WORDS["Ben"]).status == 200
    assert [at_wipe(ben, "guess").status for _ in range(4)] == [403, 403, 429, 429]


def test_a_stolen_session_guesses_ten_times_and_never_again(server: Premises) -> None:
    """So that it cannot keep the name of its person waiting wherever they log in."""
    now = [0.0]
    unlocking = server.way.door._login._unlocking
    unlocking._addresses._clock = unlocking._names._clock = lambda: now[0]
    thief = stolen(server, "127.0.8.8")
    tried = 0
    for n in range(200):
        now[0] += 61.0
        reply = INSIDE[n % 3](thief, f"guess {n}")
        tried += "too many wrong passphrases" not in reply.json["error"]
    assert tried == 10
    assert server.way.caller("127.0.8.9").enter("/api/login", login("Ben")).status == 200
    assert at_wipe(thief, WORDS["Ben"]).status == 403  # the right one neither, in that session
    assert at_token(server.caller("Ben"), WORDS["Ben"]).status == 201  # in a new one it works


def test_a_token_is_not_even_asked(server: Premises) -> None:
    ben = server.caller("Ben")
    token = at_token(ben, WORDS["Ben"]).json["token"]
    program = {"Authorization": f"Bearer {token}"}
    for words in (WORDS["Ben"], "a guess"):
        for path, body in (
            ("wipe", {"passphrase": words}),
            ("passphrase", {"old": words, "new": NEW}),
        ):
            reply = Caller(ben.port).ask("POST", f"/api/me/{path}", body, program)
            assert (reply.status, "no token" in reply.json["error"]) == (403, True)
    assert server.caller("Ben").ask("GET", "/api/me").status == 200


def test_every_place_that_takes_a_passphrase_is_one_of_these(server: Premises) -> None:
    """A new one has to be added to this file, and to the throttle."""
    document = server.caller("Anna").ask("GET", "/openapi.json").json
    asking = set()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            schema = body.get("schema", {})
            name = schema.get("$ref", "").rpartition("/")[2]
            schema = document["components"]["schemas"].get(name, schema)
            fields = schema.get("properties", {})
            if {"passphrase", "old", "password"} & {*fields}:
                asking.add((method, path))
    made = {("post", "/api/people")}  # takes a new one, and proves nothing by it
    by_the_door = {("post", "/api/login"), ("post", "/api/me/tokens")}
    assert asking >= by_the_door
    assert asking - made - by_the_door == {
        ("post", "/api/me/wipe"), ("post", "/api/me/passphrase"),
        ("delete", "/api/people/{person}"),  # of who wipes themselves
    }  # fmt: skip


def test_the_places_share_one_queue(tmp_path: Path) -> None:
    from penjing.serve.door.settings import DoorSettings

    with premises(tmp_path / "home", settings=DoorSettings(unlocking=1, queue=0)) as server:
        ben = server.caller("Ben")
        gate, inside = threading.Event(), threading.Event()

        def slowly(*_: object) -> None:
            inside.set()
            gate.wait(20)

        server.way.door._accounts.prove = slowly  # type: ignore[method-assign]
        first = threading.Thread(target=at_token, args=(ben, WORDS["Ben"]))
        first.start()
        assert inside.wait(10)
        replies = [place(ben, "guess") for place in PLACES]
        gate.set()
        first.join()
    assert [one.status for one in replies] == [503] * 4
    assert all(int(one.headers["retry-after"]) >= 1 for one in replies)
