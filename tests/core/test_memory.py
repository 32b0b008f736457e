"""Peak memory belongs to one process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from penjing.core.memory import peak_memory

CHILD = "from penjing.core.memory import peak_memory; print(peak_memory())"


GROWN = """
from penjing.core.memory import peak_memory

before = peak_memory()
held = bytearray(200 * 2**20)
held[::4096] = b"x" * len(held[::4096])
print(peak_memory() - before)
"""


def test_grows_with_what_is_held():
    said = subprocess.run([sys.executable, "-c", GROWN], capture_output=True, check=True)
    assert 150 * 2**20 < int(said.stdout) < 300 * 2**20


def test_a_child_starts_anew():
    held = bytearray(200 * 2**20)
    held[::4096] = b"x" * len(held[::4096])
    said = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, check=True)
    assert 2**20 < int(said.stdout) < 100 * 2**20 < peak_memory()


FREED = """
from pathlib import Path
from penjing.core.memory import give_back

def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

pieces = [bytes(64 * 1024) for _ in range(3000)]
last = pieces[-1]  # it lies above all others, which cannot fall off the heap's end
del pieces
before = held()
give_back()
print(before - held())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' libraries give it back alone")
def test_what_was_freed_is_given_back():
    said = subprocess.run([sys.executable, "-c", FREED], capture_output=True, check=True)
    assert int(said.stdout) > 100 * 2**20


LARGE = """
from pathlib import Path
from penjing.core.memory import give_back_large

def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

give_back_large()
first = bytes(30 * 2**20)
del first  # without a word from us, what is smaller than this stays in the heap from here on
pieces = []
for _ in range(40):
    pieces.append(bytearray(b"1" * (6 * 2**20)))
    pins = bytes(1000)
before = held()
pieces = pieces[-1:]
print(before - held())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' libraries give it back alone")
def test_what_is_large_goes_back_at_once():
    said = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, check=True)
    assert int(said.stdout) > 200 * 2**20
