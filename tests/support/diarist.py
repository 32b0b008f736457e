"""Somebody who uses a vault and says what was acknowledged: run as a script, or forked.

    python diarist.py VAULT ACK SEED STEPS [MUTATION [turns]]

Every acknowledgement is one line. What must hold afterwards is in `check`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from penjing.core.errors import WrongPassphrase
from penjing.core.messages import Message
from penjing.vault import comeback, database
from penjing.vault.access import operator
from penjing.vault.envelope import LEAST, Key
from penjing.vault.outside import PAGE
from penjing.vault.person import PersonStore
from penjing.vault.place import Place
from penjing.vault.retention import DAYS
from penjing.vault.secrets import Passphrase
from penjing.vault.vault import NewPerson, Vault, rotate_accounts

NAME = "anna"
SECRET = Passphrase("the vault's own words", LEAST)
Say = Callable[[str], None]


def words(number: int) -> Passphrase:
    """Anna's passphrase after so many rotations."""
    return Passphrase(f"anna's words, number {number}", LEAST)


def make(place: Place) -> str:
    """A vault with anna in it and a session to write in; the session's id."""
    with Vault.create(place, [SECRET], NewPerson(NAME, "owner", [words(0)])) as vault:
        store = vault.unlock(NAME, words(0))
        try:
            return store.history.begin("diary").id
        finally:
            store.close()


def text(number: int) -> str:
    """What is said in a turn: from a word to several pages."""
    return f"turn {number} " + "the day went well. " * (number * number % 400)


@dataclass
class Diarist:
    """Writes on, and acknowledges."""

    vault: Vault
    store: PersonStore
    session: str
    said: int
    rotations: int
    say: Say
    scratch: Path

    @classmethod
    def arrive(cls, place: Place, rotations: int, say: Say, scratch: Path) -> Diarist:
        """Open the vault and read what was written so far, after so many rotations or one more."""
        vault = Vault.open(place, SECRET)
        store, rotations = _unlocked(vault, rotations)
        session = next(one for one in store.history.sessions() if one.title == "diary")
        said = len(store.history.turns(session.id))
        return cls(vault, store, session.id, said, rotations, say, scratch)

    def leave(self) -> None:
        self.store.close()
        self.vault.close()

    def turn(self) -> None:
        turn = self.store.history.append_turn(self.session, Message.of("user", text(self.said + 1)))
        self.said = turn.number
        self.say(f"turn {turn.number}")

    def document(self) -> None:
        document = self.store.documents.add("note.txt", "text/plain", bytes(range(256)) * 1200)
        self.say(f"document {document.id}")

    def unfile(self) -> None:
        """A document comes and goes."""
        document = self.store.documents.add("note.txt", "text/plain", b"short")
        self.say(f"unfiling {document.id}")
        self.store.documents.delete(document.id)
        self.say(f"unfiled {document.id}")

    def setting(self) -> None:
        count = int(self.store.settings.all().get("count", "0")) + 1
        self.store.settings.put("count", str(count))
        self.say(f"setting {count}")

    def token(self) -> None:
        """Two are made, one is removed."""
        one, other = (self.vault.add_token(self.store, ["read"]) for _ in range(2))
        self.say(f"token {other.id}")
        self.say(f"dropping {one.id}")
        self.vault.drop_token(self.store, one.id)
        self.say(f"dropped {one.id}")
        for old in list(self.vault.tokens(self.store))[:-8]:
            self.say(f"dropping {old}")
            self.vault.drop_token(self.store, old)
            self.say(f"dropped {old}")

    def recover(self) -> None:
        """New slots from the code on paper, for the same passphrase; tokens go."""
        code = self.vault.recovery_code(NAME, words(self.rotations))
        self.say("recovering")
        self.vault.recover(NAME, code, words(self.rotations))
        self.say("recovered")

    def accounts(self) -> None:
        """The vault's own key is replaced."""
        place, clock = self.vault.place, self.vault._clock
        self.leave()
        rotate_accounts(place, SECRET, [SECRET])
        self.vault = Vault.open(place, SECRET, clock)
        self.store = self.vault.unlock(NAME, words(self.rotations))
        self.say("accounts")

    def salvage(self) -> None:
        """What was added behind the file is damage that costs nothing: it is written anew."""
        self.store.close()
        path = self.store.database.path
        self.say("breaking")
        with path.open("ab") as file:
            file.write(bytes(PAGE))
        comeback.mend_person(self.vault, NAME, words(self.rotations))
        self.say("mended")
        self.store = self.vault.unlock(NAME, words(self.rotations))

    def forget(self) -> None:
        """Say something long ago, and let retention delete it."""
        old = self.store.history
        session = old.begin("old").id
        old._clock = lambda: 86400.0
        for _ in range(3):
            old.append_turn(session, Message.of("user", "something long past"))
        old._clock = self.store._clock
        self.store.settings.put(DAYS, "365")
        self.store.expire()
        self.say("expired")

    def rotate(self) -> None:
        self.store.close()
        self.vault.rotate(NAME, words(self.rotations), [words(self.rotations + 1)])
        self.rotations += 1
        self.say(f"rotated {self.rotations}")
        self.store = self.vault.unlock(NAME, words(self.rotations))

    def backup(self) -> Path:
        target = self.scratch / f"backup-{os.urandom(4).hex()}"
        comeback.backup(self.vault, target)
        self.say("backup")
        return target

    def restore(self) -> None:
        """From a backup that is not old: nothing may be missing."""
        target = self.backup()
        self.store.close()
        comeback.restore(self.vault, target)
        self.say("restored")
        self.store = self.vault.unlock(NAME, words(self.rotations))

    def somebody(self) -> None:
        """Another person comes, and is wiped again."""
        name = f"guest {os.urandom(4).hex()}"
        self.vault.add_person(operator(), NewPerson(name, "guest", [words(0)]))
        self.vault.wipe(operator(), name)
        self.say("wiped")


def check(place: Place, acknowledged: list[str]) -> list[str]:
    """What was acknowledged and is not there, and what else is wrong; empty when all is well."""
    number = max([int(a.split()[1]) for a in acknowledged if a.startswith("rotated")], default=0)
    turns = max([int(a.split()[1]) for a in acknowledged if a.startswith("turn")], default=0)
    documents = [a.split()[1] for a in acknowledged if a.startswith("document")]
    _finish_mending(place, acknowledged, number)
    with Vault.open(place, SECRET) as vault:
        try:
            store, rotations = _unlocked(vault, number)
        except WrongPassphrase:
            return ["neither the old nor the new passphrase opens it"]
        try:
            wrong = [
                str(finding) for finding in vault.verify([store]) if "nobody's" not in finding.what
            ]
            session = [one for one in store.history.sessions() if one.title == "diary"]
            said = store.history.turns(session[0].id) if session else []
            right = [text(n) for n in range(1, len(said) + 1)]
            if [turn.message.text for turn in said] != right:
                wrong.append("the turns are not what was said, in order")
            if len(said) < turns:
                wrong.append(f"turns {len(said) + 1} to {turns} were acknowledged and are lost")
            for document in documents:
                if len(store.documents.read(document)) != 256 * 1200:
                    wrong.append(f"document {document} is not whole")
            ended = [*acknowledged, f"rotated {rotations}"] if rotations > number else acknowledged
            return wrong + _small_things(vault, store, ended)
        finally:
            store.close()


def _finish_mending(place: Place, acknowledged: list[str], number: int) -> None:
    """Mend what was being broken and mended."""
    acts = [a for a in acknowledged if a in ("breaking", "mended")]
    if acts and acts[-1] == "breaking":
        with Vault.open(place, SECRET) as vault:
            comeback.mend_person(vault, NAME, words(number))
        acknowledged.append("mended")


def _small_things(vault: Vault, store: PersonStore, acknowledged: list[str]) -> list[str]:
    """What is wrong with tokens, settings and documents that were removed."""
    live, dead, gone, count = set[str](), set[str](), set[str](), 0
    for what, _, which in (line.partition(" ") for line in acknowledged):
        if what == "token":
            live.add(which)
        elif what in ("rotated", "recovered"):
            dead |= live
            live.clear()
        elif what in ("dropping", "recovering"):  # it may have been done, or not
            live -= {which} if which else set(live)
        elif what == "dropped":
            dead.add(which)
        elif what == "unfiled":
            gone.add(which)
        elif what == "setting":
            count = int(which)
    there, filed = set(vault.tokens(store)), {one.id for one in store.documents.all()}
    wrong = [f"token {one} was made and is lost" for one in live - there]
    wrong += [f"token {one} was removed and opens" for one in dead & there]
    wrong += [f"document {one} was removed and is there" for one in gone & filed]
    if int(store.settings.all().get("count", "0")) < count:
        wrong.append(f"setting {count} is lost")
    return wrong


def _unlocked(vault: Vault, number: int) -> tuple[PersonStore, int]:
    """With the last acknowledged passphrase, or the one that was being set."""
    try:
        return vault.unlock(NAME, words(number)), number
    except WrongPassphrase:
        return vault.unlock(NAME, words(number + 1)), number + 1


MUTATIONS = {
    "off": "PRAGMA synchronous = OFF",
    "normal": "PRAGMA synchronous = NORMAL",
    "full": "PRAGMA synchronous = FULL",
    "memory": "PRAGMA journal_mode = MEMORY",
}
"""Ways to lose turns in a power cut: the tests must notice each."""


def mutate(name: str) -> None:
    """Make every connection less durable than it is."""
    right = database._set_up

    def weaker(connection: database.Connection, path: Path, key: Key) -> None:
        right(connection, path, key)
        connection.execute(MUTATIONS[name]).fetchall()

    database._set_up = weaker


def main() -> int:
    """Use a new vault for a while, under the shim."""
    root, ack, seed, steps, *weaker = sys.argv[1:]
    if weaker:
        mutate(weaker[0])
    handle = os.open(os.environ.get("POWERCUT_ACK", ack), os.O_WRONLY | os.O_CREAT, 0o600)
    place, rng = Place(Path(root) / "vault"), Random(int(seed))

    def say(line: str) -> None:
        os.write(handle, f"{line}\n".encode())

    make(place)
    say("made")
    one = Diarist.arrive(place, 0, say, Path(root))
    acts: list[Callable[[], object]] = [one.turn] * 12
    if "turns" not in weaker:
        acts += [one.document, one.forget, one.rotate, one.backup, one.restore, one.somebody]
    for _ in range(int(steps)):
        rng.choice(acts)()
    one.leave()
    return 0


if __name__ == "__main__":
    sys.exit(main())
