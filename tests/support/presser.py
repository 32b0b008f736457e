"""Runs command lines, each in a process of its own, and presses Ctrl-C in a stage of its work.

`Presser` starts this file as a program that imports everything once and forks for each command, so
that a dozen interrupted runs cost one start. A stage is the label of a progress task; Ctrl-C comes
as its `at`-th advance ends, or while a child process of it runs (`at="child"`). Where nothing is
reported, a stage is "module:function" and Ctrl-C comes as that is called.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple


class Ending(NamedTuple):
    """How a command ended."""

    status: int
    """Its exit status, negative for a signal that ended it."""
    out: str
    """What it wrote to stdout."""
    err: str
    """What it wrote to stderr."""
    children: list[int]
    """The processes that ran below it when Ctrl-C came."""

    @property
    def lines(self) -> list[str]:
        """Lines on stderr."""
        return self.err.splitlines()


class Presser:
    """The program, started; use as a context manager."""

    def __init__(self, home: Path) -> None:
        environment = {**os.environ, "PENJING_HOME": str(home), "OMP_NUM_THREADS": "1"}
        self._program = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def __enter__(self) -> Presser:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._program.stdin
        assert self._program.stdout
        self._program.stdin.close()
        self._program.wait(20)
        self._program.stdout.close()

    def run(
        self, words: list[str], stage: str = "", *, at: int | str = 1, group: bool = False
    ) -> Ending:
        """Run a command line to its end, interrupted in `stage` if one is given.

        group: Ctrl-C goes to all processes of the command, as a terminal sends it.
        """
        assert self._program.stdin
        assert self._program.stdout
        order = {"words": words, "stage": stage, "at": at, "group": group}
        print(json.dumps(order), file=self._program.stdin, flush=True)
        return Ending(**json.loads(self._program.stdout.readline()))


def alive(pid: int) -> bool:
    """Whether a process runs (one that ended and waits to be noticed does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# -- the program --------------------------------------------------------------------------------


def serve() -> None:
    """Carry out orders until there are no more."""
    for name in ("cli.app", "cli.evaluate", "cli.compress", "workshop.compress.run", "engine.speed",
                 "evaluation.perplexity", "evaluation.retention"):  # fmt: skip
        importlib.import_module(f"penjing.{name}")
    for line in sys.stdin:
        print(json.dumps(_carry_out(json.loads(line))), flush=True)


def _carry_out(order: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pid = os.fork()
        if pid == 0:
            _command(order, folder)
        _, status = os.waitpid(pid, 0)
        children = folder / "children"
        return {
            "status": os.waitstatus_to_exitcode(status),
            "out": (folder / "out").read_text(),
            "err": (folder / "err").read_text(),
            "children": json.loads(children.read_text()) if children.exists() else [],
        }


def _command(order: dict[str, Any], folder: Path) -> None:
    """In the forked process; never returns."""
    os.setpgid(0, 0)
    for number, name in ((0, os.devnull), (1, folder / "out"), (2, folder / "err")):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT, 0o600), number)
    from penjing.cli.app import main
    from penjing.cli.output import Output

    watch = _Watch(order, folder)
    if ":" in order["stage"]:
        _press_when_called(watch, *order["stage"].split(":"))
    Output.progress = lambda _: watch  # type: ignore[method-assign,assignment]
    status = 70
    try:
        status = main(order["words"])
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


class _Watch:
    """Progress that waits for the stage and then presses."""

    def __init__(self, order: dict[str, Any], folder: Path) -> None:
        self._order = order
        self._folder = folder
        self._count = 0
        self._here = False

    def note(self, text: str) -> None:
        pass

    def task(self, label: str, total: float | None, *, unit: str = "") -> _Watch:
        self._here = label == self._order["stage"]
        if self._here and self._order["at"] == "child":
            threading.Thread(target=self._wait_for_child, daemon=True).start()
        return self

    def advance(self, amount: float = 1.0) -> None:
        self._count += self._here
        if self._here and self._count == self._order["at"]:
            self.press()

    def __enter__(self) -> _Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._here = False

    def _wait_for_child(self) -> None:
        while not (children := _children()):
            time.sleep(0.005)
        time.sleep(0.05)
        (self._folder / "children").write_text(json.dumps(children))
        self.press()

    def press(self) -> None:
        """Ctrl-C."""
        if self._order["group"]:
            os.killpg(0, signal.SIGINT)
        else:
            os.kill(os.getpid(), signal.SIGINT)


def _press_when_called(watch: _Watch, module: str, name: str) -> None:
    place = importlib.import_module(module)
    real = getattr(place, name)

    def pressed(*args: Any, **kwargs: Any) -> Any:
        watch.press()
        return real(*args, **kwargs)

    setattr(place, name, pressed)


def _children() -> list[int]:
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return found


if __name__ == "__main__":
    serve()
