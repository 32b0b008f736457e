"""The attacked server: `penjing serve` itself, with a vault of three people and a tiny model."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tiny
from doorway import Caller, Reply
from ground import Ground
from household import OWN, household, login

from penjing.bundle.gguf_values import Value
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf

PLANTED = "PLANTED-WORD-OF-ANNA"
"""What Anna said and Ben must never be told."""
_START = 60.0


@dataclass
class Attacked:
    """A running server."""

    process: subprocess.Popen[str]
    said: Mapping[str, Any]
    """What it printed when it was ready."""
    log: Path
    home: Path
    ground: Ground
    callers: dict[str, Caller] = field(default_factory=dict)
    """Who is logged in."""
    looks: int = 0
    """How often `well` was asked: each time somebody else, for one may not ask so often."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.said["api"].rpartition(":")[2].partition("/")[0])

    def caller(self, name: str) -> Caller:
        """A browser of somebody who is logged in; kept for the next time."""
        known = self.callers.get(name)
        if known is None or known.ask("GET", "/api/me").status == 401:
            known = self.callers[name] = Caller(self.port)
            reply = known.enter("/api/login", login(name))
            if reply.status != 200:
                raise RuntimeError(f"{name} cannot log in: {reply.status} {reply.body[:200]!r}")
        return known

    def token(self, name: str, **more: Any) -> str:
        """A token of somebody's."""
        reply = self.caller(name).ask("POST", "/api/me/tokens", {"label": "siege", **more})
        if reply.status != 201:
            raise RuntimeError(f"no token: {reply.status} {reply.body[:200]!r}")
        return str(reply.json["token"])

    def well(self) -> str | None:
        """What is wrong with it as a stranger from elsewhere sees it; None when it answers."""
        self.looks += 1
        address = f"127.0.{2 + self.looks // 200 % 200}.{2 + self.looks % 200}"
        try:
            reply = Caller(self.port, address=address).ask("GET", "/health", timeout=5)
        except OSError as error:
            return f"/health: {type(error).__name__} {error}"
        return None if reply.status == 200 else f"/health says {reply.status}"

    def stop(self) -> list[str]:
        """SIGTERM; what was wrong with its end, and with what it wrote meanwhile."""
        self.ground.unwatch(self.process.pid)
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        wrong = []
        try:
            if status := self.process.wait(20):
                wrong.append(f"it ended with status {status}")
        except subprocess.TimeoutExpired:
            wrong.append("SIGTERM did not end it in 20 s")
        if (took := time.monotonic() - began) > 8:
            wrong.append(f"SIGTERM took {took:.1f} s with a grace of 5")
        with contextlib.suppress(OSError):
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        text = self.log.read_text("utf-8", "replace")
        wrong += [f"its log has '{word}'" for word in ("Traceback", PLANTED) if word in text]
        return wrong


def model(path: Path) -> Path:
    """A model of random weights that has a chat template."""
    plain = tiny.checkpoint()
    metadata = {**plain.metadata, "tokenizer.chat_template": Value.text(tiny.TEMPLATE)}
    export_gguf(Checkpoint.of("tiny", metadata, plain.tensors), path, {})
    return path


def attacked(ground: Ground, *words: str, vault: bool = True) -> Attacked:
    """Start one; it is watched."""
    home = ground.folder("home/penjing")
    if vault:
        household(home).close()
    secret = ground.folder("tmp") / "words"
    secret.write_text(OWN.text)
    file = model(ground.folder("tmp") / "tiny.gguf")
    keeping = ["--vault-passphrase-file", str(secret)] if vault else ["--no-vault"]
    log = ground.root / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "penjing", "serve", str(file), "--port", "0", "--json"),
                *("--context", "256", "--threads", "1", "--grace", "5", "--log-requests"),
                *(*keeping, *words),
            ],
            stdout=subprocess.PIPE,
            stderr=out,
            text=True,
            env={**os.environ, "PENJING_HOME": str(home)},
        )
    said = json.loads(_document(process, log))
    ground.watch(process.pid)
    return Attacked(process, said, log, home, ground)


def _document(process: subprocess.Popen[str], log: Path) -> str:
    text, until = "", time.monotonic() + _START
    while not text.rstrip().endswith("}") and time.monotonic() < until:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise RuntimeError(f"it did not start: {log.read_text('utf-8', 'replace')[-500:]}")
        text += line
    return text


def plant(server: Attacked) -> None:
    """Anna says, notes and uploads something of her own."""
    anna = server.caller("Anna")
    session = anna.ask("POST", "/api/sessions", {}).json["id"]
    anna.ask("POST", f"/api/sessions/{session}/turns", {"text": f"Remember: {PLANTED}"})
    anna.ask("POST", "/api/documents?name=own.txt", f"{PLANTED}\n".encode() * 50)


def sound(reply: Reply) -> str | None:
    """What no reply may be, whatever was asked."""
    missing = reply.status == 501  # it says which part it was started without
    if reply.status >= 500 and not missing and "retry-after" not in reply.headers:
        return f"status {reply.status}: {reply.body[:200]!r}"
    if reply.status == 400 and reply.headers.get("content-type", "").startswith("text/plain"):
        return None  # uvicorn's own: what is no HTTP never comes to the door
    if "content-security-policy" not in reply.headers:
        return f"status {reply.status} without a content security policy"
    if reply.status >= 400 and b"Traceback" in reply.body:
        return "a traceback was told"
    return None
