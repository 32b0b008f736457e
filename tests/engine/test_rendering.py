"""Templates run in a process of their own: killed when it is slow or large, and the next is new."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from penjing.core import limits
from penjing.core.errors import BadInput, EngineError
from penjing.core.messages import Message
from penjing.engine import rendering
from penjing.engine.rendering import Renderer

HI = [Message.of("user", "hi")]
PLAIN = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"
LEAKY = """
import sys, time
from penjing.engine import prompt, renderer
def hole(job):  # what no list and no budget holds
    kind = job.template
    if kind == "memory":
        kept = [bytearray(2**20) for _ in range(4000)]
    if kind == "one breath":
        kept = "a" * 2**31
    if kind == "hang":
        while True: time.sleep(1)
    if kind == "C":
        sum(range(10**11))
    if kind == "crash":
        import os, signal; os.kill(os.getpid(), signal.SIGSEGV)
    if kind == "write":
        open(sys.argv[0] + ".out", "w").write("x" * 4096)
    if kind == "network":
        import socket; socket.socket().connect(("127.0.0.1", 9))
    return "whole"
prompt.whole = hole
renderer.main()
"""


@pytest.fixture
def renderer() -> Iterator[Renderer]:
    made = Renderer()
    yield made
    made.close()


@pytest.fixture
def leaky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Renderer]:
    """Its process runs what the sandbox would never let through."""
    script = tmp_path / "leaky.py"
    script.write_text(LEAKY)
    monkeypatch.setattr(rendering, "COMMAND", (sys.executable, str(script)))
    made = Renderer(patience=3)
    yield made
    made.close()


def peak(pid: int | None) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def test_a_process_is_kept_between_prompts(renderer: Renderer) -> None:
    assert renderer.pid is None
    renderer.start()
    first = renderer.pid
    assert renderer.whole(PLAIN, HI, {}) == "<|user|>hi"
    assert [one.text for one in renderer.pieces(PLAIN, HI, {})] == ["<|user|>", "hi"]
    assert renderer.pid == first


@pytest.mark.parametrize(
    ("hole", "words"),
    [
        ("memory", "fills the memory"), ("one breath", "fills the memory"),
        ("hang", "runs too long"), ("C", "runs too long"), ("crash", "ended the process"),
    ],
)  # fmt: skip
def test_what_slips_through_ends_with_its_process_alone(
    leaky: Renderer, hole: str, words: str
) -> None:
    assert leaky.whole("nothing", HI, {}) == "whole"
    before = leaky.pid
    began = time.monotonic()
    with pytest.raises(EngineError, match=words) as error:
        leaky.whole(hole, HI, {})
    assert "\n" not in str(error.value)
    assert time.monotonic() - began < 5
    assert leaky.whole("nothing", HI, {}) == "whole"
    assert leaky.pid != before


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in /proc")
def test_its_memory_stays_below_what_is_promised(leaky: Renderer) -> None:
    leaky.whole("nothing", HI, {})
    assert leaky.pid is not None
    highest, stop = [0], threading.Event()

    def watch(pid: int) -> None:
        while not stop.wait(0.002):
            try:
                highest[0] = max(highest[0], peak(pid))
            except (OSError, IndexError):
                return

    watching = threading.Thread(target=watch, args=(leaky.pid,))
    watching.start()
    with pytest.raises(EngineError, match="memory"):
        leaky.whole("memory", HI, {})
    stop.set()
    watching.join()
    assert 64 * 2**20 < highest[0] < 256 * 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="a kernel that can refuse")
def test_it_reaches_no_network(leaky: Renderer) -> None:
    with pytest.raises(EngineError, match="ended the process"):
        leaky.whole("network", HI, {})


def test_a_process_that_was_killed_between_prompts_is_replaced(renderer: Renderer) -> None:
    assert renderer.whole(PLAIN, HI, {})
    assert renderer.pid is not None
    os.kill(renderer.pid, signal.SIGKILL)
    time.sleep(0.2)
    assert renderer.whole(PLAIN, HI, {}) == "<|user|>hi"


def test_threads_take_turns(renderer: Renderer) -> None:
    said: list[str] = []

    def ask(number: int) -> None:
        said.extend(renderer.whole(PLAIN, [Message.of("user", f"{number}")], {}) for _ in range(9))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == sorted(f"<|user|>{number}" for number in range(4) for _ in range(9))


def test_after_a_fork_each_has_its_own(renderer: Renderer) -> None:
    code = (
        "import os; from penjing.engine.template import render, RENDERER\n"
        "from penjing.core.messages import Message\n"
        "one = [Message.of('user', 'hi')]\n"
        "render('a', one); before = RENDERER.pid\n"
        "if not os.fork():\n"
        "    assert render('b', one) == 'b' and RENDERER.pid != before; os._exit(7)\n"
        "assert os.waitstatus_to_exitcode(os.wait()[1]) == 7\n"
        "assert render('c', one) == 'c' and RENDERER.pid == before\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=False, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")


CHAT = """
import sys
from penjing.engine import rendering
from penjing.core.messages import Message
rendering.COMMAND = (sys.executable, sys.argv[1])
renderer = rendering.Renderer(patience=60)
renderer.whole("a", [Message.of("user", "hi")], {})
print(renderer.pid, flush=True)
try:
    renderer.whole("hang", [Message.of("user", "hi")], {})
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.alone
def test_ctrl_c_ends_the_waiting_and_the_process(tmp_path: Path) -> None:
    script = tmp_path / "leaky.py"
    script.write_text(LEAKY)
    command = [sys.executable, "-c", CHAT, str(script)]
    asking = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with asking:
        assert asking.stdout is not None
        pid = int(asking.stdout.readline())
        time.sleep(0.5)
        asking.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert asking.stdout.readline() == "interrupted\n"
        assert time.monotonic() - began < 2
        asking.wait(10)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_it_ends_with_who_started_it() -> None:
    code = (
        "import os, signal; from penjing.engine.template import render, RENDERER\n"
        "from penjing.core.messages import Message\n"
        "render('a', [Message.of('user', 'hi')]); print(RENDERER.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(int(done.stdout), 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("it lives on")


def test_a_conversation_that_fits_no_context_is_refused_before(renderer: Renderer) -> None:
    with pytest.raises(BadInput, match="shorten it"):
        renderer.whole(PLAIN, [Message.of("user", "a" * (rendering.LONGEST + 1))], {})
    assert renderer.pid is None


@pytest.mark.parametrize("letter", ["a", "木", "\U0001f332"])
def test_a_long_conversation_has_room(renderer: Renderer, letter: str) -> None:
    text = f"{letter * 9} " * 100_000
    pieces = renderer.pieces(PLAIN, [Message.of("user", text)], {})
    assert "".join(one.text for one in pieces) == f"<|user|>{text}"
    assert pieces[1].text == text.rstrip()


def test_half_a_character_passes(renderer: Renderer) -> None:
    assert renderer.whole(PLAIN, [Message.of("user", "a\ud800b")], {}) == "<|user|>a\ud800b"


def test_limits_are_taken_back() -> None:
    code = (
        "import resource; from penjing.core import limits\n"
        "before = resource.getrlimit(resource.RLIMIT_DATA)\n"
        "with limits.bounded(2**26):\n"
        "    try: bytearray(2**28); raise SystemExit(3)\n"
        "    except MemoryError: pass\n"
        "assert resource.getrlimit(resource.RLIMIT_DATA) == before\n"
        "bytearray(2**28)"
    )
    assert limits.in_use().data > 0 or sys.platform != "linux"
    if sys.platform == "linux":
        subprocess.run([sys.executable, "-c", code], check=True)
