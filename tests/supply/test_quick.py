"""`make quick` finds the tests that are nearest to a change, and ends in time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import quick  # noqa: E402


def test_changed_tests_come_first_then_those_that_import_what_changed() -> None:
    tests = sorted((ROOT / "tests").rglob("test_*.py"))
    paths = {"src/penjing/core/tables.py", "tests/supply/test_quick.py", "README.md"}
    names = [path.name for path in quick.nearest(paths, tests)]
    assert names[:2] == ["test_quick.py", "test_tables.py"]
    assert len(set(names)) == len(names) > 20
    assert not any(path.parent.name == "workshop" for path in quick.nearest(paths, tests))


def test_every_way_to_import_is_seen() -> None:
    source = "import a.b\ndef f():\n    from c.d import e\nfrom . import near"
    assert quick.imported(source) == {"a.b", "c.d", "c.d.e"}


def test_no_test_is_begun_when_time_is_up(tmp_path: Path) -> None:
    (tmp_path / "test_two.py").write_text("def test_a(): pass\ndef test_b(): assert False")
    code = "import pytest, quick, sys; sys.exit(pytest.main(['-q'], plugins=[quick.Until(0.0)]))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert "1 of 2 tests are left out" in done.stdout
