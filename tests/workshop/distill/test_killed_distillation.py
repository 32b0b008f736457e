"""`penjing distill` killed anywhere ends with the same bytes (50 kills: `benchmarks/killed.py`)."""

from __future__ import annotations

import shutil
from pathlib import Path

import killed_distilling
import numpy as np

KILLS = 3


def test_a_run_that_is_killed_anywhere_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed_distilling.prepare(whole)
    shutil.copytree(whole, killed)
    points = killed_distilling.run(whole, killed_distilling.NEVER)
    assert points is not None
    assert points > 40
    chance = np.random.default_rng(11)
    met = 0
    early = chance.integers(1, points // 2, KILLS - 1).tolist()
    for point in (*early, points // 4):  # all in one run: it goes on behind each
        met += killed_distilling.run(killed, point) is None
    assert met
    assert killed_distilling.run(killed, killed_distilling.NEVER) is not None
    assert (killed / "out.gguf").read_bytes() == (whole / "out.gguf").read_bytes()
