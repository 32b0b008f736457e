"""Many log in at the same moment, right and wrong, at the price that people pay: all are answered.

Two at once used to wait for each other inside OpenSSL, for ever. How long they take is measured by
`benchmarks/logins.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from doorway import Doorway, doorway
from household import OWN, household

from penjing.serve.door.residents import VaultAccounts
from penjing.vault.access import operator
from penjing.vault.secrets import Passphrase
from penjing.vault.vault import NewPerson, Vault, place_in

DORA = {"name": "Dora", "passphrase": "dora knows these words"}
ERIK = {"name": "Erik", "passphrase": "erik knows those words"}
NOBODY = {"name": "Nora", "passphrase": "nora knows no words"}
WRONG = {"name": "Dora", "passphrase": "words of somebody else"}


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Doorway]:
    with household(tmp_path) as vault:
        for one in (DORA, ERIK):
            new = NewPerson(one["name"], "member", [Passphrase(one["passphrase"])])
            vault.add_person(operator(), new)
        with doorway(VaultAccounts(vault)) as running:
            yield running


def at_once(way: Doorway, bodies: Sequence[dict[str, str]], net: int) -> list[int]:
    """Their statuses, each from an address of its own."""
    statuses, gate = [0] * len(bodies), threading.Barrier(len(bodies))

    def enter(number: int) -> None:
        caller = way.caller(f"127.1.{net}.{number + 1}")
        gate.wait(10)
        statuses[number] = caller.ask("POST", "/api/login", bodies[number], timeout=60).status

    threads = [
        threading.Thread(target=enter, args=(one,), daemon=True) for one in range(len(bodies))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    return statuses


def test_pairs_are_all_answered(way: Doorway) -> None:
    for number in range(6):
        assert at_once(way, [DORA, ERIK], number) == [200, 200]


def test_eight_at_once_are_all_answered_with_wrong_names_among_them(way: Doorway) -> None:
    bodies = [DORA, NOBODY, ERIK, WRONG, DORA, NOBODY, ERIK, DORA]
    assert at_once(way, bodies, 9) == [200, 401, 200, 401, 200, 401, 200, 200]


def test_settings_and_command_line_derive_beside_logins(way: Doorway, tmp_path: Path) -> None:
    """The vault is opened here as the command line does, while people log in."""
    stop, opened = threading.Event(), list[bool]()

    def elsewhere() -> None:
        while not stop.is_set():
            with Vault.open(place_in(tmp_path), OWN):
                opened.append(True)

    thread = threading.Thread(target=elsewhere, daemon=True)
    thread.start()
    try:
        assert at_once(way, [DORA, ERIK, DORA, ERIK], 10) == [200] * 4
    finally:
        stop.set()
        thread.join(30)
    assert opened
