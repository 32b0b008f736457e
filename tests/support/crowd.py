"""Several processes on one vault, each doing something else as fast as it can.

    python crowd.py FOLDER SECONDS SEED [kill]

Two write for anna; others rotate and recover ben's key, put backups back, make backups and restore
them elsewhere, let people come and wipe them, and replace the key of the accounts. With `kill` one
of them dies from time to time and another takes its place. Being refused as somebody else is at
it is fine; losing what was acknowledged, a foreign exception or waiting for ever is not. Prints one
JSON document: how often each was done and refused, and what was wrong.
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
from dataclasses import dataclass
from pathlib import Path
from random import Random

from penjing.core.errors import PenjingError, WrongPassphrase
from penjing.core.messages import Message
from penjing.vault import comeback
from penjing.vault.access import operator
from penjing.vault.envelope import LEAST
from penjing.vault.person import PersonStore
from penjing.vault.place import Place
from penjing.vault.secrets import Passphrase
from penjing.vault.vault import NewPerson, Vault

OWN = Passphrase("the vault's own words", LEAST)
ANNA = Passphrase("anna knows these words", LEAST)
BEN = (Passphrase("ben knows these words", LEAST), Passphrase("or he knows these", LEAST))
SLOW = 40.0
"""Seconds after which somebody hangs: longer than any patience in the vault."""


@dataclass
class Part:
    """What one process has to do."""

    folder: Path
    random: Random
    say: Callable[[str], None]
    kill: bool
    """Some of the others die at any moment."""

    @property
    def place(self) -> Place:
        return Place(self.folder / "vault")

    def write(self) -> None:
        """Anna speaks; what is acknowledged is said by this process, in order."""
        with Vault.open(self.place, OWN) as vault:
            store = vault.unlock("anna", ANNA)
            session = store.history.sessions()[0].id
            try:
                for _ in range(self.random.randrange(3, 30)):
                    number = time.monotonic_ns()
                    text = f"{os.getpid()} {number} " + "x" * self.random.randrange(3000)
                    store.history.append_turn(session, Message.of("user", text))
                    self.say(f"turn {os.getpid()} {number}")
            finally:
                store.close()

    def rotate(self) -> None:
        with Vault.open(self.place, OWN) as vault:
            old, new = self.random.sample(BEN, 2)
            try:
                vault.rotate("ben", old, [new])
            except WrongPassphrase:
                vault.rotate("ben", new, [old])

    def recover(self) -> None:
        with Vault.open(self.place, OWN) as vault:
            secret = self.random.choice(BEN)
            vault.recover("ben", vault.recovery_code("ben", secret), secret)

    def tokens(self) -> None:
        with Vault.open(self.place, OWN) as vault:
            store = _ben(vault)
            try:
                for token in vault.tokens(store):
                    vault.drop_token(store, token)
                vault.add_token(store, ["read"])
            finally:
                store.close()

    def back_up(self) -> None:
        """A backup holds what was acknowledged before it, and opens elsewhere."""
        name = f"backup-{os.getpid()}-{self.random.randrange(10**9)}"
        target, there = self.folder / name, Place(self.folder / f"there-{name}")
        said = _acknowledged(self.folder)
        try:
            with Vault.open(self.place, OWN) as vault:
                made = comeback.backup(vault, target)
                code = comeback.accounts_code(self.place, OWN)
                annas = vault.recovery_code("anna", ANNA)
            if made.left_out:
                self.say(f"wrong: left out {made.left_out}")
            comeback.restore_elsewhere(there, target, code, OWN)
            with Vault.open(there, OWN) as vault:
                vault.recover("anna", annas, ANNA)
                wrong = _lost(vault, said)
            if wrong:
                self.say(f"wrong: {wrong}")
        finally:
            shutil.rmtree(target, ignore_errors=True)
            shutil.rmtree(there.root, ignore_errors=True)

    def put_back(self) -> None:
        """A backup takes the place of ben's part; of anna's it never gets the turn."""
        target = self.folder / f"back-{os.getpid()}-{self.random.randrange(10**9)}"
        try:
            with Vault.open(self.place, OWN) as vault:
                anna = vault.unlock("anna", ANNA)
                try:
                    comeback.backup(vault, target)
                    comeback.restore(vault, target)
                finally:
                    anna.close()
        finally:
            shutil.rmtree(target, ignore_errors=True)

    def somebody(self) -> None:
        with Vault.open(self.place, OWN) as vault:
            name = f"guest {self.random.randrange(10**9)}"
            vault.add_person(operator(), NewPerson(name, "guest", [BEN[0]]))
            vault.wipe(operator(), name)

    def look(self) -> None:
        """Nothing is wrong while others are at it."""
        with Vault.open(self.place, OWN) as vault:
            store = vault.unlock("anna", ANNA)
            try:
                known = {one.id for one in vault.accounts.people()}
                for one in vault.verify([store]):
                    copy = self.kill and "damaged or old" in one.what  # of two: the dead left it so
                    if one.subject in known and not copy:  # who is being added is nobody's yet
                        self.say(f"seen: {one}")
            finally:
                store.close()


ACTS = ("write", "write", "rotate", "recover", "tokens", "back_up", "put_back", "somebody", "look")


def _ben(vault: Vault) -> PersonStore:
    try:
        return vault.unlock("ben", BEN[0])
    except WrongPassphrase:
        return vault.unlock("ben", BEN[1])


def _acknowledged(folder: Path) -> list[tuple[str, str]]:
    lines = [
        line.split() for path in folder.glob("*.said") for line in path.read_text().splitlines()
    ]
    return [(line[1], line[2]) for line in lines if line[0] == "turn" and len(line) == 3]


def _lost(vault: Vault, said: list[tuple[str, str]]) -> str:
    store = vault.unlock("anna", ANNA)
    try:
        turns = store.history.turns(store.history.sessions()[0].id)
        there = {tuple(turn.message.text.split(" ")[:2]) for turn in turns}
        lost = [one for one in said if one not in there]
        numbers = [turn.number for turn in turns]
    finally:
        store.close()
    if numbers != list(range(1, len(turns) + 1)):
        return "turns are not numbered in order"
    return f"{len(lost)} acknowledged turns are lost" if lost else ""


def _born(folder: Path, act: str, seed: int, until: float, kill: bool) -> int:
    child = os.fork()
    if child:
        return child
    try:
        handle = os.open(
            folder / f"{act}-{os.getpid()}.said", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
        )

        def say(line: str) -> None:
            os.write(handle, f"{line}\n".encode())

        part = Part(folder, Random(seed), say, kill)
        while time.monotonic() < until:
            began = time.monotonic()
            try:
                getattr(part, act)()
                say(f"did {act}")
            except PenjingError as error:
                say(f"refused {act} {type(error).__name__}: {error}")
            except BaseException as error:
                say(f"wrong: {act}: {type(error).__name__}: {error}")
            if time.monotonic() - began > SLOW:
                say(f"wrong: {act} took {time.monotonic() - began:.0f} s")
    finally:
        os._exit(0)


def run(folder: Path, seconds: float, seed: int, *, kill: bool) -> dict[str, object]:
    """Let them all loose, and look what is left."""
    place, random = Place(folder / "vault"), Random(seed)
    with Vault.create(place, [OWN], NewPerson("anna", "owner", [ANNA])) as vault:
        vault.add_person(operator(), NewPerson("ben", "member", [BEN[0]]))
        store = vault.unlock("anna", ANNA)
        store.history.begin("diary")
        store.close()
    until = time.monotonic() + seconds
    living = {_born(folder, act, random.randrange(10**9), until, kill): act for act in ACTS}
    while kill and time.monotonic() < until - 0.5:
        time.sleep(random.uniform(0.05, 0.5))
        victim = random.choice(list(living))
        act = living.pop(victim)
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        living[_born(folder, act, random.randrange(10**9), until, kill)] = act
    for child in living:
        os.waitpid(child, 0)
    return _judged(folder, place)


def _judged(folder: Path, place: Place) -> dict[str, object]:
    lines = [line for path in folder.glob("*.said") for line in path.read_text().splitlines()]
    wrong = [line for line in lines if line.startswith(("wrong", "seen"))]
    refused = Counter(" ".join(line.split()[1:3]) for line in lines if line.startswith("refused"))
    wrong += [line for line in lines if line.startswith("refused") and not _fine(line)]
    said = _acknowledged(folder)
    with Vault.open(place, OWN) as vault:
        lost = _lost(vault, said)
        anna, ben = vault.unlock("anna", ANNA), _ben(vault)
        found = [str(one) for one in vault.verify([anna, ben]) if "nobody's" not in one.what]
        anna.close()
        ben.close()
    did = Counter(line.split()[1] for line in lines if line.startswith("did"))
    wrong += found + ([lost] if lost else [])
    return {"did": did, "refused": refused, "turns": len(said), "wrong": wrong}


def _fine(line: str) -> bool:
    """Somebody else was at it; or the other passphrase was the right one."""
    known = ("InUse", "WrongPassphrase", "just changed", "NotFound", "code is not of")
    return any(word in line for word in known)


if __name__ == "__main__":
    report = run(
        Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), kill="kill" in sys.argv[4:]
    )
    print(json.dumps(report))
