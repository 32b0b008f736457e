"""What memory is said to be needed, against what whole processes took: three sizes, two efforts.

Small models with vocabularies as large as those of real ones: logits, embedding and head are most
of what they take. Fewer assemblies are measured than usual, which takes time and no memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from place import Place

COMMAND = """
import sys
from dataclasses import replace
from penjing.cli.app import main
from penjing.workshop.compress.settings import EFFORTS
for name, effort in EFFORTS.items():
    EFFORTS[name] = replace(effort, assemblies=3)
sys.exit(main(sys.argv[1:]))
"""

SIZES = {"small": 260, "middle": 8_000, "large": 24_000}
"""Tokens of the vocabulary."""
ACCIDENT = 32 * 10**6
"""Bytes by which two peaks of one work may differ: what an allocator keeps."""

Made = Callable[[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The passport of a size and an effort, made once."""
    found: dict[tuple[str, str], dict[str, Any]] = {}

    def make(size: str, effort: str) -> dict[str, Any]:
        if (size, effort) not in found:
            found[size, effort] = compress(tmp_path_factory.mktemp(size), size, effort)
        return found[size, effort]

    return make


def compress(folder: Path, size: str, effort: str) -> dict[str, Any]:
    """In a process of its own: a peak belongs to a process."""
    place = Place(folder, vocab=SIZES[size])
    budget = str(place.model.stat().st_size * 2 // 5)
    words = place.words("out", "--effort", effort, "--minutes", "0.05", size=budget)
    words += ["--text", str(folder / "own.txt")]
    done = subprocess.run([sys.executable, "-c", COMMAND, *words], capture_output=True, check=True)
    passport: dict[str, Any] = json.loads(done.stdout)
    return passport


@pytest.mark.parametrize("effort", ["light", "standard"])
@pytest.mark.parametrize("size", SIZES)
def test_no_more_is_taken_than_was_said(made: Made, size: str, effort: str) -> None:
    taken, said = memory(made(size, effort))
    assert 0 < taken <= said


def test_what_grows_with_the_model_is_in_what_is_said(made: Made) -> None:
    """Not only in what a process is allowed whatever the model: that hides it while it is small.

    Of effort light; above it training, which is the most that is said, hides it too.
    """
    (small, said_small), (large, said_large) = (
        memory(made(size, "light")) for size in ("small", "large")
    )
    assert large - small <= said_large - said_small + ACCIDENT


def memory(passport: dict[str, Any]) -> tuple[int, int]:
    """Peak bytes taken, and said."""
    return passport["peak_rss_bytes"], passport["forecast"]["peak_bytes"]
