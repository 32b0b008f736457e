"""`penjing distill` of a tiny model, killed at a point of its work: as a program, and what runs it.

    python killing.py FOLDER POINT

Points are counted: a step begins, a block goes backward, the engine reads, a file is synced, a file
takes its name. At the given one the process is gone (SIGKILL); a state is kept after every step.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

WORDS = "he said that the small tree on the rock is older than she is, and he pruned it. "
NEVER = 10**9
_SAID = "points: "


def prepare(folder: Path) -> None:
    """Teacher, student and texts."""
    import numpy as np
    import tiny

    from penjing.workshop.export.gguf import export_gguf
    from penjing.workshop.prune.reshape import reshaped, whole_layers

    teacher = tiny.checkpoint("llama", layers=2, ffn=128, hidden=64, vocab=400)
    export_gguf(teacher, folder / "teacher.gguf", {})
    student = reshaped(teacher, whole_layers(teacher.config), np.arange(32))
    export_gguf(student, folder / "student.gguf", {})
    (folder / "text.txt").write_text(WORDS * 400, encoding="utf-8")
    lines = "".join(f"{n} {WORDS}\n" for n in range(200))
    (folder / "held.txt").write_text(lines, encoding="utf-8")


def run(folder: Path, point: int) -> int | None:
    """Work until `point`; how many points there were, or None where it was killed there."""
    environment = {**os.environ, "PENJING_HOME": str(folder / "home")}
    done = subprocess.run(
        [sys.executable, __file__, str(folder), str(point)],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    if done.returncode == -signal.SIGKILL:
        return None
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout.rpartition(_SAID)[2])


class _Points:
    """Counts, and dies at one."""

    def __init__(self, last: int) -> None:
        self.count, self._last = 0, last

    def before(self, owner: Any, name: str) -> None:
        """Each call of this is one."""
        whole: Callable[..., Any] = getattr(owner, name)

        def counted(*args: Any, **more: Any) -> Any:
            self.count += 1
            if self.count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)
            return whole(*args, **more)

        setattr(owner, name, counted)


def _main(folder: Path, last: int) -> None:
    from penjing.app import distilling
    from penjing.cli import app
    from penjing.engine.llamacpp import LlamaCpp
    from penjing.workshop.distill import train

    points = _Points(last)
    for owner, name in ((train._Run, "step"), (train._Run, "_backward"), (LlamaCpp, "score"),
                        (os, "fsync"), (Path, "replace")):  # fmt: skip
        points.before(owner, name)
    for name, size in (("_WINDOW", 64), ("_STATISTICS", 256), ("_TRAINING", 2048)):
        setattr(distilling, name, size)
    train._SAVE_EVERY = 0.0
    os.chdir(folder)
    status = app.main(
        ["distill", "student.gguf", "-o", "out.gguf", "--teacher", "teacher.gguf", "--text",
         "text.txt", "--held-out", "held.txt", "--windows", "2", "--steps", "9", "--threads", "1",
         "--quiet", "--json"]
    )  # fmt: skip
    print(f"{_SAID}{points.count}")
    sys.exit(status)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    _main(Path(sys.argv[1]), int(sys.argv[2]))
