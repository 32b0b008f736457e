"""Two at once, locks that outlive nobody, and a disk that refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from members import ANNA, BEN, OWN

from penjing.core.errors import BadInput, StorageError
from penjing.core.messages import Message
from penjing.vault import locks
from penjing.vault.locks import Lock
from penjing.vault.person import PersonStore
from penjing.vault.place import Place, database_name, is_subject
from penjing.vault.vault import NewPerson, Vault

WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from members import ANNA, OWN
from penjing.core.messages import Message
from penjing.vault.place import Place
from penjing.vault.vault import Vault
with Vault.open(Place(Path(sys.argv[1])), OWN) as vault:
    store = vault.unlock("Anna", ANNA)
    print("ready", flush=True)
    if sys.argv[4] == "hold":
        sys.stdin.readline()
    for number in range(25):
        store.history.append_turn(sys.argv[3], Message.of("user", f"child {number}"))
    store.close()
"""


def other(place: Place, session: str, how: str) -> subprocess.Popen[str]:
    here = str(Path(__file__).parent)
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(place.root), here, session, how],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def ended(child: subprocess.Popen[str], text: str = "") -> int:
    child.communicate(text)
    return child.returncode


def test_two_processes_write_in_turn(vault: Vault, anna: PersonStore) -> None:
    session = anna.history.begin()
    child = other(vault.place, session.id, "write")
    for number in range(25):
        anna.history.append_turn(session.id, Message.of("user", f"parent {number}"))
    assert ended(child) == 0
    turns = anna.history.turns(session.id)
    assert [turn.number for turn in turns] == list(range(1, 51))
    for who in ("child", "parent"):
        said = [turn.message.text for turn in turns if turn.message.text.startswith(who)]
        assert said == [f"{who} {number}" for number in range(25)]


def test_threads_share_a_store(anna: PersonStore) -> None:
    session = anna.history.begin()

    def write(who: int) -> None:
        for number in range(10):
            anna.history.append_turn(session.id, Message.of("user", f"{who} {number}"))

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [turn.number for turn in anna.history.turns(session.id)] == list(range(1, 41))


def test_a_lock_goes_with_its_process(vault: Vault) -> None:
    store = vault.unlock("Anna", ANNA)
    session = store.history.begin()
    store.close()
    child = other(vault.place, session.id, "hold")
    with pytest.raises(StorageError, match="in use"):
        vault.rotate("Anna", ANNA, [BEN])
    child.send_signal(signal.SIGKILL)
    assert ended(child) == -signal.SIGKILL
    vault.rotate("Anna", ANNA, [BEN])
    vault.unlock("Anna", BEN).close()


def test_waiting_for_a_turn_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = Lock(tmp_path / "turn"), Lock(tmp_path / "turn")
    with one.held(alone=True):
        began = time.monotonic()
        with pytest.raises(StorageError, match="in use"):
            two.take(alone=False, patience=0.05)
        assert 0.04 < time.monotonic() - began < 5
    with one.held(alone=False), two.held(alone=False):
        pass
    two.close()
    two.close()


def test_where_there_are_no_locks_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(StorageError, match="Linux, macOS or WSL"):
        Lock(tmp_path / "turn").take(alone=True)
    assert locks.PATIENCE > 1


def test_ctrl_c_in_a_transaction_undoes_it(anna: PersonStore) -> None:
    session = anna.history.begin()
    with pytest.raises(KeyboardInterrupt):
        _interrupted(anna)
    assert [one.id for one in anna.history.sessions()] == [session.id]
    anna.history.append_turn(session.id, Message.of("user", "on we go"))


def _interrupted(store: PersonStore) -> None:
    with store.database.writing() as connection:
        connection.execute("DELETE FROM session")
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)


def test_a_vault_is_made_once(vault: Vault) -> None:
    with pytest.raises(BadInput, match="already"):
        Vault.create(vault.place, [OWN], NewPerson("Eve", "owner", [ANNA]))
    with pytest.raises(BadInput, match="vault init"):
        Vault.open(Place(vault.place.root / "other"), OWN)


@pytest.mark.parametrize("name", ["../x", "accounts/../x", "", "A" * 32, "0" * 31, "0" * 32 + "/"])
def test_a_path_is_never_a_subject(vault: Vault, name: str) -> None:
    assert not is_subject(name)
    with pytest.raises(BadInput, match="no id"):
        vault.place.database(name, 1)
    with pytest.raises(BadInput, match="no id"):
        vault.place.slots(name)


@pytest.mark.parametrize("name", ["x.db", "accounts.db", "../accounts.1.db", "accounts.1.db.x"])
def test_a_strange_file_is_no_database(name: str) -> None:
    assert database_name(name) is None
