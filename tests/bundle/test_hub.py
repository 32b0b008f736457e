"""Hub repositories: the real client library against a small server that answers as the hub does."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub")

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
KEPT = {"config.json", "tokenizer.json", "model.safetensors"}
CATALOGUE = """
schema = 1
[[model]]
name = "tiny"
title = "Tiny"
architecture = "llama"
template = "chatml"
licence = "Apache-2.0"
parameters = 1
context = 1
shape = { layers = 1, hidden = 1, ffn = 1, heads = 1, kv_heads = 1, head_dim = 1, vocabulary = 1 }
[[model.source]]
kind = "hub"
repository = "someone/tiny"
"""


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


class Handler(http.server.BaseHTTPRequestHandler):
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

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()
    handler = type("OneHub", (Handler,), {"hub": hub})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    hub.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield hub
    if hub.pause is not None:
        hub.pause.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "catalogue.toml").write_text(CATALOGUE)
    return tmp_path


def start(hub: Hub, place: Path, *words: str, **more: str) -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    env |= {
        "PENJING_HOME": str(place / "home"),
        "HF_HOME": str(place / "hf"),
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.port}",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONWARNINGS": "error",
        **more,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "penjing", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    )


def penjing(hub: Hub, place: Path, *words: str, **more: str) -> tuple[int, Any, str]:
    """Exit status, document and stderr of a command."""
    process = start(hub, place, *words, "--json", **more)
    out, err = process.communicate(timeout=30)
    assert "Traceback" not in err, err
    return process.returncode, json.loads(out), err


def names(place: Path) -> set[str]:
    """Files in the hub's cache that have a final name."""
    return {path.name for path in (place / "hf").rglob("snapshots/*/*")}


def unfinished(place: Path) -> list[Path]:
    return list((place / "hf").rglob("*.incomplete"))


def test_a_repository_is_pulled_once_without_its_pickles_and_code(hub: Hub, place: Path) -> None:
    status, document, err = penjing(hub, place, "pull", "tiny")
    assert status == 0, err
    folder = Path(document["path"])
    assert folder.is_relative_to(place / "hf" / "hub")
    assert {path.name for path in folder.iterdir()} == KEPT == names(place)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert not document["pinned"]
    assert document["files"]["model.safetensors"] == hashlib.sha256(WEIGHTS).hexdigest()
    assert "tiny is not pinned: integrity rests on the hub's own hash" in err
    asked = {path.rsplit("/", 1)[1] for _, path, _ in hub.asked if "/resolve/" in path}
    assert asked == KEPT

    hub.asked.clear()
    status, again, err = penjing(hub, place, "pull", "tiny")
    assert (status, again["path"], hub.asked) == (0, str(folder), []), "no network the second time"


def test_an_interrupted_download_goes_on_where_it_stopped(hub: Hub, place: Path) -> None:
    hub.break_after = 5 * 2**20
    hub.pause = threading.Event()
    process = start(hub, place, "pull", "tiny")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        partial = unfinished(place)
        if partial and partial[0].stat().st_size >= 4 * 2**20:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "penjing: stopped"
    assert "model.safetensors" not in names(place)
    [partial_path] = unfinished(place)
    have = partial_path.stat().st_size
    assert 4 * 2**20 <= have <= 5 * 2**20

    hub.break_after, hub.asked = None, []
    status, document, err = penjing(hub, place, "pull", "tiny")
    assert status == 0, err
    assert hub.gets("model.safetensors") == [f"bytes={have}-"], "only the rest was asked for"
    assert Path(document["path"], "model.safetensors").read_bytes() == WEIGHTS
    assert unfinished(place) == []


def test_a_dropped_connection_is_taken_up_again(hub: Hub, place: Path) -> None:
    hub.break_after = 5 * 2**20
    status, document, err = penjing(hub, place, "pull", "tiny")
    assert status == 0, err
    assert len(hub.gets("model.safetensors")) == 3
    assert Path(document["path"], "model.safetensors").read_bytes() == WEIGHTS


def test_a_server_without_ranges_begins_again(hub: Hub, place: Path) -> None:
    blobs = place / "hf/hub/models--someone--tiny/blobs"
    blobs.mkdir(parents=True)
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    (blobs / f"{digest}.penjing.incomplete").write_bytes(b"not the beginning of it")
    hub.ranges = False
    status, document, err = penjing(hub, place, "pull", "tiny")
    assert status == 0, err
    assert Path(document["path"], "model.safetensors").read_bytes() == WEIGHTS


def test_weights_with_another_hash_are_refused(hub: Hub, place: Path) -> None:
    hub.corrupt = True
    status, document, _ = penjing(hub, place, "pull", "tiny")
    assert status == 1
    assert document["error"]["kind"] == "IntegrityError"
    assert "sha256 that the hub promised" in document["error"]["message"]
    assert "model.safetensors" not in names(place)
    assert unfinished(place) == []
    assert not (place / "home" / "records").exists()


def test_a_copy_that_changed_is_compared_with_the_first_pull(hub: Hub, place: Path) -> None:
    _, document, _ = penjing(hub, place, "pull", "tiny")
    config = Path(document["path"], "config.json").resolve()
    config.unlink()
    hub.files["config.json"] = b'{"architectures": ["Elsewhere"]}'
    status, document, err = penjing(hub, place, "pull", "tiny")
    assert status == 1
    assert "config.json is not the file that was first pulled" in document["error"]["message"]
    assert "damaged or old" in err

    hub.files = dict(FILES)
    shutil.rmtree(place / "hf")
    assert penjing(hub, place, "pull", "tiny")[0] == 0


def test_remove_frees_what_was_pulled_and_leaves_what_others_brought(hub: Hub, place: Path) -> None:
    penjing(hub, place, "pull", "tiny")
    status, document, _ = penjing(hub, place, "remove", "tiny")
    assert status == 0
    assert document["freed_bytes"] >= len(WEIGHTS)
    assert names(place) == set()

    code = (
        "from huggingface_hub import hf_hub_download as get;"
        f"[get('{REPOSITORY}', file, revision='{COMMIT}') for file in {sorted(KEPT)}]"
    )
    env = {**os.environ, "HF_HOME": str(place / "hf")}
    env |= {"HF_ENDPOINT": f"http://127.0.0.1:{hub.port}", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True)
    penjing(hub, place, "pull", "tiny")
    status, document, _ = penjing(hub, place, "remove", "tiny")
    assert status == 0
    assert document["freed_bytes"] < 5000
    assert names(place) >= KEPT


@pytest.mark.parametrize(
    ("change", "kind", "part"),
    [
        ({"port": 1}, "NetworkError", "the hub cannot be reached"),
        (
            {"status": 403, "headers": {"X-Error-Code": "GatedRepo"}},
            "NetworkError",
            "someone/tiny is gated: accept its licence",
        ),
        (
            {"status": 401, "headers": {"X-Error-Code": "RepoNotFound"}},
            "NetworkError",
            "the hub shows no someone/tiny",
        ),
        (
            {"status": 404, "headers": {"X-Error-Code": "RevisionNotFound"}},
            "NetworkError",
            "no revision main",
        ),
        ({"status": 418}, "NetworkError", "the hub answered 418"),
        ({"files": {"config.json": b"{}"}}, "FormatError", "no config.json with safetensors"),
        ({"tell": {"sha256": "../../../../x"}}, "NetworkError", "not a hub"),
        ({"tell": {"size": 10**15}}, "StorageError", "are needed"),
    ],
)
def test_what_goes_wrong_is_one_line(
    change: dict[str, Any], kind: str, part: str, hub: Hub, place: Path
) -> None:
    for name, value in change.items():
        setattr(hub, name, value)
    if "tell" in change and "size" in change["tell"]:
        hub.tell = {}
        hub.files = {"config.json": b"{}", "model.safetensors": Huge(b"x")}
    status, document, err = penjing(hub, place, "pull", "tiny")
    error = document["error"]
    assert (error["kind"], status) == (kind, 2 if kind == "FormatError" else 1), err
    assert part in error["message"]
    assert len(err.splitlines()) <= 2, "at most how long the task took, and the one line"
    assert names(place) == set()
    assert not (place / "home" / "records").exists()


class Huge(bytes):
    """A file that says it is a petabyte."""

    def __len__(self) -> int:
        return 10**15


def test_offline_is_said(hub: Hub, place: Path) -> None:
    status, document, _ = penjing(hub, place, "pull", "tiny", HF_HUB_OFFLINE="1")
    assert status == 1
    assert "HF_HUB_OFFLINE is set" in document["error"]["message"]
    assert hub.asked == []


def test_a_missing_library_is_named_with_its_extra(hub: Hub, place: Path) -> None:
    (place / "empty").mkdir()
    (place / "empty" / "huggingface_hub.py").write_text("raise ImportError('absent')")
    status, document, _ = penjing(hub, place, "pull", "tiny", PYTHONPATH=str(place / "empty"))
    assert status == 2
    assert document["error"]["kind"] == "MissingExtra"
    assert "pip install 'penjing[hub]'" in document["error"]["message"]
