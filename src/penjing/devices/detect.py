"""This machine as a device profile: what the system says, and a second of measuring.

The benchmark (memory read with every core, fp32 matrix product) is remembered in the shared folder
under the machine's own facts, so that it runs once. What cannot be known (watts, price) is None.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from penjing.core.errors import PenjingError, StorageError
from penjing.core.files import write_text
from penjing.core.plain_json import read_json
from penjing.devices.machine import Machine, look
from penjing.devices.profile import (
    THIS,
    Accelerator,
    Compute,
    Cpu,
    DeviceProfile,
    Memory,
    Origin,
    Power,
    Price,
    Storage,
)

CACHE = "machine.json"
"""The file in the shared folder that remembers the benchmark."""
INT8_PER_FP32 = 2.0
"""int8 operations a fp32 one is worth on a CPU without a dot product instruction."""
INT8_PER_FP32_DOT = 4.0
"""The same with one (dotprod, VNNI)."""

_SCHEMA = 1
_MOST_BYTES = 2**16
_BUDGET = 0.6  # seconds for each of the two measurements
_READ_BYTES = 128 * 2**20
_DOT = {"dotprod", "i8mm", "avx_vnni", "avx512_vnni", "amx_int8"}


@dataclass(frozen=True)
class Benchmark:
    """What was measured."""

    read_gbs: float
    """10^9 bytes a second read from memory by all cores together."""
    gflops_fp32: float
    """10^9 fp32 operations a second of a matrix product."""
    day: str
    """When."""
    busy: bool = False
    """Whether other work was running: then it is too low, and is not remembered."""


def this_device(
    home: Path | None = None,
    *,
    root: Path = Path("/"),
    measure: Callable[[Machine], Benchmark] | None = None,
) -> DeviceProfile:
    """The profile of this machine. `home`: folder that remembers the benchmark; None: do not.

    `root` stands for / and `measure` for the benchmark in tests.
    """
    machine = look(root)
    benchmark = _remembered(machine, home, measure or run_benchmark)
    seen = Origin("this machine", date.today().isoformat())
    note = "measured while the machine was busy: too low" if benchmark.busy else ""
    measured = Origin("measured on this machine", benchmark.day, note=note)
    unknown = Origin("this machine", seen.date, note="unknown")
    ratio = INT8_PER_FP32_DOT if _DOT & set(machine.isa) else INT8_PER_FP32
    return DeviceProfile(
        name=THIS,
        title=f"This machine ({machine.model})",
        kind="computer",
        family=THIS,
        cpu=Cpu(machine.model, machine.cores, machine.isa, seen),
        compute=Compute(
            Origin(measured.source, measured.date, True, note or f"int8 taken as {ratio:g} x fp32"),
            gflops_fp32=benchmark.gflops_fp32,
            gops_int8=ratio * benchmark.gflops_fp32,
        ),
        memory=Memory(
            machine.ram_bytes, machine.available_bytes, measured, stream_gbs=benchmark.read_gbs
        ),
        storage=Storage(seen, _free(home)),
        power=Power(unknown),
        price=Price(unknown),
        accelerators=tuple(Accelerator(name, seen) for name in machine.gpus),
    )


def run_benchmark(machine: Machine) -> Benchmark:
    """Measure for about a second."""
    busy = _load() > machine.cores * 0.5
    return Benchmark(
        read_gbs=_read_speed(machine),
        gflops_fp32=_matrix_speed(),
        day=date.today().isoformat(),
        busy=busy,
    )


def _load() -> float:
    """Work of other programs: the load average of the last minute."""
    with contextlib.suppress(OSError, AttributeError):
        return os.getloadavg()[0]
    return 0.0


def _read_speed(machine: Machine) -> float:
    """The largest of one, then several passes over an array, a part for each core."""
    import numpy as np

    size = min(_READ_BYTES, max(2**22, machine.available_bytes // 8))
    parts = np.array_split(np.ones(size // 8), machine.cores)
    best = 0.0
    with ThreadPoolExecutor(machine.cores) as pool:
        deadline = time.perf_counter() + _BUDGET
        for _ in range(8):
            began = time.perf_counter()
            for _ in pool.map(np.max, parts):
                pass
            ended = time.perf_counter()
            best = max(best, size / (ended - began) / 1e9)
            if ended > deadline:
                break
    return round(best, 2)


def _matrix_speed() -> float:
    """The largest over growing matrices, until the time is used."""
    import numpy as np

    best, size = 0.0, 256
    deadline = time.perf_counter() + _BUDGET
    while True:
        matrix = np.ones((size, size), dtype=np.float32)
        began = time.perf_counter()
        matrix @ matrix
        ended = time.perf_counter()
        best = max(best, 2 * size**3 / (ended - began) / 1e9)
        if ended + 8 * (ended - began) < deadline and size < 2048:
            size *= 2
        elif ended + (ended - began) > deadline:
            return round(best, 2)


def _remembered(
    machine: Machine, home: Path | None, measure: Callable[[Machine], Benchmark]
) -> Benchmark:
    if home is None:
        return measure(machine)
    path, key = home / CACHE, _key(machine)
    found = _load_cache(path, key)
    if found is not None:
        return found
    benchmark = measure(machine)
    if not benchmark.busy:
        document = {"schema": _SCHEMA, "key": key, **vars(benchmark)}
        with contextlib.suppress(StorageError):  # a cache: without it the next start measures again
            write_text(path, json.dumps(document, indent=2) + "\n")
    return benchmark


def _key(machine: Machine) -> str:
    """What makes a remembered number this machine's."""
    facts = (machine.model, machine.cores, machine.isa, machine.ram_bytes)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]


def _load_cache(path: Path, key: str) -> Benchmark | None:
    try:
        data = read_json(path, limit=_MOST_BYTES)
        if data["schema"] != _SCHEMA or data["key"] != key:
            return None
        read, compute = float(data["read_gbs"]), float(data["gflops_fp32"])
        if not (0 < read < 1e6 and 0 < compute < 1e9):
            return None
        return Benchmark(read, compute, str(data["day"]))
    except (PenjingError, ValueError, TypeError, KeyError, OverflowError):
        return None


def _free(home: Path | None) -> int | None:
    """Bytes free where models are kept."""
    folder = (home or Path.home()).absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    with contextlib.suppress(OSError):
        return shutil.disk_usage(folder).free
    return None
