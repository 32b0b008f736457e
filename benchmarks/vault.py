"""Is an acknowledged turn ever lost, or an alarm? 1,000 kills of each, 200 power cuts; the costs.

Runs what the tests run (`tests/support/killing.py`, `powercut.py`), many times over, and prints a
table. Exit status 1 when one acknowledged turn is missing or one vault does not open.

    python benchmarks/vault.py [--kills 1000] [--rings 1000] [--cuts 200] [--seed 1]

The vault is put where temporary files go: set TMPDIR to a real disk, not one in memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from statistics import median

SUPPORT = Path(__file__).parent.parent / "tests" / "support"
sys.path.insert(0, str(SUPPORT))

import diarist  # noqa: E402
import killing  # noqa: E402
import powercut  # noqa: E402
import waking  # noqa: E402

from penjing.core.errors import PenjingError  # noqa: E402
from penjing.core.messages import Message  # noqa: E402
from penjing.vault.envelope import USUAL  # noqa: E402
from penjing.vault.place import Place  # noqa: E402
from penjing.vault.secrets import Passphrase  # noqa: E402
from penjing.vault.vault import NewPerson, Vault  # noqa: E402

RECORDINGS = 10
"""The cuts are spread over so many recorded runs, each of other acts."""
STEPS = 40
TIMED_TURNS = 200


def main() -> int:
    """Do all four and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--rings", type=int, default=1000)
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print("| what | how often | acknowledged turns | lost or wrong | took |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        wrong = kills(Path(folder) / "kills", args.kills, args.seed)
        wrong += rings(Path(folder) / "rings", args.rings, args.seed)
        wrong += cuts(Path(folder) / "cuts", args.cuts, args.seed)
        costs(Path(folder) / "costs")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def kills(folder: Path, count: int, seed: int) -> list[str]:
    """Kill -9 at random moments of everything."""
    folder.mkdir()
    began = time.monotonic()
    words = [sys.executable, killing.__file__, str(folder), str(count), str(seed)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    report = json.loads(done.stdout)
    each = ", ".join(f"{action} {number}" for action, number in report["kills"].items())
    row(f"kill -9 ({each})", count, report["turns"], len(report["wrong"]), began)
    return [str(line) for line in report["wrong"]]


def rings(folder: Path, count: int, seed: int) -> list[str]:
    """Kill -9 while alarms are set, ring, are stopped, snoozed, cancelled and told."""
    folder.mkdir()
    began = time.monotonic()
    words = [sys.executable, waking.__file__, str(folder), str(count), str(seed)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    report = json.loads(done.stdout)
    said = report["acknowledged"]
    what = f"kill -9 with alarms (acknowledged: {said['set']} set, {said['rang']} rung)"
    row(what, count, said["set"], len(report["wrong"]), began)
    return [str(line) for line in report["wrong"]]


def cuts(folder: Path, count: int, seed: int) -> list[str]:
    """Power cuts on recorded runs."""
    folder.mkdir()
    began, turns, records = time.monotonic(), 0, 0
    library, wrong = powercut.build(folder), []
    for recording in range(RECORDINGS):
        part = folder / str(recording)
        (part / "home").mkdir(parents=True)
        script = [str(diarist.__file__), str(part / "home"), "", f"{seed + recording}", f"{STEPS}"]
        played = powercut.run(library, part / "home", script)
        records += len(played)
        for cut in powercut.cuts(played, count // RECORDINGS, Random(seed + recording)):
            disk = powercut.Disk(part / "home")
            disk.play(played[:cut])
            turns += sum(line.startswith("turn") for line in disk.acknowledged)
            wrong += [f"cut at {cut} of {recording}: {line}" for line in after(disk, part, cut)]
    row(
        f"power cut (within {records} records of {RECORDINGS} runs)",
        count,
        turns,
        len(wrong),
        began,
    )
    return wrong


def after(disk: powercut.Disk, folder: Path, cut: int) -> list[str]:
    """What is wrong with one state that the cut may leave."""
    with tempfile.TemporaryDirectory(dir=folder) as rebuilt:
        disk.rebuild(Path(rebuilt), Random(cut))
        try:
            return diarist.check(Place(Path(rebuilt) / "vault"), disk.acknowledged)
        except PenjingError as error:
            return [f"{type(error).__name__}: {error}"]


def costs(folder: Path) -> None:
    """What one turn and one unlocking take, at the usual price of a passphrase."""
    own, words = Passphrase("the vault's own words", USUAL), Passphrase("anna's own words", USUAL)
    with Vault.create(Place(folder), [own], NewPerson("anna", "owner", [words])) as vault:
        began = time.perf_counter()
        store = vault.unlock("anna", words)
        unlocking = time.perf_counter() - began
        session = store.history.begin().id
        times = []
        for number in range(TIMED_TURNS):
            began = time.perf_counter()
            store.history.append_turn(session, Message.of("user", f"{number} " + "word " * 200))
            times.append(time.perf_counter() - began)
        began = time.perf_counter()
        found = len(store.history.search("word 199"))
        searching = time.perf_counter() - began
        slow = sorted(times)[int(TIMED_TURNS * 0.99)]
        store.close()
    turn = f"median {median(times) * 1e3:.1f} ms, 99% {slow * 1e3:.1f} ms"
    print(f"\nunlock {unlocking:.3f} s; a turn of 1 kB, on disk: {turn};")
    print(f"search in {TIMED_TURNS} turns {searching * 1e3:.1f} ms ({found} found)")


def row(what: str, count: int, turns: int, wrong: int, began: float) -> None:
    """One line of the table."""
    print(
        f"| {what} | {count} | {turns} | {wrong} | {time.monotonic() - began:.0f} s |", flush=True
    )


if __name__ == "__main__":
    sys.exit(main())
