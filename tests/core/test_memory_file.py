"""Files that lie in memory alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from penjing.core import memory_file
from penjing.core.errors import EngineError
from penjing.core.memory_file import MemoryFile, memory_descriptor, memory_name
from penjing.core.strangers import open_plain


def test_it_is_read_by_its_path_and_changed_by_nobody() -> None:
    with MemoryFile("a tree/名") as made:
        made.write(b"abc")
        made.write(bytearray(b"def"))
        made.freeze()
        with open_plain(made.path) as file:
            assert file.read() == b"abcdef"
        assert memory_name(made.path) == "a tree_名"
        assert memory_descriptor(made.path) == made.descriptor
        for change in (
            lambda: os.write(made.descriptor, b"x"),
            lambda: os.truncate(made.path, 3),
            lambda: os.truncate(made.path, 9),
        ):
            with pytest.raises(PermissionError):
                change()
    made.close()


def test_other_paths_are_no_files_in_memory(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with (tmp_path / "a").open("rb") as file:
        for path in (tmp_path / "a", Path("/proc/self/fd", str(file.fileno()))):
            assert memory_name(path) is None
            assert memory_descriptor(path) is None
    assert memory_name(Path("/proc/self/fd/none")) is None


def test_a_child_opens_it_only_if_it_was_given() -> None:
    code = "import sys; print(open(sys.argv[1], 'rb').read())"
    with MemoryFile("m") as made:
        made.write(b"needle")
        command = [sys.executable, "-c", code, str(made.path)]
        given = subprocess.run(command, pass_fds=[made.descriptor], capture_output=True, check=True)
        assert given.stdout == b"b'needle'\n"
        alone = subprocess.run(command, capture_output=True, check=False)
        assert b"needle" not in alone.stdout + alone.stderr


def test_where_there_are_none_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    with pytest.raises(EngineError, match="it takes Linux"):
        MemoryFile("m")


def test_no_memory_is_one_line() -> None:
    code = (
        "import resource\n"
        "from penjing.core.memory_file import MemoryFile\n"
        "from penjing.core.errors import EngineError\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    MemoryFile('m').write(bytes(2000))\n"
        "except EngineError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "close other programs" in done.stdout


def test_a_long_name_is_cut_within_a_character() -> None:
    assert memory_file._short("树" * 100) == "树" * 66
    assert memory_file._short("\n/") == "__"
    assert memory_file._short("") == "model"
