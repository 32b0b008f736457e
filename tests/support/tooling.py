"""What tests of tools share: a clock that is set, outcomes read, waiting, and a real vault."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from penjing.core.dialogue import Outcome
from penjing.vault.envelope import LEAST
from penjing.vault.person import PersonStore
from penjing.vault.place import Place
from penjing.vault.secrets import Passphrase
from penjing.vault.vault import NewPerson, Vault

MONDAY_NOON = 1_795_435_200.0
"""2026-11-23 12:00 in UTC."""


class SetClock:
    """A clock that goes when it is told to."""

    def __init__(self, now: float = MONDAY_NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def done(outcome: Outcome) -> dict[str, Any]:
    """The data of what worked."""
    assert outcome.ok, outcome.error
    assert outcome.error == ""
    return dict(outcome.data)


def failed(outcome: Outcome) -> str:
    """The reason of what did not; its message is one line."""
    assert not outcome.ok, outcome.data
    assert outcome.error
    assert outcome.error.isprintable()
    return str(outcome.data["reason"])


def wait_until(true: Callable[[], bool], seconds: float = 10) -> None:
    """Until it is so; fails when it does not become so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@contextmanager
def opened(folder: str) -> Iterator[tuple[str, PersonStore]]:
    """The store of the one person of the vault there, which is made at first."""
    place, own = Place(Path(folder) / "vault"), Passphrase("the vault's own words", LEAST)
    anna = Passphrase("anna's own words", LEAST)
    if not place.root.exists():
        Vault.create(place, [own], NewPerson("anna", "owner", [anna])).close()
    with Vault.open(place, own) as vault:
        store = vault.unlock("anna", anna)
        try:
            yield "anna", store
        finally:
            store.close()
