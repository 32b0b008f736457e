"""The folder of half-done work: kept after an interruption, gone after anything else."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from penjing.core.errors import BadInput, Cancelled, EngineError, StorageError
from penjing.evaluation.resumable_folder import slot


def work(root: Path, key: str, ending: BaseException) -> None:
    with slot(root, key) as folder:
        (folder / "file").write_text("x")
        raise ending


def test_success_leaves_nothing(tmp_path: Path) -> None:
    with slot(tmp_path / "work", "a") as folder:
        (folder / "file").write_text("x")
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit, Cancelled, MemoryError])
def test_an_interruption_keeps_it_for_the_same_key(
    tmp_path: Path, ending: type[BaseException]
) -> None:
    with pytest.raises(ending):
        work(tmp_path, "a", ending())
    with slot(tmp_path, "a") as folder:
        assert (folder / "file").read_text() == "x"


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(EngineError):
        work(tmp_path, "a", EngineError("no"))
    assert list(tmp_path.iterdir()) == []


def test_beginning_another_removes_what_was_left(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        work(tmp_path, "a", KeyboardInterrupt())
    with slot(tmp_path, "b"):
        assert [item.name for item in tmp_path.iterdir()] == ["b"]


def test_the_same_work_twice_is_refused_and_other_work_is_left_alone(tmp_path: Path) -> None:
    with slot(tmp_path, "a") as folder:
        (folder / "file").write_text("x")
        with pytest.raises(BadInput, match="already running"), slot(tmp_path, "a"):
            pass
        with slot(tmp_path, "b"):
            assert (folder / "file").exists()
        assert (folder / "file").exists()


def test_a_killed_process_frees_the_folder(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from penjing.evaluation.resumable_folder import slot
        with slot(Path(sys.argv[1]), "a") as folder:
            (folder / "file").write_text("x")
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    words = [sys.executable, "-c", program, str(tmp_path)]
    assert subprocess.run(words, check=False).returncode == -9
    with slot(tmp_path, "a") as folder:
        assert (folder / "file").exists()


def test_a_place_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("a file in the way")
    with pytest.raises(StorageError, match="cannot write"), slot(tmp_path / "work", "a"):
        pass
