"""Hostile and damaged files: what refusing them costs, and that only FormatError comes out."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from gguf_bytes import SAMPLE, SAMPLE_KEYS, U64_MAX, K, entry, gguf_file, items, key, refused, text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penjing.bundle.gguf_reader import GGUFFile
from penjing.core.errors import FormatError

# -- what it refuses: counts and lengths


HUGE = [2**31, 2**32, 2**60, 2**63 - 1, 2**63, U64_MAX]
HOSTILE = {
    "tensors": lambda n: gguf_file(counts=(n, 0)) + bytes(19),
    "keys": lambda n: gguf_file(counts=(0, n)) + bytes(19),
    "key length": lambda n: gguf_file(counts=(0, 1)) + struct.pack("<Q", n) + bytes(11),
    "string length": lambda n: gguf_file([key("k", K.STRING, struct.pack("<Q", n))]),
    "bytes": lambda n: gguf_file([key("k", K.ARRAY, items(K.UINT8, n, b"xy"))]),
    "doubles": lambda n: gguf_file([key("k", K.ARRAY, items(K.FLOAT64, n, bytes(16)))]),
    "booleans": lambda n: gguf_file([key("k", K.ARRAY, items(K.BOOL, n, bytes(16)))]),
    "strings": lambda n: gguf_file([key("k", K.ARRAY, items(K.STRING, n, bytes(16)))]),
    "string in array": lambda n: gguf_file(
        [key("k", K.ARRAY, items(K.STRING, 2, text("a") + struct.pack("<Q", n)))]
    ),
    "arrays": lambda n: gguf_file([key("k", K.ARRAY, items(K.ARRAY, n, bytes(24)))]),
    "name length": lambda n: gguf_file(counts=(1, 0)) + struct.pack("<Q", n) + bytes(60),
    "row length": lambda n: gguf_file([], [entry("t", [n], 0, 0)], bytes(64)),
    "rows": lambda n: gguf_file([], [entry("t", [32, n], 2, 0)], bytes(64)),
    "product": lambda n: gguf_file([], [entry("t", [n, n, n, n], 24, 0)], bytes(64)),
    "offset": lambda n: gguf_file([], [entry("t", [8], 0, n & -32)], bytes(64)),
}


@pytest.mark.parametrize("number", HUGE)
@pytest.mark.parametrize("what", HOSTILE)
def test_huge_numbers_are_refused_at_once(write, what, number) -> None:
    refused(write(HOSTILE[what](number)), ".")


CHILD = """
import json, sys, time
from penjing.bundle.gguf_reader import GGUFFile
from penjing.core.errors import FormatError

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024

results = []
for path in sys.argv[1:]:
    before, started, said = peak(), time.process_time(), None
    try:
        GGUFFile.open(path)
    except FormatError as error:
        said = str(error)
    results.append([said, time.process_time() - started, peak() - before])
print(json.dumps(results))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's VmHWM")
def test_hostile_files_cost_milliseconds_and_no_memory(write) -> None:
    # VmHWM and not getrusage: ru_maxrss starts at the parent's size, so it would hide any growth.
    hostile = {
        "43 bytes": gguf_file(counts=(2**60, 2**60)).ljust(43, b"\0"),
        "43 bytes of dimensions": (gguf_file(counts=(1, 0)) + text("t")).ljust(43, b"\xff"),
        "keys": HOSTILE["keys"](2**40),
        "2^60 tensors": HOSTILE["tensors"](2**60),
        "2^60 tensors after a key": gguf_file([SAMPLE_KEYS[0]], counts=(2**60, 1)),
        "arrays": HOSTILE["arrays"](2**33),
        "product": HOSTILE["product"](2**40),
    }
    paths = [write(data, f"{i}.gguf") for i, data in enumerate(hostile.values())]
    assert [path.stat().st_size for path in paths[:2]] == [43, 43]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, paths)], capture_output=True, text=True, check=True
    )
    for name, (said, seconds, grown) in zip(hostile, json.loads(done.stdout), strict=True):
        assert said, f"{name} was accepted"
        assert seconds < 0.05, f"{name}: {seconds} s"
        assert grown < 4 * 2**20, f"{name}: {grown} bytes"


def test_a_sparse_giant_is_not_read_into_memory(tmp_path: Path) -> None:
    """A file may really be as large as it claims and still be no model."""
    path = tmp_path / "giant.gguf"
    path.write_bytes(gguf_file([key("k", K.ARRAY, items(K.UINT8, 2**36, b""))]))
    os.truncate(path, 2**37)
    refused(path, "larger than")
    path.write_bytes(gguf_file([key("k", K.ARRAY, items(K.STRING, 2**24 + 1, b""))]))
    os.truncate(path, 2**37)
    refused(path, "more than any model")
    path.write_bytes(gguf_file(counts=(2**20, 0)))
    os.truncate(path, 2**37)
    refused(path, "more than any model")


def test_many_small_arrays_inside_arrays_are_refused(write) -> None:
    """Each is 12 bytes in the file and hundreds in memory."""
    many = items(K.ARRAY, 40_000, items(K.UINT8, 0, b"") * 40_000)
    GGUFFile.open(write(gguf_file([key("a", K.ARRAY, many)])))
    with pytest.raises(FormatError, match="65536 arrays inside arrays"):
        GGUFFile.open(write(gguf_file([key("a", K.ARRAY, many), key("b", K.ARRAY, many)])))


# -- what it refuses: damage


def test_a_cut_at_any_byte_is_refused(write) -> None:
    for length in range(1, len(SAMPLE)):
        with pytest.raises(FormatError):
            GGUFFile.open(write(SAMPLE[:length]))


def test_a_vocabulary_cut_at_any_byte_is_refused(write) -> None:
    whole = gguf_file(SAMPLE_KEYS)
    for length in range(1, len(whole)):
        with pytest.raises(FormatError):
            GGUFFile.open(write(whole[:length]))


FLIPPER = """
import os, resource, sys
from pathlib import Path
from penjing.bundle.gguf_reader import GGUFFile
from penjing.core.errors import FormatError

path = sys.argv[1]
good, file = Path(path).read_bytes(), os.open(path, os.O_RDWR)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 32 * 2**20,) * 2)  # more is a MemoryError
opened = refused = 0
for place, byte in enumerate(good):
    for new in {byte ^ 1, byte ^ 0x80, 0xFF} - {byte}:
        os.pwrite(file, bytes([new]), place)
        try:
            with GGUFFile.open(path) as found:
                for name in found.tensors:
                    found.raw(name).sum()
                for key in found.metadata:
                    found.get(key)
            opened += 1
        except FormatError as error:
            assert str(error).isprintable(), error
            refused += 1
    os.pwrite(file, bytes([byte]), place)
assert Path(path).read_bytes() == good
print(opened, refused)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's address limit")
def test_no_changed_byte_crashes_or_allocates(write) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FLIPPER, write(SAMPLE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    opened, refused_ones = map(int, done.stdout.split())
    assert opened > 500, "most of the data section may change"
    assert refused_ones > 500, "most of the header may not"


@given(st.binary(max_size=200), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_random_bytes_are_refused(write, data, with_magic) -> None:
    head = b"GGUF\x03\0\0\0" + struct.pack("<QQ", 1, 1) if with_magic else b"\0"
    with pytest.raises(FormatError):
        GGUFFile.open(write(head + data))


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_spliced_files_are_refused_or_read(write, data) -> None:
    cut = data.draw(st.integers(0, len(SAMPLE)))
    gone = data.draw(st.integers(0, 40))
    extra = data.draw(st.binary(max_size=40))
    with suppress(FormatError):
        GGUFFile.open(write(SAMPLE[:cut] + extra + SAMPLE[cut + gone :] or b"x"))
