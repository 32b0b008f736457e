"""Every file of a vault, damaged in every way: an act works with everything, or keeps everything.

What may come of it is in `tests/support/damaging.py`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import damaging
import pytest
from damaging import ACTS, Act
from wreckage import DAMAGES, Wreckage

from penjing.vault import secrets

SECONDS = 20.0
"""More than any act takes; a pipe would make it wait for ever."""
FILES = tuple(Wreckage(Path(), "a" * 32, "b" * 32).files())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each passphrase is stretched once, and the disk is not waited for."""
    monkeypatch.setattr(secrets, "stretch", damaging.remembered)
    monkeypatch.setattr(os, "fsync", lambda _handle: None)


@pytest.fixture(scope="module")
def wreck(tmp_path_factory: pytest.TempPathFactory) -> Wreckage:
    return Wreckage.make(tmp_path_factory.mktemp("wreckage"))


@contextmanager
def at_once() -> Iterator[None]:
    """Fail instead of waiting for ever."""

    def late(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError("it waits")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def acts_for(row: int, column: int) -> list[Act]:
    """All six on all of them take minutes (`python tests/siege --only vault` does that)."""
    turn = ACTS[1 + (row + column) % (len(ACTS) - 1)]
    return [damaging.verify, turn] if column % 2 else [turn]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", FILES)
def test_it_works_with_everything_or_is_refused_and_changes_nothing(
    wreck: Wreckage, tmp_path: Path, file: str, damage: str
) -> None:
    for act in acts_for(FILES.index(file), list(DAMAGES).index(damage)):
        with at_once():
            assert damaging.fallen(wreck, tmp_path / act.__name__, file, damage, act) is None
