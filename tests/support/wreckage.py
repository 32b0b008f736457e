"""A vault to be damaged: every file that it knows, every kind of damage, and what was written.

`Wreckage.make` builds it once; `Wreckage.copied` gives a copy to break. Nothing here says what
ought to happen: `tests/vault/test_wreckage.py` does.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from penjing.core.messages import Message
from penjing.vault.access import operator
from penjing.vault.envelope import LEAST
from penjing.vault.person import PersonStore
from penjing.vault.place import ACCOUNTS, Place
from penjing.vault.secrets import Passphrase
from penjing.vault.vault import NewPerson, Vault, rotate_accounts

OWN = Passphrase("the vault's own words", LEAST)
ANNA = Passphrase("anna knows these words", LEAST)
BEN = Passphrase("ben knows other words", LEAST)
EARLIER = Passphrase("words of an earlier time", LEAST)
TURNS = 40
DOCUMENT = bytes(range(256)) * 40
DECOY = b"somebody else's file, far away " * 200
PAGE = 4096


def text(number: int) -> str:
    """What is said in a turn."""
    return f"turn {number} " + "day after day " * (number % 5 * 40)


@dataclass(frozen=True)
class Wreckage:
    """A vault of two, each rotated once, and one who was wiped."""

    root: Path
    """Where the whole one lies, with what it was before beside it."""
    anna: str
    """Her id."""
    ben: str
    """His."""

    @classmethod
    def make(cls, root: Path) -> Wreckage:
        """Build it."""
        place = Place(root / "vault")
        with Vault.create(place, [OWN], NewPerson("Anna", "owner", [EARLIER])) as vault:
            for name in ("Ben", "Cleo"):
                vault.add_person(operator(), NewPerson(name, "member", [BEN]))
            ids = {one.name: one.id for one in vault.accounts.people()}
            _fill(vault.unlock("Ben", BEN))
            _fill(vault.unlock("Anna", EARLIER))
            shutil.copytree(place.root, root / "earlier")
            _leave_journal(place, root)
            vault.rotate("Anna", EARLIER, [ANNA])
            vault.wipe(operator(), "Cleo")
        rotate_accounts(place, OWN, [OWN])
        plain = sqlite3.connect(root / "plain.db")
        plain.executescript("CREATE TABLE turn (x); INSERT INTO turn VALUES (zeroblob(9000));")
        plain.close()
        return cls(root, ids["Anna"], ids["Ben"])

    def copied(self, target: Path) -> Place:
        """A copy of it, and decoys beside it."""
        shutil.copytree(self.root / "vault", target / "vault")
        (target / "decoy").write_bytes(DECOY)
        return Place(target / "vault")

    def files(self) -> dict[str, str]:
        """Every file that a vault knows by its part in it; some are only there after a crash."""
        found: dict[str, str] = {}
        for name, one in (("anna", self.anna), ("accounts", ACCOUNTS)):
            found |= {
                f"{name}'s database": f"data/{one}.2.db",
                f"{name}'s journal": f"data/{one}.2.db-journal",
                f"{name}'s log": f"data/{one}.2.db-wal",
                f"{name}'s restoring": f"data/.{one}.2.db.{'0' * 64}.staged",
                f"{name}'s copying": f"data/.{one}.3.db.new",
                f"{name}'s slot": f"keys/{one}.slot",
                f"{name}'s spare": f"keys/{one}.spare",
                f"{name}'s use": f"locks/{one}.use",
                f"{name}'s turn": f"locks/{one}.turn",
            }
        return found | {
            "ben's database": f"data/{self.ben}.1.db",
            "ben's slot": f"keys/{self.ben}.slot",
            "the head": "data/audit.head",
            "who is gone": "keys/gone",
        }

    def others(self, name: str) -> Path:
        """The same kind of file, of another subject."""
        if "journal" in name or "log" in name:
            return self.root / "ben.journal"
        if "slot" in name or "spare" in name:
            return self.root / "vault" / "keys" / f"{self.ben}.slot"
        if name == "ben's database":
            return self.root / "vault" / "data" / f"{self.anna}.2.db"
        return self.root / "vault" / "data" / f"{self.ben}.1.db"

    def earlier(self, name: str, path: str) -> Path:
        """The same file of before the rotation."""
        if "journal" in name or "log" in name:
            return self.root / "anna.journal"
        older = self.root / "earlier" / path.replace(".2.db", ".1.db").replace("/.", "/")
        older = older.with_name(older.name.split(".db")[0] + ".db")
        return older if older.exists() else self.root / "earlier" / "data" / "accounts.1.db"


def _fill(store: PersonStore) -> None:
    session = store.history.begin("diary")
    for number in range(1, TURNS + 1):
        store.history.append_turn(session.id, Message.of("user", text(number)))
    store.documents.add("a.bin", "application/octet-stream", DOCUMENT)
    store.close()


def everything(store: PersonStore) -> tuple[list[str], list[bytes]]:
    """All that is read of a person's part."""
    sessions = store.history.sessions()
    turns = [turn.message.text for one in sessions for turn in store.history.turns(one.id)]
    return turns, [store.documents.read(one.id) for one in store.documents.all()]


WRITTEN = ([text(number) for number in range(1, TURNS + 1)], [DOCUMENT])
"""What `everything` must say."""


def _leave_journal(place: Place, root: Path) -> None:
    """Journals as a crash leaves them: of Ben, and of Anna before her rotation."""
    for name, secret in (("Ben", BEN), ("Anna", EARLIER)):
        copy = Place(root / f"crashed {name}")
        shutil.copytree(place.root, copy.root)
        crash(copy, name, secret)
        (journal,) = copy.data.glob("*-journal")
        shutil.copy(journal, root / f"{name.lower()}.journal")


def crash(place: Place, name: str, secret: Passphrase) -> None:
    """Die in the middle of a transaction that has reached the file."""
    child = os.fork()
    if child == 0:
        try:
            store = Vault.open(place, OWN).unlock(name, secret)
            with store.database.writing() as connection:
                connection.execute("PRAGMA cache_size = 3")
                connection.execute("UPDATE turn SET text = text || hex(randomblob(2000))")
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(3)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


Damage = Callable[[Wreckage, str, str, Path, Path], None]
"""Given the vault, the file's part and path in it, the file itself, and the decoy."""


def _replaced(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def _old(path: Path, wreck: Wreckage, name: str) -> bytes:
    return path.read_bytes() if path.exists() else wreck.others(name).read_bytes()


def _missing(_w: Wreckage, _n: str, _p: str, path: Path, _d: Path) -> None:
    path.unlink(missing_ok=True)


def _emptied(_w: Wreckage, _n: str, _p: str, path: Path, _d: Path) -> None:
    _replaced(path, b"")


def _one_byte(wreck: Wreckage, name: str, _p: str, path: Path, _d: Path) -> None:
    _replaced(path, (_old(path, wreck, name) or b"x")[:1])


def _half(wreck: Wreckage, name: str, _p: str, path: Path, _d: Path) -> None:
    data = _old(path, wreck, name)
    _replaced(path, data[: len(data) // 2])


def _one_page(wreck: Wreckage, name: str, _p: str, path: Path, _d: Path) -> None:
    _replaced(path, _old(path, wreck, name)[:PAGE])


def _a_page_short(wreck: Wreckage, name: str, _p: str, path: Path, _d: Path) -> None:
    _replaced(path, _old(path, wreck, name)[:-PAGE])


def _a_page_doubled(wreck: Wreckage, name: str, _p: str, path: Path, _d: Path) -> None:
    data = _old(path, wreck, name)
    _replaced(path, data + data[-PAGE:])


def _flipped(wreck: Wreckage, name: str, _p: str, path: Path, _d: Path) -> None:
    data = bytearray(_old(path, wreck, name) or b"x")
    data[random.Random(len(data)).randrange(len(data))] ^= 16
    _replaced(path, bytes(data))


def _noise(_w: Wreckage, _n: str, _p: str, path: Path, _d: Path) -> None:
    _replaced(path, random.Random(5).randbytes(3 * PAGE))


def _anothers(wreck: Wreckage, name: str, _p: str, path: Path, _d: Path) -> None:
    _replaced(path, wreck.others(name).read_bytes())


def _an_earlier(wreck: Wreckage, name: str, where: str, path: Path, _d: Path) -> None:
    _replaced(path, wreck.earlier(name, where).read_bytes())


def _plain(wreck: Wreckage, _n: str, _p: str, path: Path, _d: Path) -> None:
    _replaced(path, (wreck.root / "plain.db").read_bytes())


def _folder(_w: Wreckage, _n: str, _p: str, path: Path, _d: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def _link(_w: Wreckage, _n: str, _p: str, path: Path, decoy: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(decoy)


def _link_nowhere(_w: Wreckage, _n: str, _p: str, path: Path, decoy: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(decoy.with_name("nothing"))


def _moved_and_linked(wreck: Wreckage, name: str, _p: str, path: Path, decoy: Path) -> None:
    moved = decoy.with_name("moved")
    moved.write_bytes(_old(path, wreck, name))
    path.unlink(missing_ok=True)
    path.symlink_to(moved)


def _pipe(_w: Wreckage, _n: str, _p: str, path: Path, _d: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _unreadable(wreck: Wreckage, name: str, _p: str, path: Path, _d: Path) -> None:
    _replaced(path, _old(path, wreck, name))
    path.chmod(0)


DAMAGES: Mapping[str, Damage] = {
    "missing": _missing,
    "emptied": _emptied,
    "one byte": _one_byte,
    "half": _half,
    "one page": _one_page,
    "a page short": _a_page_short,
    "a page doubled": _a_page_doubled,
    "flipped": _flipped,
    "noise": _noise,
    "another's": _anothers,
    "an earlier key's": _an_earlier,
    "plain": _plain,
    "a folder": _folder,
    "a link": _link,
    "a link to nothing": _link_nowhere,
    "moved and linked": _moved_and_linked,
    "a pipe": _pipe,
    "unreadable": _unreadable,
}
"""Ways to damage a file."""


def snapshot(folder: Path, *, below: bool = True) -> dict[str, bytes | str]:
    """Every name in a folder, and `below`, with its bytes, or what else it is."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*") if below else folder.iterdir()):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        elif path.is_fifo() or path.is_dir():
            found[name] = "folder" if path.is_dir() else "pipe"
        else:
            mode = path.stat().st_mode & 0o777
            if not mode:
                path.chmod(0o600)
            found[name] = path.read_bytes()
            path.chmod(mode)
    return found
