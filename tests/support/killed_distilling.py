"""`penjing distill` of a tiny model, killed at a point of its work.

Points are counted: a step begins, a block goes backward, the engine reads, a file is synced, a file
takes its name. At the given one the process is gone (SIGKILL); a state is kept after every step.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

WORDS = "he said that the small tree on the rock is older than she is, and he pruned it. "
NEVER = 10**9


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
    """Work until `point`; how many points there were, or None where it was killed there.

    In a process of its own, forked: what takes longest is to import.
    """
    from penjing.app import distilling  # noqa: F401 (before the fork)
    from penjing.workshop.distill import train  # noqa: F401

    child = os.fork()
    if not child:
        status = 1
        try:
            status = _work(folder, point)
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    if os.WIFSIGNALED(ended) and os.WTERMSIG(ended) == signal.SIGKILL:
        return None
    assert ended == 0, (folder / "said").read_text()[-2000:]
    return int((folder / "points").read_text())


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


def _work(folder: Path, last: int) -> int:
    import torch

    from penjing.app import distilling
    from penjing.cli import app
    from penjing.engine.llamacpp import LlamaCpp
    from penjing.workshop.distill import train

    torch.set_num_threads(1)
    os.chdir(folder)
    os.environ["PENJING_HOME"] = str(folder / "home")
    said = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(said, 1)
    os.dup2(said, 2)
    points = _Points(last)
    for owner, name in ((train._Run, "step"), (train._Run, "_backward"), (LlamaCpp, "score"),
                        (os, "fsync"), (Path, "replace")):  # fmt: skip
        points.before(owner, name)
    for name, size in (("_WINDOW", 64), ("_STATISTICS", 256), ("_TRAINING", 2048)):
        setattr(distilling, name, size)
    train._SAVE_EVERY = 0.0
    status = app.main(
        ["distill", "student.gguf", "-o", "out.gguf", "--teacher", "teacher.gguf", "--text",
         "text.txt", "--held-out", "held.txt", "--windows", "2", "--steps", "9", "--threads", "1",
         "--quiet", "--json"]
    )  # fmt: skip
    Path("points").write_text(str(points.count))
    return status
