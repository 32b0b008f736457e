"""A minute of checks on what was changed: lint, types, then the tests that are nearest to it.

First the tests that were changed, then those that import what was, then the light folders, until
the time is up; what was left out is said. `make test` runs everything.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SECONDS = 50.0
"""From the start to the last test that is begun."""
LIGHT = ("core", "bundle", "devices", "ggml")
"""Folders of tests that take milliseconds each."""


def main(base: str = "main") -> int:
    """0 when nothing was found."""
    end = time.monotonic() + SECONDS
    checks = [["ruff", "check", "."], ["ruff", "format", "--check", "-q", "."], ["mypy"]]
    for command in checks:
        if subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode:
            return 1
    files = list(nearest(changed(base), sorted((ROOT / "tests").rglob("test_*.py"))))
    return int(pytest.main(["-q", "-x", *map(str, files)], plugins=[Until(end)]))


def changed(base: str) -> set[str]:
    """Paths of files that are not as on `base`, from the root."""
    since = _git("merge-base", base, "HEAD") or ["HEAD"]
    names = _git("diff", "--name-only", since[0])
    return {*names, *_git("ls-files", "--others", "--exclude-standard")}


def nearest(paths: Iterable[str], tests: Iterable[Path]) -> Iterator[Path]:
    """Files of tests: the changed ones, those that import a changed module, the light ones."""
    paths = set(paths)
    modules = {_module(path) for path in paths if path.startswith("src/")}
    left = list(tests)
    ways = (
        lambda test: str(test.relative_to(ROOT)) in paths,
        lambda test: not modules.isdisjoint(imported(test.read_text("utf-8"))),
        lambda test: test.relative_to(ROOT).parts[1] in LIGHT,
    )
    for is_near in ways:
        near = [test for test in left if is_near(test)]
        left = [test for test in left if test not in near]
        yield from near


def imported(source: str) -> set[str]:
    """All that may be a module in the imports of a file: `from a import b` gives a and a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


class Until:
    """A plugin of pytest: no test is begun after a moment."""

    def __init__(self, end: float) -> None:
        self._end = end
        self._run = self._all = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know how many there are."""
        self._all = len(session.items)

    def pytest_runtest_logfinish(self) -> None:
        """Count a test, and look at the clock."""
        self._run += 1
        if time.monotonic() > self._end and self._run < self._all:
            pytest.exit(f"{self._all - self._run} of {self._all} tests are left out", returncode=0)


def _module(path: str) -> str:
    parts = Path(path).with_suffix("").parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _git(*words: str) -> list[str]:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[:-1]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
