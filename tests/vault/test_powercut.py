"""Power cuts on a disk that forgets what was not synced. All 200: `benchmarks/vault.py`."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import diarist
import powercut
import pytest

from penjing.core.errors import PenjingError
from penjing.vault.place import Place

CUTS = 40
DIARIST = Path(diarist.__file__)

pytestmark = pytest.mark.skipif(
    powercut.compiler() is None or not os.path.exists("/proc/self/maps"),  # noqa: PTH110
    reason="LD_PRELOAD and a C compiler are needed to record what reaches the disk",
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return powercut.build(tmp_path_factory.mktemp("shim"))


def lost(
    library: Path, folder: Path, cuts: int, seed: int, steps: int, *mutation: str
) -> list[tuple[int, str]]:
    """At which cuts what was lost."""
    root = folder / "home"
    root.mkdir()
    script = [str(DIARIST), str(root), "", str(seed), str(steps), *mutation]
    records = powercut.run(library, root, script)
    found = []
    for number, cut in enumerate(powercut.cuts(records, cuts, Random(seed))):
        disk = powercut.Disk(root)
        disk.play(records[:cut])
        after = folder / str(number)
        disk.rebuild(after, Random(cut))
        try:
            wrong = diarist.check(Place(after / "vault"), disk.acknowledged)
        except PenjingError as error:
            wrong = [f"{type(error).__name__}: {error}"]
        found += [(cut, line) for line in wrong]
    return found


def test_no_acknowledged_turn_is_lost_and_every_vault_opens(library: Path, tmp_path: Path) -> None:
    assert lost(library, tmp_path, CUTS, 1, 40) == []


@pytest.mark.parametrize("mutation", ["off", "full"])
def test_a_vault_that_syncs_less_is_found_out(library: Path, tmp_path: Path, mutation: str) -> None:
    """FULL syncs all but the folder in which the journal was unlinked: that alone loses turns."""
    assert lost(library, tmp_path, 25, 2, 25, mutation, "turns") != []


PLAY = """
import os, sys
sys.path[:0] = sys.argv[2:]
import diarist
from penjing.core.errors import StorageError
from penjing.core.messages import Message
from penjing.vault.place import Place
place = Place(__import__("pathlib").Path(sys.argv[1]) / "vault")
session = diarist.make(place)
one = diarist.Diarist.arrive(place, 0, print, place.root)
one.turn()
os.environ["POWERCUT_" + os.environ["REFUSE"]] = "1"
for act in (one.turn, one.document, one.somebody, one.backup):
    try:
        act()
    except StorageError as error:
        print("refused:", error)
print("readable:", len(one.store.history.turns(one.session)))
one.store.close()
again = one.vault.unlock(diarist.NAME, diarist.words(0))
print("unlocked:", len(again.history.turns(one.session)), len(one.vault.notes))
again.close()
del os.environ["POWERCUT_" + os.environ["REFUSE"]]
one.store = one.vault.unlock(diarist.NAME, diarist.words(0))
one.turn()
one.leave()
"""


@pytest.mark.parametrize("refuse", ["FULL", "RO"])
def test_a_full_or_read_only_disk_is_one_line_and_the_vault_stays_readable(
    library: Path, tmp_path: Path, refuse: str
) -> None:
    root = tmp_path / "home"
    root.mkdir()
    script = ["-c", PLAY, str(root), str(DIARIST.parent)]
    said = powercut.said(library, root, script, REFUSE=refuse)
    assert sum(line.startswith("refused: cannot ") for line in said) == 4, said
    assert all(
        "free some space" in line or "read-only" in line for line in said if "refused" in line
    )
    assert "readable: 1" in said
    assert "unlocked: 1 1" in said
    assert diarist.check(Place(root / "vault"), ["turn 2"]) == []


def test_the_disk_forgets_and_remembers_as_it_should(library: Path, tmp_path: Path) -> None:
    """The simulator itself: what must survive does, what need not may be gone."""
    root = tmp_path / "home"
    root.mkdir()
    script = (
        "import os, sys; os.chdir(sys.argv[1])\n"
        "def put(name, data, sync, folder):\n"
        "    h = os.open(os.path.join(sys.argv[1], name), os.O_CREAT | os.O_WRONLY)\n"
        "    os.write(h, data)\n"
        "    if sync: os.fsync(h)\n"
        "    os.close(h)\n"
        "    if folder: h = os.open(sys.argv[1], os.O_RDONLY); os.fsync(h); os.close(h)\n"
        "put('kept', b'k' * 2000, True, True)\n"
        "put('nameless', b'n' * 2000, True, False)\n"
        "put('empty', b'', True, True)\n"
        "put('empty', b'e' * 2000, False, False)\n"
        "os.rename(os.path.join(sys.argv[1], 'kept'), os.path.join(sys.argv[1], 'moved'))\n"
    )
    records = powercut.run(library, root, ["-c", script, str(root)])
    states = set()
    for seed in range(60):
        disk = powercut.Disk(root)
        disk.play(records)
        after = tmp_path / str(seed)
        disk.rebuild(after, Random(seed))
        names = {path.name: path.read_bytes() for path in after.iterdir()}
        assert names.get("kept", names.get("moved")) == b"k" * 2000
        assert names["nameless"] == b"n" * 2000  # by the sync of its folder for "empty"
        states.add((("moved" in names), names["empty"]))
    assert {moved for moved, _ in states} == {True, False}
    torn = {data for _, data in states}
    assert b"" in torn
    assert b"e" * 2000 in torn
    assert any(0 < data.count(b"e") < 2000 for data in torn)
