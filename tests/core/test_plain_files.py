"""What may lie in a folder instead of a file, and whether anybody waits for it."""

from __future__ import annotations

import ast
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from penjing.core.errors import BadInput, FormatError
from penjing.core.files import read_text, require_new_file, sha256_file, writing
from penjing.core.strangers import RefusedFileError, open_plain, read_plain

SOURCES = Path(__file__).parents[2] / "src" / "penjing"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[dict[str, Path]]:
    """One of each kind, by what the refusal calls it."""
    found = {"a folder": tmp_path / "folder", "a pipe": tmp_path / "pipe"}
    found["a folder"].mkdir()
    os.mkfifo(found["a pipe"])
    found["a device"] = Path("/dev/zero")
    found["a socket"] = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(found["a socket"]))
        yield found


@pytest.mark.alone
@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a device", "a socket"])
@pytest.mark.parametrize("linked", [False, True])
def test_what_is_no_plain_file_is_one_line_at_once(
    made: dict[str, Path], tmp_path: Path, kind: str, linked: bool
) -> None:
    path = made[kind]
    if linked:
        path = tmp_path / "link"
        path.symlink_to(made[kind])
    begun = time.monotonic()
    for read in (lambda: read_plain(path, limit=100), lambda: read_text(path)):
        with pytest.raises(BadInput, match=f"cannot read .*: it is {kind}, not a plain file"):
            read()
    with pytest.raises(RefusedFileError, match=kind):
        sha256_file(path)
    assert time.monotonic() - begun < 1


class Swapped(type(Path())):  # type: ignore[misc]
    """A path at which somebody puts a pipe right after `stat` saw a file."""

    def stat(self, **_: object) -> os.stat_result:
        return Path(__file__).stat()


def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RefusedFileError, match="a pipe"):
        open_plain(Swapped(tmp_path / "pipe"))


def test_nothing_stays_open_after_a_refusal(made: dict[str, Path]) -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    for path in made.values():
        with pytest.raises(OSError, match="not a plain file"):
            open_plain(path)
    assert len(list(Path("/dev/fd").iterdir())) == before


@pytest.mark.alone
def test_more_than_the_limit_is_never_read(tmp_path: Path) -> None:
    (tmp_path / "sparse").touch()
    os.truncate(tmp_path / "sparse", 2**40)
    begun = time.monotonic()
    with pytest.raises(FormatError, match="larger than 1"):
        read_plain(tmp_path / "sparse", limit=1000)
    with pytest.raises(BadInput, match="give a shorter text"):
        read_text(tmp_path / "sparse", limit=1000)
    assert time.monotonic() - begun < 1
    (tmp_path / "full").write_bytes(b"x" * 1000)
    assert read_plain(tmp_path / "full", limit=1000) == b"x" * 1000


def test_a_file_that_grows_faster_than_it_is_read_ends(tmp_path: Path) -> None:
    path, over = tmp_path / "grows", threading.Event()
    path.write_bytes(b"x" * 2**26)

    def grow() -> None:
        with path.open("ab") as file:
            while not over.is_set() and file.tell() < 2**30:
                file.write(b"x")
                file.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        with pytest.raises(RefusedFileError, match="grows while it is read"):
            sha256_file(path)
    finally:
        over.set()
        writer.join()


def test_links_stay_in_their_folder(tmp_path: Path) -> None:
    folder, secret = tmp_path / "model", tmp_path / "secret.json"
    (folder / "deeper").mkdir(parents=True)
    secret.write_text("{}")
    (folder / "own.json").write_text("[]")
    links = {"own": "own.json", "up": "deeper/../own.json", "out": "../secret.json",
             "whole": str(secret), "circle": "circle", "nowhere": "gone"}  # fmt: skip
    for name, to in links.items():
        (folder / name).symlink_to(to)
    (folder / "chain").symlink_to("whole")
    (folder / "aside").symlink_to(tmp_path)
    for name in ("own", "up", "own.json"):
        assert read_plain(folder / name, limit=9, inside=folder) == b"[]"
    for name in ("out", "whole", "chain", "aside/secret.json"):
        assert read_plain(folder / name, limit=9) == b"{}"  # a person who names it may mean it
        with pytest.raises(BadInput, match="a link out of its folder: put the file itself there"):
            read_plain(folder / name, limit=9, inside=folder)
    with pytest.raises(BadInput, match="circle"):
        read_plain(folder / "circle", limit=9, inside=folder)
    with pytest.raises(BadInput, match="no such file"):
        read_plain(folder / "nowhere", limit=9, inside=folder)


def test_a_hubs_cache_is_made_of_links_and_can_be_read(tmp_path: Path) -> None:
    repository = tmp_path / "models--x--y"
    snapshot, blobs = repository / "snapshots" / ("a" * 40), repository / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    (blobs / "123").write_text("{}")
    (snapshot / "config.json").symlink_to("../../blobs/123")
    assert read_plain(snapshot / "config.json", limit=9, inside=snapshot) == b"{}"
    (tmp_path / "named").symlink_to(snapshot)
    assert read_plain(tmp_path / "named" / "config.json", limit=9, inside=tmp_path / "named")
    (tmp_path / "secret").write_text("{}")
    (blobs / "456").symlink_to(tmp_path / "secret")
    for name, to in {"a": "../../blobs/456", "b": "../../secret", "c": "../../../secret"}.items():
        (repository / "secret").write_text("{}")
        (snapshot / name).symlink_to(to)
        with pytest.raises(BadInput, match="link out of its folder"):
            read_plain(snapshot / name, limit=9, inside=snapshot)


def test_blobs_that_are_a_link_themselves_lead_nowhere(tmp_path: Path) -> None:
    snapshot = tmp_path / "x" / "snapshots" / "y"
    snapshot.mkdir(parents=True)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "key").write_text("secret")
    (tmp_path / "x" / "blobs").symlink_to(tmp_path / "home")
    (snapshot / "config.json").symlink_to("../../blobs/key")
    with pytest.raises(BadInput, match="link out of its folder"):
        read_plain(snapshot / "config.json", limit=9, inside=snapshot)


UNREADABLE = """
import os, sys
from pathlib import Path
from penjing.core.errors import BadInput
from penjing.core.strangers import read_plain
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
folder = Path(sys.argv[1])
for name in ("closed", "shut/inside", "n" * 300, "nul\\0", "file/inside"):
    for inside in (None, folder):
        try:
            read_plain(folder / name, limit=9, inside=inside)
        except BadInput as error:
            print(str(error).rpartition(": ")[2])
"""


def test_what_may_not_be_read_is_one_line(tmp_path: Path) -> None:
    for above in (tmp_path, *tmp_path.parents[:3]):
        above.chmod(0o755)
    (tmp_path / "file").touch()
    (tmp_path / "closed").touch(0o000)
    (tmp_path / "shut").mkdir()
    (tmp_path / "shut" / "inside").touch()
    (tmp_path / "shut").chmod(0o000)
    try:
        done = subprocess.run(
            [sys.executable, "-c", UNREADABLE, str(tmp_path)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    finally:
        (tmp_path / "shut").chmod(0o700)
    lines = done.stdout.splitlines()
    assert [one for one in lines if one == "permission denied"] == ["permission denied"] * 4
    assert lines[4:6] == ["file name too long"] * 2
    assert lines[6:8] == ["it has an impossible name"] * 2
    assert len(lines) == 10


# -- the door is the only one

OWN = {
    "core/strangers.py": "the door",
    "core/files.py": "writes",
    "core/memory.py": "the kernel's own",
    "core/limits.py": "the kernel's own",
    "core/age.py": "the kernel's own",
    "core/egress/": "no files of others",
    "devices/machine.py": "the kernel's own",
    "cli/app.py": "/dev/null",
    "cli/chat.py": "the kernel's own",
    "cli/passphrases.py": "what a person hands over may be a pipe",
    "tools/when.py": "the system's time zone",
    "tools/due.py": "the kernel's own",
    "serve/": "its own pages, keys and certificates",
    "vault/": "a reader of its own, vault/disk.py",
    "knowledge/": "documents, read in a process of their own",
    "engine/stderr_capture.py": "no file",
    "engine/renderer.py": "a pipe of our own",
    "assistant/understand/": "what is shipped with it",
    "core/cities.py": "what is shipped with it",
    "workshop/pages/layout.py": "what is shipped with it",
    "workshop/calibrate.py": "what is shipped with it",
    "bundle/sources.py": "what it has just written",
    "evaluation/append_log.py": "writes",
}
"""Where files are opened otherwise, and what they are."""


def test_files_are_opened_at_one_door() -> None:
    """Anything else that reads a file is in the list above, with its reason."""
    found = set()
    for path in SOURCES.rglob("*.py"):
        name = path.relative_to(SOURCES).as_posix()
        if any(name.startswith(one) for one in OWN):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _opens(node):
                found.add(f"{name}:{node.lineno}")
    assert found == set()


def _opens(call: ast.Call) -> bool:
    """open(), PATH.open("rb"), read_text(), read_bytes(), np.load, np.memmap."""
    to = call.func
    if isinstance(to, ast.Name):
        return to.id == "open"
    if not isinstance(to, ast.Attribute):
        return False
    first = call.args[0] if call.args else None
    mode = first.value if isinstance(first, ast.Constant) else ""
    if to.attr == "open" and isinstance(mode, str) and mode:
        return "r" in mode
    if to.attr in ("read_text", "read_bytes"):
        return True
    named = isinstance(first, ast.Name) and first.id == "file"
    return to.attr in ("load", "memmap", "fromfile") and ast.unparse(to.value) == "np" and not named


def test_what_a_killed_writer_left_is_swept_and_what_is_being_written_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.sealed"
    stale, other = tmp_path / ".a.sealed.abcd_123.tmp", tmp_path / ".b.sealed.abcd_123.tmp"
    link, mine = tmp_path / ".a.sealed.abcd_124.tmp", tmp_path / ".a.sealed.notes.tmp"
    for each in (stale, other, mine):
        each.write_text("x")
    link.symlink_to("nowhere")
    with writing(path) as file:
        file.write(b"y")
        require_new_file(path, ".sealed", overwrite=False)
        assert not stale.exists()
        assert len(list(tmp_path.glob(".a.sealed.????????.tmp"))) == 2  # being written; a link
    assert path.read_bytes() == b"y"
    assert other.exists()
    assert mine.exists()
