"""Nothing that a stranger can time tells a name that is there from one that is not.

By counting what is done, and by ranks: if the two are alike, each is as often the slower one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from statistics import NormalDist
from typing import Any

import pytest
from doorway import Doorway, doorway
from household import household, login

from penjing.core.errors import WrongPassphrase
from penjing.serve.door.residents import VaultAccounts
from penjing.serve.door.throttle import Delays
from penjing.vault import disk, secrets
from penjing.vault.access import operator
from penjing.vault.envelope import LEAST, Cost
from penjing.vault.secrets import Keyring, Passphrase, Token
from penjing.vault.vault import NewPerson, Vault

ALIKE = 1e-4
"""How rarely the ranks of what is alike are told to differ."""


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with household(tmp_path) as opened:
        yield opened


def chance(ones: list[float], others: list[float]) -> float:
    """Of ranks that differ as much as these, were both alike (Mann and Whitney, two-sided)."""
    wins = sum((one > other) + (one == other) / 2 for one in ones for other in others)
    many, more = len(ones), len(others)
    spread = (many * more * (many + more + 1) / 12) ** 0.5
    return 2 * NormalDist().cdf(-abs(wins - many * more / 2) / spread)


def wrongly(vault: Vault, name: str) -> float:
    """Seconds of a guess."""
    began = time.perf_counter()
    with pytest.raises(WrongPassphrase):
        vault.unlock(name, Passphrase("a wrong guess"))
    return time.perf_counter() - began


# -- what is done


class Done:
    """What a guess makes the vault do: derivations by their cost, files read, lines logged."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.all: list[Any] = []
        stretch, read = secrets.stretch, disk.read
        monkey: list[tuple[Any, str, Callable[..., Any]]] = [
            (secrets, "stretch", lambda *a: (self.all.append(a[2]), stretch(*a))[1]),
            (disk, "read", lambda *a, **k: (self.all.append("a file"), read(*a, **k))[1]),
        ]
        for where, name, work in monkey:
            patch.setattr(where, name, work)

    def of(self, work: Callable[[], Any]) -> list[Any]:
        self.all.clear()
        work()
        return list(self.all)


def test_the_same_is_done_for_any_name(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    log, append = list[str](), vault.accounts.audit.append
    monkeypatch.setattr(
        vault.accounts.audit, "append", lambda *a: (log.append(a[1]), append(*a))[1]
    )
    done = Done(monkeypatch)
    names = ("Anna", "Ben", "Gil", "Nora", "anna ", "", "x" * 256, "\ud800", "' OR 1=1 --")
    for name in names:
        log.clear()
        work = done.of(lambda name=name: wrongly(vault, name))  # type: ignore[misc]
        assert work == done.of(lambda: wrongly(vault, "Ben")), name
        assert [one for one in work if isinstance(one, Cost)] == [LEAST]
        assert log[0] == "refused"


def test_a_name_that_is_not_there_costs_what_those_that_are_cost(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a vault that was made at another price, too; and a name costs the same every time."""
    dear = Cost(memory=LEAST.memory * 2, passes=3, lanes=2)
    vault.add_person(
        operator(), NewPerson("Dora", "guest", [Passphrase("dora knows these words", dear)])
    )
    done = Done(monkeypatch)
    paid = set()
    for number in range(12):
        name = f"nobody {number}"
        first, second = (done.of(lambda name=name: wrongly(vault, name)) for _ in "ab")  # type: ignore[misc]
        assert first == second
        paid |= {one for one in first if isinstance(one, Cost)}
    assert paid == {LEAST, dear}


@pytest.mark.parametrize("other", [Token("1" * 32, b"t" * 32), Keyring()])
def test_a_person_without_any_passphrase_is_not_told_by_a_quick_no(
    vault: Vault, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "_set_entry", lambda *_: None)
    vault.add_person(operator(), NewPerson("Kay", "guest", [other]))
    done = Done(monkeypatch).of(lambda: wrongly(vault, "Kay"))
    assert sum(isinstance(one, Cost) for one in done) == 1


def test_somebody_elses_right_words_open_nothing_under_a_name_that_is_not_there(
    vault: Vault,
) -> None:
    for number in range(6):
        for words in ("anna knows these words", "ben knows other words", "gil knows a third kind"):
            with pytest.raises(WrongPassphrase):
                vault.unlock(f"nobody {number}", Passphrase(words))


# -- how long it takes


def ranks(wrong: Callable[[str], float], times: int) -> float:
    """The chance that a name that is there and one that is not differ so by accident."""
    random, taken = Random(4), dict[str, list[float]](Ben=[], Nora=[])
    for _ in range(times):
        for name in random.sample(["Ben", "Nora"], 2):
            taken[name].append(wrong(name))
    return chance(taken["Ben"], taken["Nora"])


def test_the_ranks_tell_what_differs_and_not_what_is_alike() -> None:
    random = Random(1)
    same = [random.gauss(1.0, 0.1) for _ in range(40)], [random.gauss(1.0, 0.1) for _ in range(40)]
    assert chance(*same) > 0.01
    assert chance(same[0], [one + 0.15 for one in same[1]]) < ALIKE


@pytest.mark.alone
def test_the_vault_takes_as_long(vault: Vault) -> None:
    assert ranks(lambda name: wrongly(vault, name), 30) > ALIKE


@pytest.fixture
def way(vault: Vault) -> Iterator[Doorway]:
    with doorway(VaultAccounts(vault)) as running:
        free = Delays(free=10_000, longest=1.0)
        running.door._login._unlocking._addresses = free
        running.door._login._unlocking._names = free
        yield running


def guess(way: Doorway, name: str) -> float:
    body = {"name": name, "passphrase": "a wrong guess"}
    caller, began = way.caller("127.0.0.40"), time.perf_counter()
    assert caller.ask("POST", "/api/login", body).status == 401
    return time.perf_counter() - began


@pytest.mark.alone
def test_the_door_takes_as_long_while_others_log_in(way: Doorway) -> None:
    over = threading.Event()

    def busy(number: int) -> None:
        while not over.is_set():
            way.caller(f"127.0.4.{number}").enter("/api/login", login("Gil"))

    threads = [threading.Thread(target=busy, args=(number,)) for number in range(1, 4)]
    for thread in threads:
        thread.start()
    try:
        alike = ranks(lambda name: guess(way, name), 16)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert alike > ALIKE


def test_a_name_that_has_to_wait_is_told_so_whether_it_is_there_or_not(vault: Vault) -> None:
    with doorway(VaultAccounts(vault)) as way:
        heard = {}
        for at, name in enumerate(("Ben", "Nora")):
            body = {"name": name, "passphrase": "a wrong guess"}
            callers = [way.caller(f"127.0.{50 + at}.{number}") for number in range(1, 10)]
            replies = [one.enter("/api/login", body) for one in callers]
            heard[name] = [(one.status, one.body) for one in replies]
    assert [status for status, _ in heard["Ben"]] == [401] * 5 + [429] * 4
    assert heard["Ben"] == heard["Nora"]
