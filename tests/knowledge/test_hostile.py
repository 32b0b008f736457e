"""159 documents that want a core for minutes or all memory: seconds, or refused in one line."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import hostile
import pytest
from papers import docx, paragraph, pdf

from penjing.core.errors import BadInput
from penjing.knowledge import reading
from penjing.knowledge.chunking import chunks
from penjing.knowledge.patience import at_most
from penjing.knowledge.plain import Plain
from penjing.knowledge.reading import Limits, Read, read

SECONDS = 5
MEMORY = 500 * 10**6
MEGABYTES = 0.3
"""Of each. What takes the square of the time takes minutes at this size already."""

ALONE = """
import json, resource, sys
sys.path[:0] = sys.argv[1].split(":")
import hostile
from penjing.core.errors import BadInput
from penjing.knowledge.reading import read
file, data = hostile.TABLE[sys.argv[2]](float(sys.argv[3]))
before = resource.getrusage(resource.RUSAGE_CHILDREN)
try:
    said = f"{len(read(file, '', data).text)} characters"
except BadInput as error:
    said = f"refused: {error}"
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([said, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024]))
"""


def cost(name: str, megabytes: float) -> tuple[str, float, int]:
    """What came of it, seconds of the processor, bytes of memory."""
    here = Path(__file__).parent
    command = [sys.executable, "-c", ALONE, f"{here}:{here.parent / 'support'}"]
    command += [name, str(megabytes)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    said, seconds, memory = json.loads(done.stdout)
    return said, seconds, memory


def fits(said: str) -> bool:
    """Read, or refused by a reader that knew why: not by the limits of the process."""
    return "\n" not in said and "needs more than" not in said and "understood" not in said


def used() -> float:
    """Seconds of the processor of all children so far."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


@pytest.mark.parametrize("table", ["HTML", "TEXTS", "ARCHIVES", "PDFS"])
def test_hostile_documents_cost_seconds_or_a_line(table: str) -> None:
    wrong = []
    for name, make in getattr(hostile, table).items():
        file, data = make(MEGABYTES)
        before = used()
        try:
            plain = read(file, "", data)
            said = f"{len(plain.text)} characters"
        except BadInput as error:
            said, plain = f"refused: {error}", Plain("", ())
        seconds, own = used() - before, time.process_time()
        chunks(plain)  # in the server's own process
        own = time.process_time() - own
        if max(seconds, own) > SECONDS or not fits(said):
            wrong.append(f"{name}: {seconds:.1f} s, then {own:.1f} s: {said}")
    assert not wrong


@pytest.mark.parametrize(
    ("name", "megabytes"),
    [
        ("html: comments without an end", 47),
        ("html: tags", 47),
        ("docx: one attribute of megabytes", 6),
    ],
)
def test_large_ones_stay_small_in_memory(name: str, megabytes: float) -> None:
    said, seconds, memory = cost(name, megabytes)
    assert fits(said)
    assert seconds < 2 * SECONDS  # this machine may be busy
    assert memory < MEMORY


def test_what_is_large_and_honest_is_still_read() -> None:
    words = "A tree in a pot wants water, light, and patience; its roots are pruned. "
    page = "<h2>Care</h2>" + f"<p class='a'>{words}<b>Daily</b></p>\n" * 40
    assert len(read("a.html", "", (page * 1300).encode()).sections) == 1300  # 5 MB
    assert len(read("a.pdf", "", pdf([words] * 300)).sections) == 300
    assert len(read("a.docx", "", docx(paragraph(words) * 50_000)).text) > 3_000_000
    assert len(read("a.csv", "", b"name,price\n" + b"bonsai,12\n" * 200_000).text) > 4_000_000
    assert len(read("a.txt", "", "树木艺术，".encode() * 3_300_000).text) == 16_500_000  # 50 MB


def test_a_picture_in_an_attribute_is_no_attack() -> None:
    """Word keeps some so."""
    shape = f'<w:pict gfx="{"A" * 4_000_000}"/>'
    assert read("a.docx", "", docx(shape + paragraph("words"))).text == "words\n"


def test_one_document_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now, most = [], []

    def slowly(*_: object) -> Read:
        now.append(1)
        most.append(len(now))
        time.sleep(0.05)
        now.pop()
        return Read(Plain("x", ()), ())

    monkeypatch.setattr(reading, "_in_child", slowly)
    threads = [threading.Thread(target=read, args=("a.txt", "", b"x")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) == 8


STOPPED = """
import threading
from penjing.knowledge import reading
def told(*arguments, real=reading.subprocess.Popen, **more):
    child = real(*arguments, **more)
    print(child.pid, flush=True)
    return child
reading.subprocess.Popen = told
reading._feed = lambda pipe, data: threading.Event().wait(60)  # the document never ends
reading.read("a.txt", "", b"x")
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_who_cancels_leaves_no_process_behind(how: signal.Signals) -> None:
    command = [sys.executable, "-c", textwrap.dedent(STOPPED)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reader:
        assert reader.stdout is not None
        child = int(reader.stdout.readline())
        time.sleep(0.3)  # it has begun
        reader.send_signal(how)
        reader.wait(10)
    until = time.monotonic() + 10
    while Path(f"/proc/{child}/stat").exists() and time.monotonic() < until:
        if Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
            break  # it has ended; somebody else's to bury
        time.sleep(0.05)
    else:
        assert not Path(f"/proc/{child}").exists()


def test_patience_ends_what_forgives_everything() -> None:
    def forgiving() -> None:
        while True:
            try:
                sum(range(1000))
            except Exception:  # what a reader of broken files does
                continue

    with pytest.raises(BadInput, match="enough"), at_most(0.2, "enough"):
        forgiving()
    with at_most(0.2, "enough"):
        pass
    began = time.process_time()
    while time.process_time() < began + 0.5:  # nothing rings afterwards
        pass


def test_a_bug_in_a_reader_is_a_line() -> None:
    code = """
        import sys
        from penjing.knowledge.formats import text
        def broken(data): raise ZeroDivisionError("of nobody's concern")
        text.read = broken
        from penjing.knowledge import child
        sys.exit(child.main())
    """
    arguments = ["text", str(Limits().memory), "5", str(os.getpid())]
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    done = subprocess.run(command, input=b"x", capture_output=True, check=True)
    with pytest.raises(BadInput, match=r"cannot be understood \(ZeroDivisionError\): save it anew"):
        reading._answered(done.stdout)
