"""50 kills at random points of `penjing distill`, each resumed: are the bytes those of a run that
was not killed?

    python benchmarks/killed.py [--kills 50] [--seed 0]

Tiny models, SIGKILL, a new folder for each; prints one line for each that differs, and how many
were killed and how many came out equal.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import killed_distilling


def main() -> None:
    """Kill, resume, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    chance = np.random.default_rng(args.seed)
    with tempfile.TemporaryDirectory() as name:
        whole = Path(name) / "whole"
        whole.mkdir()
        killed_distilling.prepare(whole)
        clean = Path(name) / "clean"
        shutil.copytree(whole, clean)
        points = killed_distilling.run(whole, killed_distilling.NEVER)
        assert points is not None
        wanted = (whole / "out.gguf").read_bytes()
        killed = equal = 0
        for number in range(args.kills):
            folder = Path(name) / f"kill-{number}"
            shutil.copytree(clean, folder)
            point = int(chance.integers(1, points + 1))
            killed += killed_distilling.run(folder, point) is None
            killed_distilling.run(folder, killed_distilling.NEVER)
            same = (folder / "out.gguf").read_bytes() == wanted
            equal += same
            if not same:
                print(f"differs: killed at point {point} of {points}", flush=True)
            shutil.rmtree(folder)
    print(f"{killed} of {args.kills} killed within {points} points, {equal} ended with equal bytes")


if __name__ == "__main__":
    main()
