"""Coverage is summed by room, and its floor is held."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/covered.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("covered", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines(statements: int, covered: int) -> dict[str, dict[str, int]]:
    return {"summary": {"num_statements": statements, "covered_lines": covered}}


def test_files_are_summed_by_room(script: ModuleType) -> None:
    files = {
        "/x/src/penjing/core/a.py": lines(10, 5),
        "src/penjing/core/deep/b.py": lines(30, 30),
        "src/penjing/__main__.py": lines(4, 1),
    }
    rooms = [tuple(one) for one in script.by_room(files)]
    assert rooms == [("core", 40, 35), ("penjing", 4, 1)]


@pytest.mark.parametrize(("covered", "status"), [(79, 1), (80, 0), (81, 0)])
def test_the_floor_is_held(
    script: ModuleType, covered: int, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.held([script.Room("core", 100, covered)], 80.0) == status
    assert ("below the floor of 80%" in capsys.readouterr().out) == bool(status)
