"""Types the commands of the README, in its order, and stops at the first that fails.

Run by `make docs-check`, in a folder of its own; takes an hour or two, and downloads. What asks for
a passphrase, waits for a person or serves until it is stopped is left out and said.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "docs/*.md", "docs/examples/*.md")
QUICK = (("list",), ("devices",), ("fit",), ("assistant", "check"))
"""Beginnings of commands that take a second and change nothing: tests run these each time."""
ASKS = (("serve",), ("vault",), ("knowledge",))
"""Beginnings of commands that wait for a person."""
OWN_TEXTS = ("YOURS.txt", "my-text.txt")


def commands(text: str) -> Iterator[list[str]]:
    """What stands in code blocks behind `penjing`, as words; notation such as `a | b` is none."""
    for line in re.findall(r"^(?: {4})?penjing (.*)$", text, re.M):
        typed = re.split(r" {3,}| +# ", line)[0]
        if not re.search(r" \| |\[-|\|\w", typed):
            yield shlex.split(typed)


def begins(words: list[str], beginnings: tuple[tuple[str, ...], ...]) -> bool:
    """Whether a command is one of these."""
    return any(tuple(words[: len(one)]) == one for one in beginnings)


def waits(words: list[str]) -> bool:
    """Whether somebody has to be there."""
    return begins(words, ASKS) or (words[0] == "chat" and "--once" not in words)


def main() -> int:
    """0 when every command did."""
    every = list(commands((ROOT / "README.md").read_text("utf-8")))
    with TemporaryDirectory(prefix="docs-check-") as folder:
        text = (ROOT / "benchmarks/RESULTS.md").read_text("utf-8")
        for name in OWN_TEXTS:
            (Path(folder) / name).write_text(text, "utf-8")
        (Path(folder) / "examples").symlink_to(ROOT / "examples")
        for words in every:
            print("left out:" if waits(words) else "$", "penjing", shlex.join(words), flush=True)
            if not waits(words) and (status := typed(words, Path(folder))):
                return status
    return 0


def typed(words: list[str], folder: Path) -> int:
    """The exit status of a command in a folder."""
    command = [sys.executable, "-m", "penjing", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, cwd=folder, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
