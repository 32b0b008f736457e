"""Peak memory belongs to one process."""

from __future__ import annotations

import subprocess
import sys

from penjing.core.memory import peak_memory

CHILD = "from penjing.core.memory import peak_memory; print(peak_memory())"


def test_grows_with_what_is_held_and_a_child_starts_anew():
    before = peak_memory()
    held = bytearray(200 * 2**20)
    held[::4096] = b"x" * len(held[::4096])
    assert peak_memory() - before > 150 * 2**20 or before > 400 * 2**20
    said = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, check=True)
    assert 2**20 < int(said.stdout) < 100 * 2**20
