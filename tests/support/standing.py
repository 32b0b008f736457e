"""`penjing serve` in a process of its own, before a real vault, with an engine made of nothing.

`more` is Python that the process runs first: what hangs there hangs in a server as it really is.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from doorway import Caller
from household import OWN, login

_PROGRAM = """
import sys, threading
from contextlib import nullcontext
from pathlib import Path
from penjing.app.opening import ModelFile
from penjing.app.serving import server as serving
from penjing.cli import app
from penjing.testing.scheduler import FakeScheduler

def hang(*_, **__):
    print("hanging", file=sys.stderr, flush=True)
    threading.Event().wait()

serving.model_file = lambda *_: nullcontext(ModelFile(Path(sys.argv[1]), {}))
serving._open_engine = lambda *_: FakeScheduler(delay=0.002, piece=16)
"""
_GO = "\nsys.exit(app.main(sys.argv[2:]))"


@dataclass
class Standing:
    """A running server."""

    process: subprocess.Popen[str]
    port: int
    log: Path

    def caller(self, name: str | None = None, address: str = "127.0.0.1") -> Caller:
        """A browser, logged in as somebody or as nobody."""
        caller = Caller(self.port, address=address)
        if name is not None:
            assert caller.enter("/api/login", login(name)).status == 200
        return caller

    def stop(self, patience: float = 60.0) -> tuple[int, float]:
        """Ask it to end: its status, and the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(patience)
        return status, time.monotonic() - began

    def wait_for(self, text: str, times: int = 1) -> None:
        """Until its log says so."""
        ends = time.monotonic() + 20
        while self.log.read_text().count(text) < times:
            assert time.monotonic() < ends, self.log.read_text()
            time.sleep(0.01)


EMPTY_GGUF = b"GGUF" + (3).to_bytes(4, "little") + bytes(16)
"""A sound file of no tensors and no metadata: no engine opens it here."""


@contextmanager
def standing(
    home: Path, *words: str, more: str = "", passphrase: str = OWN.text, grace: float = 10.0
) -> Iterator[Standing]:
    """One, as long as the block runs, before the vault that lies in `home` already."""
    own, model, log = home / "words", home / "none.gguf", home / "log"
    own.write_text(passphrase)
    model.write_bytes(EMPTY_GGUF)
    with log.open("w") as lines:
        process = subprocess.Popen(
            [sys.executable, "-c", f"{_PROGRAM}{more}{_GO}", *_words(model, own, grace, words)],
            env={**os.environ, "PENJING_HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=lines,
            text=True,
        )
    try:
        yield Standing(process, _port(process, log), log)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _words(model: Path, own: Path, grace: float, words: Sequence[str]) -> list[str]:
    serve = ["serve", str(model), "--json", "--port", "0", "--grace", str(grace)]
    return [str(model), *serve, "--vault-passphrase-file", str(own), *words]


def _port(process: subprocess.Popen[str], log: Path) -> int:
    assert process.stdout is not None
    text = ""
    while not text.endswith("}\n"):
        line = process.stdout.readline()
        assert line, log.read_text()
        text += line
    return int(str(json.loads(text)["api"]).rpartition(":")[2].partition("/")[0])
