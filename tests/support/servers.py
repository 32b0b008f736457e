"""Small servers on this machine: a slow package index, and a hub that can fail in many ways."""

from __future__ import annotations

import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMMIT = "c" * 40
REPOSITORY = "someone/tiny"
WEIGHTS = bytes(range(256)) * 48 * 1024  # 12 MiB: large enough to be resumed
FILES = {
    "config.json": b'{"architectures": ["LlamaForCausalLM"]}',
    "tokenizer.json": b'{"version": "1.0"}',
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"\x80\x04 a pickle",
    "training_args.pt": b"\x80\x04 a pickle",
    "modeling_tiny.py": b"raise SystemExit",
    "onnx/config.json": b"{}",
}


class Quiet(http.server.BaseHTTPRequestHandler):
    """Writes nothing to the terminal."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[int]:
    """The port on which the handler answers inside the block."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class SlowIndex(Quiet):
    """A package index that sends half a wheel and then takes its time."""

    name: str
    """Of the wheel's file."""
    wheel: bytes
    """The whole of it."""
    sending: threading.Event
    """Half of it is sent."""
    stop: threading.Event
    """It need not wait any longer."""

    @classmethod
    def of(cls, wheel: Path) -> type[SlowIndex]:
        """An index that has this wheel."""
        own = {"name": wheel.name, "wheel": wheel.read_bytes()}
        events = {"sending": threading.Event(), "stop": threading.Event()}
        return type("OneIndex", (cls,), {**own, **events})

    def do_GET(self) -> None:
        self.send_response(200)
        if self.path.endswith(".whl"):
            self.send_header("Content-Length", str(len(self.wheel)))
            self.end_headers()
            self.wfile.write(self.wheel[: len(self.wheel) // 2])
            self.wfile.flush()
            self.sending.set()
            self.stop.wait(20)
        else:
            page = f'<a href="/{self.name}">{self.name}</a>'.encode()
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)


@dataclass
class Hub:
    """What the server serves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and Range of each request."""
    break_after: int | None = None
    """Close the connection after so many bytes of weights."""
    pause: threading.Event | None = None
    """Keep the connection open instead of closing it."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    corrupt: bool = False
    tell: dict[str, Any] = field(default_factory=dict)
    """Overrides of what the server says of the weights."""
    port: int = 0

    def gets(self, file: str) -> list[str]:
        """The Range headers of all downloads of a file."""
        wanted = f"/{REPOSITORY}/resolve/{COMMIT}/{file}"
        return [ranged for method, path, ranged in self.asked if (method, path) == ("GET", wanted)]


class HubHandler(Quiet):
    """Answers as the hub does."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        path, _, _ = self.path.partition("?")
        self.hub.asked.append((self.command, path, self.headers.get("Range", "")))
        if self.hub.status != 200:
            self.send(b"{}", self.hub.status, self.hub.headers)
        elif path.startswith(f"/api/models/{REPOSITORY}/revision/"):
            self.send(json.dumps(self.describe()).encode())
        elif match := re.fullmatch(f"/{REPOSITORY}/resolve/{COMMIT}/(.+)", path):
            self.send_file(match[1])
        else:
            self.send(b"{}", 404, {"X-Error-Code": "RepoNotFound"})

    def describe(self) -> dict[str, Any]:
        siblings = []
        for name, data in self.hub.files.items():
            item: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": "b" * 40}
            if name.endswith((".safetensors", ".bin", ".pt")):
                digest = hashlib.sha256(data).hexdigest()
                item["lfs"] = {"sha256": digest, "size": len(data), "pointerSize": 130}
                item["lfs"] |= self.hub.tell
            siblings.append(item)
        return {"id": REPOSITORY, "modelId": REPOSITORY, "sha": COMMIT, "siblings": siblings}

    def send_file(self, name: str) -> None:
        data = self.hub.files[name]
        headers = {
            "X-Repo-Commit": COMMIT,
            "ETag": f'"{hashlib.sha256(data).hexdigest()}"',
            "Accept-Ranges": "bytes",
        }
        if self.hub.corrupt and name.endswith(".safetensors"):
            data = data[:-1] + b"?"
        status, begin = 200, 0
        if self.hub.ranges and (ranged := self.headers.get("Range")):
            begin = int(ranged.removeprefix("bytes=").removesuffix("-"))
            status = 206
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        self.send(data[begin:], status, headers)

    def send(self, data: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "HEAD":
            return
        limit = self.hub.break_after
        if limit is None or len(data) <= limit:
            self.wfile.write(data)
            return
        self.wfile.write(data[:limit])
        self.wfile.flush()
        if self.hub.pause is not None:
            self.hub.pause.wait(20)
        self.close_connection = True
