"""What is done with a damaged vault, and what may come of it.

An act either does what it does with everything that was written, or is refused in one line and
changes no byte of what is kept; it never reads or writes through a link, and never goes on with
less than there was. `fallen` says where one does not.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from wreckage import ANNA, DAMAGES, OWN, WRITTEN, Wreckage, everything, snapshot

from penjing.core.errors import PenjingError
from penjing.core.messages import Message
from penjing.vault import comeback, envelope
from penjing.vault.archive import write_archive
from penjing.vault.envelope import LEAST
from penjing.vault.place import Place
from penjing.vault.secrets import Passphrase
from penjing.vault.vault import Vault

NEW = Passphrase("words that are quite new", LEAST)
ODD = ("locks", ".new", ".staged", "-journal", "-wal")
"""Of these, damage need not be worth a word."""
UNSEEN = ("a page short", "a page doubled", "one page", "flipped", "noise", "plain", "another's",
          "an earlier key's")  # fmt: skip
"""What nobody sees in a member's database who does not have their key."""

Act = Callable[[Place, Path], bool]
"""Whether it tells that something is wrong; raises when it is refused."""

_stretch = envelope.stretch


@cache
def _stretched(passphrase: bytes, salt: bytes, cost: envelope.Cost) -> bytes:
    return _stretch(passphrase, salt, cost).raw()


def remembered(passphrase: bytes, salt: bytes, cost: envelope.Cost) -> envelope.Key:
    """In place of `secrets.stretch`: each passphrase is stretched once."""
    return envelope.Key(_stretched(passphrase, salt, cost))


def verify(place: Place, _folder: Path) -> bool:
    """Whether something was said to be wrong."""
    with Vault.open(place, OWN) as vault:
        store = vault.unlock("Anna", ANNA)
        try:
            found = vault.verify([store])
            assert everything(store) == WRITTEN or found
            return bool(found or vault.notes)
        finally:
            store.close()


def unlock(place: Place, _folder: Path) -> bool:
    with Vault.open(place, OWN) as vault:
        store = vault.unlock("Anna", ANNA)
        try:
            assert everything(store) == WRITTEN
        finally:
            store.close()
        return bool(vault.notes)


def export(place: Place, folder: Path) -> bool:
    with Vault.open(place, OWN) as vault:
        store = vault.unlock("Anna", ANNA)
        try:
            write_archive(store, vault.accounts, folder / "anna.zip")
        finally:
            store.close()
    with zipfile.ZipFile(folder / "anna.zip") as archive:
        about = json.loads(archive.read("about-me.json"))
        turns = [turn["text"] for one in about["sessions"] for turn in one["turns"]]
        assert (turns, [archive.read(one["file"]) for one in about["documents"]]) == WRITTEN
    return False


def backup(place: Place, folder: Path) -> bool:
    """What is in it and not told to be left out is all there was, restored beside whole keys."""
    with Vault.open(place, OWN) as vault:
        made = comeback.backup(vault, folder / "backup")
        said = bool(made.left_out)
    if said:
        return True
    shutil.copytree(folder / "whole", folder / "there")
    there = Place(folder / "there")
    with Vault.open(there, OWN) as vault:
        comeback.restore(vault, folder / "backup")
    try:
        unlock(there, folder)
    except PenjingError:  # its own damage is in it: nobody but Anna has the key to see that
        assert snapshot(folder / "backup") != snapshot(folder / "whole" / "data")
    return False


def append(place: Place, _folder: Path) -> bool:
    with Vault.open(place, OWN) as vault:
        store = vault.unlock("Anna", ANNA)
        try:
            session = store.history.sessions()[0].id
            store.history.append_turn(session, Message.of("user", "and one more"))
            turns, documents = everything(store)
        finally:
            store.close()
    assert ([*WRITTEN[0], "and one more"], WRITTEN[1]) == (turns, documents)
    return False


def rotate(place: Place, _folder: Path) -> bool:
    with Vault.open(place, OWN) as vault:
        vault.rotate("Anna", ANNA, [NEW])
        store = vault.unlock("Anna", NEW)
        try:
            assert everything(store) == WRITTEN
        finally:
            store.close()
    return False


ACTS = (verify, unlock, export, backup, append, rotate)


def kept(place: Place, damaged: str) -> dict[str, bytes | str]:
    """What must not change when an act is refused: but the log of who came, where it opens, and
    the copy of a slot that is whole again."""
    allowed = {"data/audit.head", "data/accounts.2.db"} - {damaged}
    files = snapshot(place.root).items()
    return {name: data for name, data in files if name not in allowed and "locks" not in name}


def fallen(wreck: Wreckage, folder: Path, file: str, damage: str, act: Act) -> str | None:
    """What fell when a vault with one damaged file was used, in a new folder; None: it held."""
    where = wreck.files()[file]
    folder.mkdir()
    place = wreck.copied(folder)
    (folder / "whole").symlink_to(wreck.root / "vault")
    whole = snapshot(place.root)
    DAMAGES[damage](wreck, file, where, place.root / where, folder / "decoy")
    if snapshot(place.root) == whole:
        return None  # it is no damage to this one
    outside, before = snapshot(folder, below=False), kept(place, where)
    try:
        said = "tells" if act(place, folder) else "works"
    except PenjingError as error:
        said = str(error)
    except AssertionError as error:
        return f"{act.__name__} goes on with less: {error}"
    after = snapshot(folder, below=False)
    if {name: after.get(name) for name in outside} != outside or (folder / "nothing").exists():
        return f"{act.__name__} wrote through a link"
    if said not in ("works", "tells"):
        if "\n" in said or ": " not in said:
            return f"no line with a remedy: {said}"
        now = kept(place, where)
        changed = [name for name in before if now.get(name) != before[name]]
        return f"{act.__name__} was refused and changed {changed}: {said}" if changed else None
    seen = not any(part in where for part in ODD)
    seen = seen and not (file == "ben's database" and damage in UNSEEN)
    return "verify does not see it" if act is verify and seen and said == "works" else None
