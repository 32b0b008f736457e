"""What a thief, the owner and a neighbour find on the disk: nothing."""

from __future__ import annotations

import base64
import os
import resource
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from members import ANNA, BEN, OWN

from penjing.core.errors import IntegrityError, WrongPassphrase
from penjing.core.history import Excerpt
from penjing.core.messages import Message
from penjing.vault import comeback, slots
from penjing.vault.access import operator
from penjing.vault.cipher_pages import pages
from penjing.vault.database import connect, damage
from penjing.vault.person import PersonStore
from penjing.vault.place import ACCOUNTS
from penjing.vault.vault import Vault

NAME = "Annabelle Quince"
SECRET = "the walnut cabinet opens with 4711"


def forms(secret: str) -> list[bytes]:
    """A secret as it might turn up: raw, in UTF-16, and in base64 wherever it may begin."""
    raw = secret.encode()
    shifted = [base64.b64encode(b"x" * n + raw)[4:-4] for n in range(3)]
    every = [raw, secret.encode("utf-16-le"), secret.encode("utf-16-be"), raw.hex().encode()]
    assert all(len(form) > 10 for form in shifted)  # shorter ones turn up by chance
    return every + shifted


def found(folder: Path, secrets: list[str]) -> list[str]:
    """Files that hold one of the secrets, in their content or name."""
    wanted = [form for secret in secrets for form in forms(secret)]
    hits = []
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        if any(form in data or form in os.fsencode(path.name) for form in wanted):
            hits.append(str(path))
    return hits


def live(store: PersonStore) -> None:
    """A session that touches everything."""
    session = store.history.begin(f"title: {SECRET}")
    for n in range(30):
        store.history.append_turn(session.id, Message.of("user", f"{n}: {SECRET} " + "x" * n * 300))
    store.history.search(SECRET)
    document = store.documents.add(f"{SECRET}.txt", "text/plain", SECRET.encode() * 20_000)
    store.documents.put_excerpts(document.id, [Excerpt(SECRET, SECRET, SECRET.encode())])
    store.snapshots.put(SECRET, SECRET.encode() * 20_000)
    store.settings.put(SECRET, SECRET)


SESSION = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from members import ANNA, BEN, OWN
from test_privacy import NAME, SECRET, live
from penjing.vault import comeback
from penjing.vault.access import operator
from penjing.vault.place import Place
from penjing.vault.vault import NewPerson, Vault
home = Path(sys.argv[1])
vault = Vault.create(Place(home / "vault"), [OWN], NewPerson(NAME, "owner", [ANNA]))
store = vault.unlock(NAME, ANNA)
live(store)
if sys.argv[3] == "killed":
    with store.database.writing() as connection:
        connection.execute("UPDATE turn SET text = ?", (SECRET * 999,))
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
store.close()
vault.rotate(NAME, ANNA, [BEN])
vault.unlock(NAME, BEN).expire()
comeback.backup(vault, home / "backup")

vault.close()
"""


@pytest.mark.parametrize("end", ["closed", "killed"])
def test_no_planted_secret_is_anywhere_after_a_session(tmp_path: Path, end: str) -> None:
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    for folder in (home, temporary):
        folder.mkdir()
    elsewhere = {name: str(temporary) for name in ("TMPDIR", "SQLITE_TMPDIR")}
    env = {**os.environ, "HOME": str(home), **elsewhere}
    words = [sys.executable, "-c", SESSION, str(home), str(Path(__file__).parent), end]
    done = subprocess.run(words, cwd=home, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == (-9 if end == "killed" else 0), done.stderr
    names = [path.name for path in home.rglob("*")]
    assert any(name.endswith("-journal") for name in names) is (end == "killed")
    secrets = [SECRET, *(one.text for one in (ANNA, BEN, OWN)), NAME]
    assert found(tmp_path, secrets) == []
    assert SECRET not in done.stdout + done.stderr


def test_the_search_for_secrets_finds_each_form(tmp_path: Path) -> None:
    for n, form in enumerate(forms(SECRET)):
        (tmp_path / str(n)).write_bytes(b"..." + form + b"...")
    assert len(found(tmp_path, [SECRET])) == len(forms(SECRET))


def test_it_would_be_found_in_a_file_that_is_not_encrypted(tmp_path: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(tmp_path / "plain.db")
    connection.execute("CREATE TABLE t (x)")
    connection.execute("INSERT INTO t VALUES (?)", (SECRET,))
    connection.commit()
    connection.close()
    assert len(found(tmp_path, [SECRET])) == 1


def test_the_owner_cannot_read_a_members_part(vault: Vault, ben: PersonStore) -> None:
    live(ben)
    path, place = ben.database.path, vault.place
    known = slots.load(place, ben.person.id)
    for secret in (OWN, ANNA):
        with pytest.raises(WrongPassphrase):
            slots.open_slots(known, secret)
        with pytest.raises(WrongPassphrase):
            vault.unlock("Ben", secret)
    annas = slots.open_slots(slots.load(place, vault.accounts.require("Anna").id), ANNA)
    owns = slots.open_slots(slots.load(place, ACCOUNTS), OWN)
    right = slots.open_slots(known, BEN)
    for key in (annas, owns):
        assert not any(page.data for page in pages(path, key))
        with pytest.raises(IntegrityError), damage(path):
            connect(path, key).execute("SELECT count(*) FROM turn").fetchall()
    assert all(page.data for page in pages(path, right))
    assert any(SECRET.encode() in (page.data or b"") for page in pages(path, right))


def test_what_the_accounts_hold_tells_nothing_of_what_was_said(
    vault: Vault, ben: PersonStore
) -> None:
    live(ben)
    accounts = vault.accounts.database
    plain = [page.data or b"" for page in pages(accounts.path, accounts.key)]
    assert any(b"Ben" in page for page in plain)
    assert not any(SECRET[:12].encode() in page for page in plain)
    assert {entry.event for entry in vault.accounts.audit.entries()} <= {
        "vault made", "person added", "unlocked",
    }  # fmt: skip


def test_folders_and_files_are_for_their_account_alone(tmp_path: Path) -> None:
    script = SESSION.replace("vault.close()", "")
    before = os.umask(0)
    try:
        words = [
            sys.executable,
            "-c",
            script,
            str(tmp_path / "home"),
            str(Path(__file__).parent),
            "",
        ]
        subprocess.run(words, check=True, capture_output=True)
    finally:
        os.umask(before)
    for path in (tmp_path / "home" / "vault").rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    assert (tmp_path / "home" / "vault").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_was_open_to_all_is_closed(vault: Vault) -> None:
    from penjing.vault.disk import private_folder

    vault.place.keys.chmod(0o755)
    private_folder(vault.place.keys)
    assert vault.place.keys.stat().st_mode & 0o777 == 0o700


def test_a_process_that_holds_keys_leaves_no_core() -> None:
    code = (
        "import resource\nfrom penjing.vault.process import shield\nshield()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE))\n"
        "import ctypes; print(ctypes.CDLL(None).prctl(3))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "(0, 0)"
    if sys.platform == "linux":
        assert done.stdout.split("\n")[1] == "0"  # not dumpable
    assert resource.getrlimit(resource.RLIMIT_CORE)  # this process may differ


def test_no_secret_stands_in_a_traceback(vault: Vault) -> None:
    try:
        vault.unlock("Anna", BEN)
    except WrongPassphrase as error:
        text = "".join(traceback.format_exception(error))
    for secret in (ANNA, BEN, OWN):
        assert secret.text not in text


def test_what_is_wiped_stays_unreadable_with_every_backup_and_passphrase(
    vault: Vault, tmp_path: Path
) -> None:
    store = vault.unlock("Ben", BEN)
    live(store)
    store.close()
    comeback.backup(vault, tmp_path / "backup")
    ben = vault.wipe(operator(), "Ben")
    assert not list(vault.place.root.rglob(f"{ben.id}*.db"))
    assert not any(path.exists() for path in vault.place.slots(ben.id))
    returned = comeback.restore(vault, tmp_path / "backup")
    assert returned.restored.refused == (ben.id,)
    assert [person.name for person in vault.accounts.people()] == ["Anna"]
    for secret in (BEN, ANNA, OWN):
        with pytest.raises(WrongPassphrase):
            vault.unlock("Ben", secret)
    everything = [vault.accounts.database.key, *(
        slots.open_slots(slots.load(vault.place, subject), secret)
        for subject, secret in ((vault.accounts.require("Anna").id, ANNA), (ACCOUNTS, OWN))
    )]  # fmt: skip
    copies = list((tmp_path / "backup").glob(f"{ben.id}.*.db"))
    assert len(copies) == 1
    for key in everything:
        assert not any(page.data for page in pages(copies[0], key))
