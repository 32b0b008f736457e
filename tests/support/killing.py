"""Kill -9 at random moments, and look what is left: run as a script of its own.

    python killing.py FOLDER KILLS SEED [ACTION ...]

Children are forked, so this process stays small and starts no thread. Prints one JSON document:
kills, acknowledged turns, and what was wrong.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import diarist
from diarist import SECRET, Diarist, Say, words

from penjing.core.errors import PenjingError
from penjing.core.messages import Message
from penjing.vault import box
from penjing.vault.backup import damaged_files, read_backup
from penjing.vault.migrations import PERSON
from penjing.vault.place import Place
from penjing.vault.vault import NewPerson, Vault

ACTIONS = (
    *("turn", "turn", "turn", "document", "forget"),
    *("rotate", "backup", "restore", "somebody", "migrate"),
    *("token", "setting", "unfile", "recover", "accounts", "salvage"),
)
"""What the child is doing when it is killed."""
A_VAULTS_LIFE = 100
"""Kills that one vault goes through; then another begins, or reading all again takes the time."""
LONGEST = {
    "turn": 0.2, "document": 0.05, "forget": 0.05, "rotate": 0.5, "backup": 0.1, "restore": 0.3,
    "somebody": 0.3, "migrate": 0.04, "token": 0.1, "setting": 0.05, "unfile": 0.05,
    "recover": 0.15, "accounts": 0.3, "salvage": 0.4,
}  # fmt: skip
"""Seconds after which it is killed at the latest."""


def main() -> int:
    """Do it."""
    folder, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    actions = sys.argv[4:] or list(ACTIONS)
    rng, done, wrong, turns = Random(seed), Counter[str](), list[str](), 0
    for start in range(0, kills, A_VAULTS_LIFE):
        part = folder / str(start)
        part.mkdir()
        life = _Life(part, rng, actions)
        for number in range(start, min(kills, start + A_VAULTS_LIFE)):
            action = actions[number % len(actions)]
            wrong += [f"{number}, {action}: {line}" for line in life.killed(action)]
            done[action] += 1
        turns += sum(line.startswith("turn") for line in life.acknowledged)
        shutil.rmtree(part)
    print(json.dumps({"kills": dict(done), "turns": turns, "wrong": wrong}))
    return 0


class _Life:
    """One vault, and what was acknowledged in it."""

    def __init__(self, folder: Path, rng: Random, actions: list[str]) -> None:
        self.acknowledged: list[str] = []
        self._folder = folder
        self._rng = rng
        self._place = Place(folder / "vault")
        diarist.make(self._place)
        self._old = _old_vault(folder) if "migrate" in actions else None

    def killed(self, action: str) -> list[str]:
        """Do something until it is killed; what is wrong then."""
        after = self._rng.uniform(0, LONGEST[action])
        if action == "migrate":
            assert self._old is not None
            return _kill_a_migration(self._old, self._folder / "migrating", after)
        work = partial(_work, self._place, self.acknowledged, action, self._folder)
        self.acknowledged += _killed(work, after)
        return _checked(self._place, self.acknowledged) + _backups(self._folder)


def _work(place: Place, acknowledged: list[str], action: str, folder: Path, say: Say) -> None:
    last = max([int(a.split()[1]) for a in acknowledged if a.startswith("rotated")], default=0)
    one = Diarist.arrive(place, last, say, folder)
    if one.rotations != last:
        say(f"rotated {one.rotations}")
    say("ready")
    while True:
        getattr(one, action)()


def _killed(work: Callable[[Say], None], after: float) -> list[str]:
    """Fork, let it work for a while once it is ready, kill it; what it acknowledged."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _in_the_child(work, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        first = b""
        while line := pipe.readline():
            first += line
            if line == b"ready\n":
                break
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
        said = first + pipe.read()
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise RuntimeError(f"the child ended by itself: {said.decode()[-2000:]}")
    return [line for line in said.decode().split("\n")[:-1] if line != "ready"]


def _in_the_child(work: Callable[[Say], None], writer: int) -> None:
    def say(line: str) -> None:
        os.write(writer, f"{line}\n".encode())

    try:
        work(say)
    except BaseException as error:
        say(f"{type(error).__name__}: {error}")
    os._exit(3)


def _checked(place: Place, acknowledged: list[str]) -> list[str]:
    try:
        return diarist.check(place, acknowledged)
    except PenjingError as error:
        return [f"{type(error).__name__}: {error}"]


def _backups(folder: Path) -> list[str]:
    """A backup that has its name is whole."""
    wrong = []
    for left in folder.glob("backup-*"):
        wrong += [f"backup: {name} is damaged" for name in damaged_files(read_backup(left, []))]
    for left in folder.glob("*backup-*"):
        shutil.rmtree(left)
    return wrong


def _old_vault(folder: Path) -> Place:
    """A vault whose person's part was made before the last two migrations."""
    place = Place(folder / "old")
    every, vault = PERSON, Vault.create(place, [SECRET], NewPerson("eve", "owner", [words(9)]))
    with vault:
        from penjing.vault import vault as module

        module.PERSON_STEPS = every[:1]  # type: ignore[attr-defined]
        try:
            vault.add_person(vault.accounts.actor(vault.accounts.people()[0].id),
                             NewPerson(diarist.NAME, "member", [words(0)]))  # fmt: skip
            store = vault.unlock(diarist.NAME, words(0))
            session = store.history.begin("diary").id
            for number in range(1, 41):
                store.history.append_turn(session, Message.of("user", diarist.text(number)))
            store.close()
        finally:
            module.PERSON_STEPS = every  # type: ignore[attr-defined]
    return place


def _kill_a_migration(old: Place, target: Path, after: float) -> list[str]:
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(old.root, target)
    place = Place(target)
    with Vault.open(place, SECRET) as vault:
        subject = vault.accounts.require(diarist.NAME).id

    def work(say: Say) -> None:
        from penjing.vault import slots

        known = slots.load(place, subject)
        key = slots.open_slots(known, words(0))
        say("ready")
        box.open_with(place, known, key, PERSON)
        time.sleep(60)

    _killed(work, after)
    return _checked(place, ["turn 40"])


if __name__ == "__main__":
    sys.exit(main())
