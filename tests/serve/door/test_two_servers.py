"""Two servers before one vault: what is taken away at one is gone at the other, at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from doorway import Caller, Doorway, doorway
from household import OWN, WORDS, household, login

from penjing.core.errors import InUse
from penjing.serve.door.residents import VaultAccounts
from penjing.serve.door.settings import DoorSettings
from penjing.vault.access import operator
from penjing.vault.envelope import LEAST
from penjing.vault.secrets import Passphrase
from penjing.vault.vault import Vault, place_in

NEVER = DoorSettings(refresh=3600.0, idle=12.0)
"""The accounts are asked again where their files have changed, and for no other reason."""


@dataclass
class Two:
    """Both servers, and the first one's vault."""

    here: Doorway
    there: Doorway
    vault: Vault

    def id_of(self, name: str) -> str:
        return self.vault.accounts.require(name).id


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    with (
        household(tmp_path) as one,
        Vault.open(place_in(tmp_path), OWN) as other,
        doorway(VaultAccounts(one), NEVER) as here,
        doorway(VaultAccounts(other), NEVER) as there,
    ):
        yield Two(here, there, one)


def entered(way: Doorway, name: str) -> Caller:
    caller = way.caller()
    assert caller.enter("/api/login", login(name)).status == 200
    return caller


def asked(way: Doorway, token: str) -> int:
    return way.caller().ask("GET", "/api/me", headers={"Authorization": f"Bearer {token}"}).status


def test_a_token_that_is_removed_here_opens_nothing_there(two: Two) -> None:
    ben, elsewhere = entered(two.here, "Ben"), entered(two.there, "Ben")
    made = [ben.ask("POST", "/api/me/tokens", {"label": one}).json for one in ("a", "b")]
    assert [asked(two.there, one["token"]) for one in made] == [200, 200]
    assert ben.ask("DELETE", f"/api/me/tokens/{made[0]['id']}").status == 204
    assert [asked(two.there, one["token"]) for one in made] == [401, 200]
    assert elsewhere.ask("GET", "/api/me").status == 200


def test_the_keys_of_a_removed_token_are_forgotten_there_though_nobody_comes_by(two: Two) -> None:
    ben = entered(two.here, "Ben")
    made = ben.ask("POST", "/api/me/tokens", {"label": "a"}).json
    assert asked(two.there, made["token"]) == 200
    ben.ask("DELETE", f"/api/me/tokens/{made['id']}")
    ben.ask("POST", "/api/logout")
    words, until = Passphrase(WORDS["Ben"], LEAST), time.monotonic() + 10
    while time.monotonic() < until:
        try:
            return two.vault.rotate("Ben", words, [words])
        except InUse:
            time.sleep(0.05)
    pytest.fail("the other server still has the part open")


def test_a_role_that_is_taken_away_here_is_gone_there(two: Two) -> None:
    ben = entered(two.there, "Ben")
    for role in ("owner", "guest", "member"):
        two.vault.accounts.set_role(operator(), two.vault.accounts.require("Ben"), role)
        assert ben.ask("GET", "/api/me").json["role"] == role


def test_a_passphrase_that_is_replaced_here_ends_what_the_old_one_began_there(two: Two) -> None:
    code = two.vault.recovery_code("Ben", Passphrase(WORDS["Ben"], LEAST))
    ben, anna = entered(two.there, "Ben"), entered(two.there, "Anna")
    token = ben.ask("POST", "/api/me/tokens", {"label": "a"}).json["token"]
    assert asked(two.there, token) == 200
    two.vault.recover("Ben", code, Passphrase("ben has other words now", LEAST))
    assert ben.ask("GET", "/api/me").status == 401
    assert asked(two.there, token) == 401
    assert anna.ask("GET", "/api/me").status == 200


def test_who_is_open_there_is_not_wiped_here_and_goes_on_there(two: Two) -> None:
    ben = entered(two.there, "Ben")
    with pytest.raises(InUse, match="in use by another penjing"):
        two.vault.wipe(operator(), "Ben")
    assert ben.ask("GET", "/api/me").status == 200
    assert ben.ask("POST", "/api/logout").status == 204
    two.there.wait(two.there.door.evict(two.id_of("Ben")))
    two.vault.wipe(operator(), "Ben")
    assert two.there.caller().enter("/api/login", login("Ben")).status == 401


def test_a_new_token_or_a_login_here_ends_nothing_there(two: Two) -> None:
    there = entered(two.there, "Ben")
    here = entered(two.here, "Ben")
    here.ask("POST", "/api/me/tokens", {"label": "a"})
    assert there.ask("GET", "/api/me").status == 200
    assert here.ask("GET", "/api/me").status == 200
