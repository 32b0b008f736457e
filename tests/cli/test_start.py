"""Ctrl-C while something is being imported: one line and 130, whatever it was."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_PRESSING = """
import os, signal, sys

class Pressing:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
        return None

sys.meta_path.insert(0, Pressing())
from penjing.cli.start import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("penjing.cli.app", ["vault", "user", "list"]),
        ("argparse", ["vault", "user", "list"]),
        ("penjing.core.errors", ["--help"]),
        ("penjing.cli.vault", ["vault", "user", "list"]),
        ("penjing.cli.vault_opening", ["vault", "user", "list"]),
        ("penjing.vault.vault", ["vault", "init", "--name", "anna"]),
        ("penjing.cli.serve", ["serve"]),
        ("penjing.cli.chat", ["chat", "--once", "x"]),
        ("penjing.cli.compress", ["compress", "x"]),
        ("rich.console", ["list"]),
        ("penjing.cli.doctor", ["doctor"]),
    ],
)
def test_ctrl_c_in_an_import_is_one_line(tmp_path: Path, name: str, words: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _PRESSING.format(name=name), *words],
        env={"PENJING_HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.stderr, ended.stdout) == ("penjing: stopped\n", "")
    assert ended.returncode == 130
    assert not list(tmp_path.iterdir())
