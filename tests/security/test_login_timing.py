"""Timing of login, and guessing: a name tells nothing, guesses get slower, nobody stays out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from doorway import Doorway, doorway
from household import OWN, WORDS, household, login

from penjing.serve.door.residents import VaultAccounts
from penjing.serve.door.settings import DoorSettings
from penjing.serve.door.throttle import Delays, neighbourhood
from penjing.vault.secrets import Passphrase
from penjing.vault.vault import NewPerson, Vault, place_in


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with household(tmp_path) as opened:
        yield opened


@pytest.fixture
def way(vault: Vault) -> Iterator[Doorway]:
    with doorway(VaultAccounts(vault)) as running:
        yield running


@pytest.mark.alone
def test_a_name_that_is_there_takes_no_longer_than_one_that_is_not(tmp_path: Path) -> None:
    dora = NewPerson("Dora", "owner", [Passphrase("dora knows these words")])
    with (
        Vault.create(place_in(tmp_path), [OWN], dora) as vault,  # at the price that people pay
        doorway(VaultAccounts(vault)) as way,
    ):
        times: dict[str, list[float]] = {"Dora": [], "Nora": []}
        for _ in range(3):
            caller = way.caller()
            caller.enter("/api/login/once", {"code": way.code()})  # or guesses are slowed
            for _ in range(3):
                for name in ("Dora", "Nora"):
                    began = time.process_time()  # of all threads: others' work is not in it
                    assert caller.enter("/api/login", login(name, "wrong words")).status == 401
                    times[name].append(time.process_time() - began)
    there, absent = min(times["Dora"]), min(times["Nora"])
    assert absent > 0.02  # Argon2 was run for nobody, too
    assert abs(there - absent) < 0.35 * max(there, absent)


def test_guesses_get_slower_and_the_wait_is_said(way: Doorway) -> None:
    guesser = way.caller("127.0.0.20")
    replies = [guesser.enter("/api/login", login("Ben", f"guess {n}")) for n in range(12)]
    statuses = [one.status for one in replies]
    assert statuses[:5] == [401] * 5
    assert statuses[5:] == [429] * 7
    assert 1 <= int(replies[-1].headers["retry-after"]) <= 60
    assert guesser.enter("/api/login", login("Ben")).status == 429  # the right one waits as well
    assert guesser.enter("/api/login", login("Anna", "guess")).status == 429  # and other names


def test_a_guest_who_logs_in_between_guesses_gains_nothing(way: Doorway) -> None:
    guesser = way.caller("127.0.0.21")
    tried = 0
    for n in range(12):
        tried += guesser.enter("/api/login", login("Anna", f"guess {n}")).status == 401
        guesser.enter("/api/login", login("Gil"))
    assert tried <= 6


def test_tries_side_by_side_gain_nothing(way: Doorway) -> None:
    statuses: list[int] = []

    def guess(n: int) -> None:
        caller = way.caller("127.0.0.22")
        statuses.append(caller.enter("/api/login", login("Ben", f"guess {n}")).status)

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(401) <= 5
    assert set(statuses) <= {401, 429, 503}


def test_guessing_from_many_addresses_is_slowed_by_name(way: Doorway) -> None:
    statuses = [
        way.caller(f"127.0.1.{n}").enter("/api/login", login("Ben", f"guess {n}")).status
        for n in range(12)
    ]
    assert statuses.count(401) == 5


def test_nobody_is_kept_out_by_guesses_at_their_name(way: Doorway) -> None:
    """From the address they log in from, and with the link from the terminal anywhere."""
    home = way.caller("127.0.0.30")
    assert home.enter("/api/login", login("Ben")).status == 200
    for n in range(12):
        way.caller(f"127.0.2.{n}").enter("/api/login", login("Ben", f"guess {n}"))
    elsewhere = way.caller("127.0.0.31")
    assert elsewhere.enter("/api/login", login("Ben")).status == 429
    assert way.caller("127.0.0.30").enter("/api/login", login("Ben")).status == 200
    for n in range(12):
        elsewhere.enter("/api/login", login("Ben", f"guess {n}"))
    assert elsewhere.enter("/api/login/once", {"code": way.code()}).status == 200
    assert elsewhere.enter("/api/login", login("Ben")).status == 200


def test_the_link_does_not_free_from_all_limits(way: Doorway) -> None:
    caller = way.caller("127.0.0.32")
    caller.enter("/api/login/once", {"code": way.code()})
    statuses = [caller.enter("/api/login", login("Ben", f"guess {n}")).status for n in range(15)]
    assert statuses[:10] == [401] * 10
    assert statuses[10:] == [429] * 5


def test_passphrases_do_not_pile_up(vault: Vault) -> None:
    """More than the queue holds are turned away; the loop goes on answering all the while."""
    with doorway(VaultAccounts(vault), DoorSettings(unlocking=1, queue=1)) as way:
        statuses: list[int] = []

        def enter(n: int) -> None:
            caller = way.caller(f"127.0.3.{n}")
            body = {"name": f"nobody {n}", "passphrase": "guess"}
            statuses.append(caller.enter("/api/login", body).status)

        threads = [threading.Thread(target=enter, args=(n,)) for n in range(10)]
        for thread in threads:
            thread.start()
        assert way.caller().ask("GET", "/health", timeout=2).status == 200
        for thread in threads:
            thread.join()
        assert statuses.count(503) >= 5
        assert statuses.count(401) >= 1


def test_delays_end_and_memory_is_bounded() -> None:
    now = [0.0]
    delays = Delays(free=2, longest=8.0, cool=100.0, clock=lambda: now[0])
    waits = []
    for _ in range(8):
        delays.failed("x")
        waits.append(delays.wait("x"))
        now[0] += delays.wait("x")
    assert waits == [0, 1, 2, 4, 8, 8, 8, 8]
    assert delays.wait("x") == 0
    now[0] += 101
    delays.failed("x")
    assert delays.wait("x") == 0
    for n in range(10_000):
        delays.failed(f"address {n}")
    assert len(delays._tries) <= 4096


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("unix", "unix", True),
    ],
)
def test_one_subscriber_is_one_address(one: str, other: str, same: bool) -> None:
    assert (neighbourhood(one) == neighbourhood(other)) is same


def test_the_words_are_what_the_household_knows(way: Doorway) -> None:
    """Or every refusal above would prove nothing."""
    for name in WORDS:
        assert way.caller().enter("/api/login", login(name)).status == 200
