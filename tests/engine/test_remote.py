"""The engine in a process of its own: what it says, how it is killed, and what comes after."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from listening import Listener, ask, begin, request

from penjing.core.egress import kernel
from penjing.core.errors import BadInput, Busy, EngineError, FormatError
from penjing.core.messages import Chunk, GenerationSettings
from penjing.core.serving import Request
from penjing.engine.remote import RemoteScheduler, open_scheduler

pytestmark = [pytest.mark.model, pytest.mark.alone]  # an engine on two cores

STORY = "Write a very long story about a fox and a garden."


@pytest.fixture(scope="module")
def scheduler(default_model: Path) -> Iterator[RemoteScheduler]:
    opened = open_scheduler(default_model, context=512, places=2, threads=2, queue=8)
    yield opened
    opened.close()


def pid_of(scheduler: RemoteScheduler) -> int:
    pid = scheduler.pid
    assert pid is not None
    return pid


def wait_ready(scheduler: RemoteScheduler) -> None:
    deadline = time.monotonic() + 30
    while not scheduler.health().ready:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_ended(scheduler: RemoteScheduler) -> None:
    deadline = time.monotonic() + 30
    while scheduler.health().ready:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def killed(scheduler: RemoteScheduler, number: int) -> list[str]:
    """Two answers are running when a signal comes: what their ends said."""
    listeners = [begin(scheduler, request(STORY, owner, max_tokens=400)) for owner in "ab"]
    for listener in listeners:
        assert listener.first.wait(60)
    os.kill(pid_of(scheduler), number)
    said = [listener.last() for listener in listeners]
    assert all(type(one) is EngineError for one in said)
    assert not any(listener.after for listener in listeners)
    return [str(one) for one in said]


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_crash_fails_what_is_in_flight_and_the_next_is_served(scheduler, number) -> None:
    wait_ready(scheduler)
    before = scheduler.health()
    done = ask(scheduler, request("What is the capital of France?", max_tokens=8))
    assert killed(scheduler, number) == [f"the engine crashed ({number.name}): ask again"] * 2
    wait_ready(scheduler)
    again = ask(scheduler, request("What is the capital of France?", max_tokens=8))
    assert again[0] == done[0]
    assert again[1].usage.cached_tokens == 0  # nothing survived
    after = scheduler.health()
    assert after.restarts == before.restarts + 1
    assert after.counters["finished"] == before.counters.get("finished", 0) + 2


def test_who_has_heard_nothing_is_asked_again(scheduler) -> None:
    """Four answers in flight, two of them wait for a place: these two lose nothing."""
    wait_ready(scheduler)
    heard = [begin(scheduler, request(STORY, owner, max_tokens=400)) for owner in "ab"]
    for listener in heard:
        assert listener.first.wait(60)
    question = "What is the capital of France?"
    unheard = [begin(scheduler, request(question, owner, max_tokens=8)) for owner in "cd"]
    os.kill(pid_of(scheduler), signal.SIGABRT)
    assert [type(one.last()) for one in heard] == [EngineError] * 2
    for listener in unheard:
        last = listener.last(60)
        assert isinstance(last, Chunk)
        assert last.finish_reason
        assert listener.text()
        assert not listener.after


def test_cancelled_while_no_engine_is_there(scheduler) -> None:
    wait_ready(scheduler)
    heard = [begin(scheduler, request(STORY, owner, max_tokens=400)) for owner in "ab"]
    for listener in heard:
        assert listener.first.wait(60)
    gone = begin(scheduler, request(STORY, "c", max_tokens=400))
    os.kill(pid_of(scheduler), signal.SIGKILL)
    wait_ended(scheduler)
    assert gone.ticket is not None
    gone.ticket.cancel()
    last = gone.last(60)
    assert isinstance(last, EngineError) or last.finish_reason == "cancelled"


def test_while_it_starts_again_it_is_busy(scheduler) -> None:
    wait_ready(scheduler)
    killed(scheduler, signal.SIGKILL)
    while scheduler.health().ready:
        time.sleep(0.001)
    with pytest.raises(Busy):  # loading takes longer than this line
        scheduler.submit(request("Hi"), print)
    wait_ready(scheduler)


def test_a_hang_is_ended(default_model: Path) -> None:
    scheduler = open_scheduler(default_model, context=512, places=1, threads=2, patience=3)
    listener = begin(scheduler, request(STORY, max_tokens=400))
    assert listener.first.wait(60)
    os.kill(pid_of(scheduler), signal.SIGSTOP)
    last = listener.last(20)
    assert isinstance(last, EngineError)
    assert "no step was finished in 3 s" in str(last)
    wait_ready(scheduler)
    assert ask(scheduler, request("Hi", max_tokens=2))
    scheduler.close()


def test_an_idle_engine_hangs_not(default_model: Path) -> None:
    scheduler = open_scheduler(default_model, context=512, places=1, threads=2, patience=1)
    pid = scheduler.pid
    time.sleep(2.5)
    assert (scheduler.pid, scheduler.health().restarts) == (pid, 0)
    scheduler.close()


def test_it_gives_up_after_crashes_without_an_answer(default_model: Path, monkeypatch) -> None:
    monkeypatch.setattr("penjing.engine.remote._LONGEST_PAUSE", 0.0)
    scheduler = open_scheduler(default_model, context=512, places=1, threads=2)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            begin(scheduler, request(STORY, max_tokens=400))
            os.kill(pid_of(scheduler), signal.SIGKILL)
        except Busy:
            time.sleep(0.02)
        except (AssertionError, ProcessLookupError):
            pass  # it was gone before
        except EngineError as error:
            if "without finishing an answer" in str(error):
                break
    else:
        pytest.fail("it never gave up")
    assert not scheduler.health().ready
    with pytest.raises(EngineError, match="SIGKILL"):
        scheduler.count_tokens(())
    scheduler.close()


def test_a_bad_file_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(b"GGUF" + bytes(40))
    with pytest.raises(FormatError):
        open_scheduler(path)


def test_refusals_come_through(scheduler) -> None:
    wait_ready(scheduler)
    for wrong in (
        request("x " * 2000),
        request("x", temperature=float("nan")),
        request("x", grammar="root = ="),
        request("x", json_schema={"type": "nonsense"}),
        Request("ada", (), GenerationSettings(), ""),
    ):
        with pytest.raises(BadInput):
            scheduler.submit(wrong, print)
    assert scheduler.health().running == 0
    # half a character is no crash either
    assert ask(scheduler, request("a\ud800b", max_tokens=2))


def test_a_cancelled_answer_ends_and_others_go_on(scheduler) -> None:
    wait_ready(scheduler)
    gone = begin(scheduler, request(STORY, "a", max_tokens=400))
    stays = begin(scheduler, request("Say hello.", "b", max_tokens=30))
    assert gone.first.wait(60)
    gone.ticket.cancel()
    last = gone.last()
    assert isinstance(last, Chunk)
    assert last.finish_reason == "cancelled"
    assert last.usage.completion_tokens < 400
    assert isinstance(stays.last(), Chunk)
    gone.ticket.cancel()


def test_what_a_terminal_sends_to_all_is_the_parents_to_answer(scheduler) -> None:
    wait_ready(scheduler)
    listener = begin(scheduler, request(STORY, max_tokens=30))
    assert listener.first.wait(60)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid_of(scheduler), number)
    assert isinstance(listener.last(), Chunk)


def test_who_fails_to_listen_harms_nobody_else(scheduler) -> None:
    wait_ready(scheduler)

    def deaf(_: object) -> None:
        raise RuntimeError("the loop is closed")

    scheduler.submit(request(STORY, "a", max_tokens=400), deaf)
    assert ask(scheduler, request("Hi", "b", max_tokens=4))
    deadline = time.monotonic() + 20
    while scheduler.health().running:
        assert time.monotonic() < deadline
        time.sleep(0.05)
        ask(scheduler, request("Hi", "b", max_tokens=1))


def test_last_words_of_the_engine_are_told(scheduler) -> None:
    """As `ggml/lastwords.py` writes them; what else is on stderr is never repeated."""
    wait_ready(scheduler)
    child = scheduler._child
    assert child is not None
    reading, writing = os.pipe()
    os.write(
        writing, b"Tokens: [a secret]\npenjing: the engine gave up (GGML_ASSERT(x) failed): so\n"
    )
    os.close(writing)
    kept, child._process.stderr = child._process.stderr, os.fdopen(reading, "rb")
    child._overhear()
    child._process.stderr = kept
    assert child._complaint == "GGML_ASSERT(x) failed"


def test_closing_ends_answers_and_the_process(default_model: Path) -> None:
    scheduler = open_scheduler(default_model, context=512, places=2, threads=2)
    listener = begin(scheduler, request(STORY, max_tokens=400))
    assert listener.first.wait(60)
    pid = scheduler.pid
    scheduler.close(grace=0.1)
    last = listener.last()
    assert isinstance(last, Chunk)
    assert last.finish_reason == "cancelled"
    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(EngineError, match="closed"):
        scheduler.submit(request("Hi"), Listener())
    scheduler.close()


def test_the_child_holds_no_file_of_ours_and_opens_no_port(scheduler, tmp_path: Path) -> None:
    """Started while this process holds a listening socket and an open file."""
    wait_ready(scheduler)
    with socket.create_server(("127.0.0.1", 0)) as server, (tmp_path / "x").open("w") as file:
        os.set_inheritable(server.fileno(), True)
        os.set_inheritable(file.fileno(), True)
        os.kill(pid_of(scheduler), signal.SIGKILL)
        time.sleep(0.1)
        wait_ready(scheduler)
        links = [Path(f"/proc/{scheduler.pid}/fd/{fd.name}") for fd in _descriptors(scheduler.pid)]
        targets = [str(link.readlink()) for link in links]
    kinds = [target for target in targets if not target.startswith(("pipe:", "/dev/null"))]
    assert [t for t in kinds if not t.startswith("socket:")] == [
        t for t in kinds if t.endswith(".gguf")
    ]
    assert sum(target.startswith("socket:") for target in kinds) == 1


def _descriptors(pid: int | None) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/fd").iterdir())
    except PermissionError:
        pytest.skip("the child shields itself from who is not root")


ORPHAN = """
import sys, time
from pathlib import Path
from penjing.engine.remote import open_scheduler
scheduler = open_scheduler(Path(sys.argv[1]), context=256, places=1, threads=1)
print(scheduler.pid, flush=True)
time.sleep(60)
"""


def test_the_child_dies_with_its_parent(default_model: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(default_model)], stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 5
    while _alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(kernel.this_machine() is None, reason="a kernel we do not know")
@pytest.mark.parametrize("offline", [True, False])
def test_offline_every_thread_of_the_engine_is_behind_a_shutter_of_its_own(
    default_model: Path, offline: bool
) -> None:
    scheduler = open_scheduler(default_model, context=512, places=1, threads=2, offline=offline)
    try:
        assert ask(scheduler, request("What is the capital of France?", max_tokens=8))[0]
        tasks = list(Path(f"/proc/{pid_of(scheduler)}/task").iterdir())
        modes = [re.findall(r"Seccomp:\s+(\d)", (one / "status").read_text()) for one in tasks]
        assert modes == [["2" if offline else "0"]] * len(tasks)
    finally:
        scheduler.close()
