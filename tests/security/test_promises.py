"""Each promise of docs/security.md names attacks that exist; the siege has no way unnamed."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = [
    line
    for line in (ROOT / "docs/security.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and "attacked by" not in line and line.count("|") == 3
]


def test_every_promise_names_an_attack_that_is_there() -> None:
    tests = {path.stem for path in ROOT.glob("tests/*/**/test_*.py")}
    assert len(ROWS) > 15
    for row in ROWS:
        named = re.findall(r"`([^`]+)`", row.split("|")[2])
        assert named, row
        for name in named:
            if name.startswith("test_"):
                assert name in tests, row
            elif "/" in name:
                assert (ROOT / name).exists(), row


def test_every_way_of_the_siege_stands_for_a_promise() -> None:
    ways = {path.stem for path in (ROOT / "tests/siege/ways").glob("[a-z]*.py")}
    sieges = [row.partition("; siege ")[2] for row in ROWS]
    named = {name for part in sieges for name in re.findall(r"`([a-z]+)`", part)}
    assert named == ways
