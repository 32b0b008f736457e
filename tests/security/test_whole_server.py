"""`penjing serve` itself, with the real engine: what it may reach, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from doorway import Caller
from household import OWN, WORDS, household, login
from premises import spoken
from test_at_rest import SECRET, found

from penjing.core.egress import kernel

pytestmark = pytest.mark.model
_FILE = "notes of a watchmaker.txt"


@dataclass
class Served:
    """A running `penjing serve`."""

    process: subprocess.Popen[str]
    home: Path
    log: Path
    said: dict[str, Any]
    offline: bool

    @property
    def port(self) -> int:
        return int(self.said["api"].rpartition(":")[2].partition("/")[0])

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture(params=[[], ["--online"]], ids=["offline", "online"])
def served(request: pytest.FixtureRequest, tmp_path: Path, default_model: Path) -> Iterator[Served]:
    home, words = tmp_path / "home", tmp_path / "words"
    household(home).close()
    words.write_text(OWN.text)
    command = ["serve", str(default_model), "--port", "0", "--json", "--log-requests"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "penjing", *command, *request.param,
             "--vault-passphrase-file", str(words), "--context", "512"],
            stdout=subprocess.PIPE, stderr=log, text=True,
            env={**os.environ, "PENJING_HOME": str(home), "TMPDIR": str(home)},
        )  # fmt: skip
    try:
        assert process.stdout is not None
        text = ""
        until = time.monotonic() + 120
        while not text.rstrip().endswith("}") and time.monotonic() < until:
            line = process.stdout.readline()
            assert line, (tmp_path / "log").read_text()
            text += line
        yield Served(process, home, tmp_path / "log", json.loads(text), not request.param)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def threads(pid: int) -> list[tuple[int, int]]:
    """Process and seccomp mode of every thread of a process and of all that it started."""
    found, children = [], set()
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            lines = (thread / "status").read_text().splitlines()
            fields = dict(line.split(":", 1) for line in lines)
            found.append((int(fields["Tgid"]), int(fields["Seccomp"])))
            children |= {int(one) for one in (thread / "children").read_text().split()}
    return found + [one for child in children for one in threads(child)]


def renders(pid: int) -> bool:
    """Whether it is the process in which chat templates run."""
    return b"penjing.engine.renderer" in Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.skipif(kernel.this_machine() is None, reason="a kernel we do not know")
def test_every_thread_of_server_and_engine_is_behind_the_shutter(
    served: Served,
) -> None:
    spoken(entered(served), "hello")
    found = threads(served.process.pid)
    apart = {process for process, _ in found if renders(process)}
    assert len({process for process, _ in found}) >= 2  # the engine has one of its own
    assert {mode for one, mode in found if one not in apart} == {2 if served.offline else 0}
    assert {mode for one, mode in found if one in apart} == {2}  # a stranger's template: always


def entered(served: Served) -> Caller:
    caller = Caller(served.port)
    code = served.said["url"].partition("#login=")[2]
    assert caller.enter("/api/login/once", {"code": code}).json == {"people": list(WORDS)}
    assert caller.enter("/api/login", login("Ben")).status == 200
    return caller


def test_the_printed_link_logs_in_and_nothing_planted_stays_on_the_disk(served: Served) -> None:
    caller = entered(served)
    session = spoken(caller, f"Repeat after me: {SECRET}")
    spoken(caller, f"Once more: {SECRET}", session)
    path = f"/api/documents?name={_FILE.replace(' ', '%20')}"
    assert caller.ask("POST", path, f"{SECRET}\n".encode() * 5000).status == 200
    wanted = {"label": "a label", "scopes": ["chat"]}
    token = caller.ask("POST", "/api/me/tokens", wanted).json["token"]
    said = [{"role": "user", "content": SECRET}]
    shown = {"Authorization": f"Bearer {token}"}
    models = Caller(served.port).ask("GET", "/v1/models", headers=shown).json["data"]
    body = {"model": models[0]["id"], "messages": said, "max_tokens": 16}
    assert Caller(served.port).ask("POST", "/v1/chat/completions", body, shown).status == 200
    secrets = [SECRET, _FILE, WORDS["Ben"], OWN.text, token[-43:], caller.cookies["penjing"],
               caller.csrf or "", served.said["url"].partition("=")[2]]  # fmt: skip
    assert found([served.home], secrets) == []
    assert served.stop() == 0
    assert found([served.home], secrets) == []
    log = served.log.read_text()
    assert "POST /api/sessions" in log
    assert [one for one in secrets if one in log] == []
