"""Runs tests and prints which share of each room's lines they ran; fails below the floor.

    python scripts/covered.py [ROOM ...]

The floor is `fail_under` in pyproject.toml and of the whole: a room is run by the tests of others,
too. Processes that tests start (engines, servers, readers) are not measured: what runs only there
counts as not run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from coverage import Coverage

ROOT = Path(__file__).parent.parent
OUTPUT = ROOT / "build" / "coverage.json"


class Room(NamedTuple):
    """How much of a folder of the package was run."""

    name: str
    lines: int
    run: int

    @property
    def share(self) -> float:
        """Percent."""
        return 100 * self.run / self.lines if self.lines else 100.0

    def __str__(self) -> str:
        return f"{self.name:12} {self.lines:6} {self.share:6.1f}%"


def main(*names: str) -> int:
    """0 when the tests pass and the floor is held."""
    measured = Coverage(config_file=str(ROOT / "pyproject.toml"))
    measured.erase()
    environment = {
        **os.environ,
        "BIN": str(Path(sys.executable).parent),
        "PYTEST_ADDOPTS": "--cov --cov-append --cov-report= --cov-fail-under=0",
        "COVERAGE_CORE": "sysmon" if sys.version_info >= (3, 12) else "ctrace",
    }
    command = ["sh", "scripts/test", *(f"tests/{name}" for name in names)]
    failed = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    rooms = [one for one in by_room(report(measured)["files"]) if not names or one.name in names]
    print("", *rooms, sep="\n")
    floor = 0.0 if names else float(str(measured.get_option("report:fail_under")))
    return failed or held(rooms, floor)


def report(measured: Coverage) -> Mapping[str, Any]:
    """What coverage knows, as plain data."""
    OUTPUT.parent.mkdir(exist_ok=True)
    measured.load()
    measured.json_report(outfile=str(OUTPUT))
    plain: dict[str, Any] = json.loads(OUTPUT.read_text("utf-8"))
    return plain


def by_room(files: Mapping[str, Any]) -> Iterator[Room]:
    """Sums over the folders of the package, by name; what lies beside them is `penjing`."""
    sums: dict[str, list[int]] = {}
    for path, about in files.items():
        inside = Path(path).parts[Path(path).parts.index("penjing") + 1 :]
        room = sums.setdefault(inside[0] if len(inside) > 1 else "penjing", [0, 0])
        room[0] += about["summary"]["num_statements"]
        room[1] += about["summary"]["covered_lines"]
    for name in sorted(sums):
        yield Room(name, *sums[name])


def held(rooms: list[Room], floor: float) -> int:
    """Print the sum; 1 where it is below the floor."""
    together = Room("together", sum(one.lines for one in rooms), sum(one.run for one in rooms))
    print(together)
    if together.share >= floor:
        return 0
    print(f"below the floor of {floor:.0f}%: test what is new, or say in pyproject.toml why not")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
