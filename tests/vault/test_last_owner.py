"""Two owners at the same moment, in threads and in processes: one of them always stays."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from members import ANNA, BEN, OWN

from penjing.core.errors import BadInput, NotPermitted, PenjingError, UnknownName
from penjing.vault import wipe
from penjing.vault.access import operator
from penjing.vault.place import Place
from penjing.vault.vault import NewPerson, Vault

TOGETHER = 2.0
"""Seconds for which the first of two waits for the other at the point of no return."""

RIVAL = """
import sys, time
from contextlib import suppress
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from members import OWN
from penjing.core.errors import PenjingError
from penjing.vault import wipe
from penjing.vault.place import Place
from penjing.vault.vault import Vault
me, other, here = sys.argv[3], sys.argv[4], Path(sys.argv[5])
right = wipe.wipe

def slowly(place, subject):
    (here / me).touch()
    until = time.monotonic() + float(sys.argv[6])
    while not (here / other).exists() and time.monotonic() < until:
        time.sleep(0.01)
    right(place, subject)

wipe.wipe = slowly
with Vault.open(Place(Path(sys.argv[1])), OWN) as vault:
    actor = vault.accounts.actor(vault.accounts.require(me).id)
    print("ready", flush=True)
    sys.stdin.readline()
    with suppress(PenjingError):
        vault.wipe(actor, other)
        print("done")
"""


@pytest.fixture
def two(vault: Vault) -> Vault:
    """Anna and Ben own it; Cleo is a member, who would be left without an owner."""
    vault.accounts.set_role(operator(), vault.accounts.require("Ben"), "owner")
    vault.add_person(operator(), NewPerson("Cleo", "member", [ANNA]))
    return vault


def owners(vault: Vault) -> list[str]:
    return [one.name for one in vault.accounts.people() if one.role == "owner"]


def at_once(*calls: Callable[[], object]) -> list[PenjingError]:
    """What those said that were refused."""
    refused: list[PenjingError] = []

    def run(call: Callable[[], object]) -> None:
        try:
            call()
        except PenjingError as error:
            refused.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has been let through waits for the other to be let through too."""
    met, right = threading.Barrier(2), wipe.wipe

    def slowly(place: Place, subject: str) -> None:
        with suppress(threading.BrokenBarrierError):
            met.wait(TOGETHER)
        right(place, subject)

    monkeypatch.setattr(wipe, "wipe", slowly)


@pytest.mark.usefixtures("slow")
def test_two_owners_who_wipe_each_other_in_one_server(two: Vault) -> None:
    anna, ben = (two.accounts.actor(two.accounts.require(one).id) for one in ("Anna", "Ben"))
    refused = at_once(lambda: two.wipe(anna, "Ben"), lambda: two.wipe(ben, "Anna"))
    assert len(owners(two)) == 1
    assert [type(one) for one in refused] in ([NotPermitted], [UnknownName])


@pytest.mark.usefixtures("slow")
def test_two_owners_who_leave_together(two: Vault) -> None:
    anna, ben = (two.accounts.actor(two.accounts.require(one).id) for one in ("Anna", "Ben"))
    refused = at_once(lambda: two.wipe(anna, "Anna"), lambda: two.wipe(ben, "Ben"))
    assert len(owners(two)) == 1
    assert [type(one) for one in refused] == [BadInput]


@pytest.mark.usefixtures("slow")
def test_one_is_wiped_while_the_other_is_made_a_member(two: Vault) -> None:
    anna = two.accounts.require("Anna")
    refused = at_once(
        lambda: two.wipe(operator(), "Ben"),
        lambda: two.accounts.set_role(operator(), anna, "member"),
    )
    assert len(owners(two)) == 1
    assert len(refused) == 1


def test_two_owners_who_wipe_each_other_in_two_processes(two: Vault, tmp_path: Path) -> None:
    here, root = str(Path(__file__).parent), str(two.place.root)
    rivals = [
        subprocess.Popen(
            [sys.executable, "-c", RIVAL, root, here, *names, str(tmp_path), str(TOGETHER)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for names in (("Anna", "Ben"), ("Ben", "Anna"))
    ]  # fmt: skip
    for one in rivals:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in rivals:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    said = [one.communicate()[0] for one in rivals]
    assert sorted(said) == ["", "done\n"]
    assert [one.returncode for one in rivals] == [0, 0]
    (left,) = owners(two)
    two.unlock(left, ANNA if left == "Anna" else BEN).close()
    assert two.verify() == []


def test_who_is_an_owner_no_more_changes_nobody(two: Vault) -> None:
    """What a request was let in with is looked at again when it acts."""
    ben = two.accounts.require("Ben")
    before = two.accounts.actor(ben.id)
    two.accounts.set_role(operator(), ben, "member")
    cleo = two.accounts.require("Cleo")
    for act in (
        lambda: two.accounts.permit(before, cleo, "tool", "lights", True),
        lambda: two.accounts.set_role(before, ben, "owner"),
        lambda: two.wipe(before, "Cleo"),
    ):
        with pytest.raises(NotPermitted, match="Ben is a member"):
            act()
    with Vault.open(two.place, OWN) as again:
        assert owners(again) == ["Anna"]
