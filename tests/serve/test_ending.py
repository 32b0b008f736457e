"""SIGTERM ends the process within its grace, whatever hangs in it; what was acknowledged is there.

Each hangs in a real `penjing serve` of its own: what a thread does to the end of an interpreter
cannot be seen in a thread.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from doorway import Caller
from household import OWN, WORDS, household, login
from standing import standing

from penjing.serve.ending import Ending, busy
from penjing.serve.limits import Limits
from penjing.vault.secrets import Passphrase
from penjing.vault.vault import Vault, place_in

GRACE = 1.0

ACCOUNTS = "from penjing.serve.door.residents import VaultAccounts as Accounts\n"
PEOPLE = "from penjing.serve.people import VaultPeople as People\n"

Ask = Callable[[Caller], Any]
CHAT = {"model": "fake", "messages": [{"role": "user", "content": "hello"}]}
NEW = {"name": "Dora", "role": "guest", "passphrase": "dora knows these words"}

HANGING: dict[str, tuple[str, Ask]] = {
    "login": (
        ACCOUNTS + "Accounts.unlock = hang",
        lambda one: one.ask("POST", "/api/login", login("Ben")),
    ),
    "confirming": (
        ACCOUNTS + "Accounts.prove = hang",
        lambda one: one.ask("POST", "/api/me/wipe", {"passphrase": WORDS["Anna"]}),
    ),
    "token": (
        ACCOUNTS + "Accounts.unlock_token = hang",
        lambda one: Caller(one.port).ask(
            "GET", "/api/me", headers={"Authorization": f"Bearer pj-{'0' * 32}"}
        ),
    ),
    "handler": (PEOPLE + "People.all = hang", lambda one: one.ask("GET", "/api/people")),
    "new person": (PEOPLE + "People.add = hang", lambda one: one.ask("POST", "/api/people", NEW)),
    "export": (PEOPLE + "People.export = hang", lambda one: one.ask("POST", "/api/me/export", {})),
    "engine": (
        "FakeScheduler.submit = hang",
        lambda one: one.ask("POST", "/v1/chat/completions", CHAT),
    ),
    "turn": (
        "from penjing.serve.plain import Plain\nPlain.reply = hang",
        lambda one: one.ask(
            "POST",
            f"/api/sessions/{one.ask('POST', '/api/sessions', {}).json['id']}/turns",
            {"text": "hello"},
        ),
    ),
    "closing a part": (
        "from penjing.vault.person import PersonStore\nPersonStore.close = hang",
        lambda one: one.ask("POST", "/api/logout"),
    ),
    "pulse": ("FakeScheduler.health = hang", lambda _: None),
    "closing the vault": (
        "from penjing.vault.vault import Vault\nVault.close = hang",
        lambda _: print("hanging", flush=True),
    ),
    "a thread that Python joins": (
        "threading.Thread(target=hang).start()",
        lambda _: None,
    ),
    "a pool that Python joins": (
        "from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor(1).submit(hang)",
        lambda _: None,
    ),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    household(tmp_path / "home").close()
    return tmp_path / "home"


def begin(work: Callable[[], Any]) -> None:
    """In a thread: the answer will never come."""

    def run() -> None:
        with suppress(OSError, http.client.HTTPException):  # the server has ended
            work()

    threading.Thread(target=run, daemon=True).start()


def kept(home: Path, name: str) -> list[str]:
    """What a person's sessions are called, as the vault has them."""
    with Vault.open(place_in(home), OWN) as vault:
        store = vault.unlock(name, Passphrase(WORDS[name]))
        try:
            return [session.title for session in store.history.sessions()]
        finally:
            store.close()


@pytest.mark.alone
@pytest.mark.parametrize("what", HANGING)
def test_what_hangs_does_not_keep_the_process(home: Path, what: str) -> None:
    more, ask = HANGING[what]
    with standing(home, more=more, grace=GRACE) as server:
        anna, ben = server.caller("Anna") if what != "login" else server.caller(), None
        if what != "login":
            ben = server.caller("Ben")
            assert ben.ask("POST", "/api/sessions", {"title": "acknowledged"}).status == 200
        begin(lambda: ask(anna))
        if what != "closing the vault":
            server.wait_for("hanging")
        status, seconds = server.stop()
        assert status == 0, server.log.read_text()
        assert seconds < GRACE + 1, server.log.read_text()
    if ben is not None:
        assert kept(home, "Ben") == ["acknowledged"]


@pytest.mark.alone
def test_everything_at_once_hangs_and_it_ends_and_says_what_it_left(home: Path) -> None:
    parts = [more for name, (more, _) in HANGING.items() if name not in ("login", "turn", "token")]
    with standing(home, more="\n".join(parts), grace=GRACE) as server:
        anna = server.caller("Anna")
        assert anna.ask("POST", "/api/sessions", {"title": "acknowledged"}).status == 200
        for name in ("confirming", "handler", "new person", "export", "engine"):
            for _ in range(3):
                begin(lambda ask=HANGING[name][1]: ask(anna))  # type: ignore[misc]
        server.wait_for("hanging", 8)
        status, seconds = server.stop()
        log = server.log.read_text()
    assert (status, seconds < GRACE + 1) == (0, True), log
    assert "ended without waiting any longer for: " in log
    assert "a request" in log
    assert kept(home, "Anna") == ["acknowledged"]


@pytest.mark.alone
def test_turns_that_were_heard_to_their_end_are_kept_and_the_end_is_on_time(home: Path) -> None:
    """Under load: people talk and log in until the process is gone."""
    finished: list[str] = []
    with standing(home, grace=GRACE) as server:
        callers = [server.caller(name) for name in ("Anna", "Ben", "Anna", "Ben")]
        over = threading.Event()

        def talk(caller: Caller, who: int) -> None:
            for number in range(1000):
                title = f"{who}:{number}"
                made = caller.ask("POST", "/api/sessions", {"title": title})
                path = f"/api/sessions/{made.json['id']}/turns"
                heard = caller.ask("POST", path, {"text": "hello " * 20})
                if b'"finished"' in heard.body:
                    finished.append(title)
                if over.is_set():
                    return

        def come_in(number: int) -> None:
            while not over.is_set():
                server.caller(address=f"127.0.7.{number}").enter("/api/login", login("Gil"))

        for who, caller in enumerate(callers):
            begin(lambda caller=caller, who=who: talk(caller, who))  # type: ignore[misc]
        for number in range(4):
            begin(lambda number=number: come_in(number + 1))  # type: ignore[misc]
        time.sleep(2)
        status, seconds = server.stop()
        over.set()
        assert status == 0, server.log.read_text()
        assert seconds < GRACE + 1
    assert finished
    assert {*finished} <= {*kept(home, "Anna"), *kept(home, "Ben")}


@pytest.mark.alone
def test_an_idle_server_ends_at_once(home: Path) -> None:
    with standing(home) as server:
        server.caller("Anna")
        status, seconds = server.stop()
        assert (status, seconds < 3) == (0, True)
        assert "without waiting" not in server.log.read_text()


def test_the_time_of_the_end_is_only_ever_moved_nearer() -> None:
    ended = threading.Event()
    ending = Ending(ended.set)
    ending.within(60)
    assert not ended.wait(0.05)
    ending.within(0.1)
    ending.within(60)
    assert ended.wait(5)


@pytest.mark.parametrize(
    ("grace", "answering", "keeping"), [(0, 0, 0.5), (1, 0.5, 0.5), (8, 6, 2), (60, 57, 3)]
)
def test_the_grace_is_for_answers_first_and_then_for_keeping(
    grace: float, answering: float, keeping: float
) -> None:
    limits = Limits(grace_seconds=grace)
    assert (limits.answering_seconds, limits.keeping_seconds) == (answering, keeping)


def test_who_is_at_work_has_a_name() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait, name="somebody at work", daemon=True)
    thread.start()
    assert "somebody at work" in busy()
    over.set()
    thread.join()
    assert "somebody at work" not in busy()
