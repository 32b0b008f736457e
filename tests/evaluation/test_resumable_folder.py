"""The folder of half-done work: kept after an interruption, gone after anything else."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from penjing.core.errors import BadInput, Cancelled, EngineError, StorageError
from penjing.evaluation import resumable_folder
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


def left(root: Path, key: str, *, hours_ago: float, size: int = 1) -> None:
    """What an interruption left some time ago."""
    with pytest.raises(KeyboardInterrupt):
        work(root, key, KeyboardInterrupt())
    (root / key / "file").write_bytes(bytes(size))
    when = time.time() - 3600 * hours_ago
    for path in (root / key, *(root / key).iterdir()):
        os.utime(path, (when, when))


def names(root: Path) -> list[str]:
    return sorted(item.name for item in root.iterdir())


def test_another_that_ends_or_fails_leaves_what_was_left(tmp_path: Path) -> None:
    left(tmp_path, "a", hours_ago=0)
    with slot(tmp_path, "b") as folder:
        (folder / "file").write_text("y")
    with pytest.raises(EngineError):
        work(tmp_path, "c", EngineError("no"))
    assert names(tmp_path) == ["a"]
    with slot(tmp_path, "a") as folder:
        assert (folder / "file").exists()
    assert names(tmp_path) == []


def test_what_was_left_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left(tmp_path, "ancient", hours_ago=24 * 31)
    for hours in range(1, 6):
        left(tmp_path, f"small{hours}", hours_ago=hours)
    with slot(tmp_path, "mine"):
        assert names(tmp_path) == ["mine", *(f"small{hours}" for hours in range(1, 6))]
    monkeypatch.setattr(resumable_folder, "MOST_WORKS", 3)
    with slot(tmp_path, "mine"):
        assert names(tmp_path) == ["mine", "small1", "small2", "small3"]
    left(tmp_path, "large", hours_ago=0.5, size=2**20)
    monkeypatch.setattr(resumable_folder, "MOST_BYTES", 2**20)
    with slot(tmp_path, "mine"):  # the newest stays, whatever its size
        assert names(tmp_path) == ["large", "mine"]


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
