"""Tests run side by side: one that limits time by the clock on the wall is marked `alone`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CLOCKS = ("time.monotonic() -", "time.perf_counter() -", "time.time() -")
GENEROUS = 5
"""Seconds that are far more than anything takes: a neighbour does not use them up."""


def tight(source: str) -> Iterator[str]:
    """Tests of a file that assert that less than a few seconds went by, and are not marked."""
    tree = ast.parse(source)
    marks = [ast.unparse(one) for one in tree.body if isinstance(one, ast.Assign)]
    if any("pytestmark" in one and "alone" in one for one in marks):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
            continue
        marked = any(ast.unparse(one) == "pytest.mark.alone" for one in node.decorator_list)
        asserts = (one.test for one in ast.walk(node) if isinstance(one, ast.Assert))
        if not marked and any(map(_is_tight, asserts)):
            yield node.name


def _is_tight(test: ast.expr) -> bool:
    if not isinstance(test, ast.Compare):
        return False
    sides = [test.left, *test.comparators]
    for left, operator, right in zip(sides, test.ops, sides[1:], strict=False):
        timed = any(clock in ast.unparse(left) for clock in CLOCKS)
        if timed and isinstance(operator, ast.Lt | ast.LtE) and _at_least(right) < GENEROUS:
            return True
    return False


def _at_least(limit: ast.expr) -> float:
    """Seconds of a limit, or what it adds to a name."""
    last = limit.right if isinstance(limit, ast.BinOp) and isinstance(limit.op, ast.Add) else limit
    value = last.value if isinstance(last, ast.Constant) else 0
    return value if isinstance(value, int | float) else 0


@pytest.mark.parametrize(
    "path", sorted(TESTS.rglob("test_*.py")), ids=lambda one: str(one.relative_to(TESTS))
)
def test_what_measures_time_stands_alone(path: Path) -> None:
    assert list(tight(path.read_text("utf-8"))) == []


TIGHT = "def test_x():\n    began = time.monotonic()\n    assert time.monotonic() - began < {}\n"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (TIGHT.format("1"), ["test_x"]),
        (TIGHT.format("LIMIT + 1"), ["test_x"]),
        (TIGHT.format("30"), []),
        (TIGHT.format("LIMIT + 12"), []),
        ("@pytest.mark.alone\n" + TIGHT.format("1"), []),
        ("pytestmark = pytest.mark.alone\n" + TIGHT.format("1"), []),
    ],
)
def test_the_rule_can_fail(source: str, found: list[str]) -> None:
    assert list(tight(source)) == found
