"""Hub repositories: the real client library against a small server that answers as the hub does."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from catalogues import catalogue, model
from servers import COMMIT, FILES, REPOSITORY, WEIGHTS, Hub, HubHandler, serving

pytest.importorskip("huggingface_hub")

KEPT = {"config.json", "tokenizer.json", "model.safetensors"}


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()
    with serving(type("OneHub", (HubHandler,), {"hub": hub})) as hub.port:
        yield hub
        if hub.pause is not None:
            hub.pause.set()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    source = {"kind": "hub", "repository": REPOSITORY}
    (tmp_path / "home" / "catalogue.toml").write_text(catalogue(model(source)))
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
    (place / "empty" / "huggingface_hub.py").write_text("raise ModuleNotFoundError('absent')")
    status, document, _ = penjing(hub, place, "pull", "tiny", PYTHONPATH=str(place / "empty"))
    assert status == 2
    assert document["error"]["kind"] == "MissingExtra"
    assert "pip install 'penjing[hub]'" in document["error"]["message"]


# One file of a repository

GGUF = b"GGUF" + bytes(range(256)) * 40_000


def _one_file(place: Path, data: bytes = GGUF, *, instead: Path | None = None) -> None:
    """A catalogue whose model is a file of the hub, then perhaps a file that is here."""
    source = {"kind": "hub-file", "repository": REPOSITORY, "filename": "t.gguf"}
    more = {"file": "t.gguf", "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    own = catalogue(model({**source, "revision": COMMIT}, **more))
    if instead:
        own += f'[[model.source]]\nkind = "local"\npath = "{instead}"\n'
    (place / "home" / "catalogue.toml").write_text(own)


def test_one_file_of_a_repository_is_pulled_and_pinned(hub: Hub, place: Path) -> None:
    hub.files["t.gguf"] = GGUF
    _one_file(place)
    status, document, err = penjing(hub, place, "pull", "tiny")
    assert status == 0, err
    assert Path(document["path"]) == place / "home" / "models" / "tiny" / "t.gguf"
    assert Path(document["path"]).read_bytes() == GGUF
    assert document["pinned"]
    assert document["origin"] == f"hub file {REPOSITORY}/t.gguf"
    assert not (place / "home" / "downloads" / "tiny").exists()


def test_one_file_that_was_cut_goes_on_where_it_stopped(hub: Hub, place: Path) -> None:
    hub.files["t.gguf"], hub.break_after = GGUF, 3 * 2**20
    _one_file(place)
    status, _, err = penjing(hub, place, "pull", "tiny")
    assert status == 0, err
    asked = hub.gets("t.gguf")
    assert asked[0] == ""
    assert all(ranged.startswith("bytes=") for ranged in asked[1:])
    assert len(asked) > 1


def test_another_file_of_that_name_is_refused_and_the_mirror_is_next(hub: Hub, place: Path) -> None:
    hub.files["t.gguf"] = GGUF[:-1] + b"?"
    _one_file(place)
    status, _, err = penjing(hub, place, "pull", "tiny")
    assert status == 1
    assert "does not have the promised sha256" in err
    assert not list((place / "home").rglob("*.gguf"))
    (place / "mirror.gguf").write_bytes(GGUF)
    _one_file(place, instead=place / "mirror.gguf")
    status, document, err = penjing(hub, place, "pull", "tiny")
    assert status == 0, err
    assert Path(document["path"]).read_bytes() == GGUF
