"""This machine as a profile: measured once, remembered, and measured again when it is another."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from penjing.devices import detect
from penjing.devices.detect import CACHE, Benchmark, run_benchmark, this_device
from penjing.devices.find import find_device
from penjing.devices.fit import fit
from penjing.devices.machine import Machine
from penjing.devices.profile import load_references

CPUINFO = "processor\t: 0\nmodel name\t: Test CPU\nflags\t\t: avx2 fma {extra}\n"
MEMINFO = "MemTotal: 4000000 kB\nMemAvailable: 3000000 kB\n"


class Bench:
    """Counts how often it is run."""

    def __init__(self, busy: bool = False) -> None:
        self.runs = 0
        self.busy = busy

    def __call__(self, machine: Machine) -> Benchmark:
        self.runs += 1
        return Benchmark(20.0, 100.0, "2026-11-21", self.busy)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_root(tmp_path / "root")


def make_root(root: Path, extra: str = "avx_vnni", meminfo: str = MEMINFO) -> Path:
    (root / "proc").mkdir(parents=True)
    (root / "proc/cpuinfo").write_text(CPUINFO.format(extra=extra), encoding="utf-8")
    (root / "proc/meminfo").write_text(meminfo, encoding="utf-8")
    return root


def test_the_profile_says_what_was_found_and_leaves_out_what_was_not(
    tmp_path: Path, root: Path
) -> None:
    device = this_device(tmp_path / "home", root=root, measure=Bench())
    assert (device.name, device.family, device.cpu.cores) == ("this", "this", 1)
    assert device.title == "This machine (Test CPU)"
    assert device.memory.ram_bytes == 4_000_000 * 1024
    assert device.memory.app_bytes == 3_000_000 * 1024
    assert device.memory.stream_gbs == 20.0
    assert device.memory.bandwidth_gbs is None
    assert device.compute.gops_int8 == 400.0
    assert device.price.usd is None
    assert device.power.load_watts is None
    assert device.storage.bytes is not None


def test_a_cpu_without_a_dot_product_is_credited_less(tmp_path: Path) -> None:
    device = this_device(root=make_root(tmp_path / "old", extra=""), measure=Bench())
    assert device.compute.gops_int8 == 200.0


def test_it_can_be_judged_like_any_device(root: Path) -> None:
    device = this_device(root=root, measure=Bench())
    found = fit(load_references()["smollm2-135m"], device, 2048)
    assert found.fits == "yes"
    assert found.speed is not None
    assert found.speed.runs == 0


def test_the_benchmark_is_remembered_for_this_machine_only(tmp_path: Path, root: Path) -> None:
    home, bench = tmp_path / "home", Bench()
    first = this_device(home, root=root, measure=bench)
    assert this_device(home, root=root, measure=bench) == first
    assert bench.runs == 1
    this_device(home, root=make_root(tmp_path / "other", extra="avx512f"), measure=bench)
    assert bench.runs == 2


def test_without_a_home_nothing_is_written(tmp_path: Path, root: Path) -> None:
    bench = Bench()
    this_device(root=root, measure=bench)
    this_device(root=root, measure=bench)
    assert bench.runs == 2
    assert not list(tmp_path.rglob(CACHE))


def test_a_busy_machine_is_said_and_not_remembered(tmp_path: Path, root: Path) -> None:
    home = tmp_path / "home"
    device = this_device(home, root=root, measure=Bench(busy=True))
    assert "busy" in device.memory.origin.note
    speed = fit(load_references()["smollm2-135m"], device, 2048).speed
    assert speed is not None
    assert "busy" in speed.caution
    assert not (home / CACHE).exists()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"schema": 1}', '{"schema": 2, "key": "x"}', "null", "[" * 100_000, "\xff"],
)
def test_a_broken_memory_is_measured_again(tmp_path: Path, root: Path, text: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / CACHE).write_bytes(text.encode("latin-1"))
    bench = Bench()
    this_device(home, root=root, measure=bench)
    assert bench.runs == 1
    assert json.loads((home / CACHE).read_text(encoding="utf-8"))["read_gbs"] == 20.0


@pytest.mark.parametrize("value", ["NaN", "-1", "1e300", '"fast"', "null"])
def test_a_remembered_number_must_be_possible(tmp_path: Path, root: Path, value: str) -> None:
    home, bench = tmp_path / "home", Bench()
    this_device(home, root=root, measure=bench)
    kept = (home / CACHE).read_text(encoding="utf-8")
    (home / CACHE).write_text(kept.replace("20.0", value), encoding="utf-8")
    this_device(home, root=root, measure=bench)
    assert bench.runs == 2


def test_a_home_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path, root: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    assert this_device(tmp_path / "file" / "home", root=root, measure=Bench()).cpu.cores == 1


@pytest.mark.alone
def test_the_real_benchmark_is_quick_and_plausible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "_load", lambda: 0.0)
    began = time.perf_counter()
    found = run_benchmark(Machine("m", 2, (), 8 * 2**30, 4 * 2**30))
    assert time.perf_counter() - began < 6, "1.5 s when the machine is idle"
    assert 0.1 < found.read_gbs < 2000
    assert 0.1 < found.gflops_fp32 < 100_000
    assert not found.busy


def test_a_busy_machine_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "_load", lambda: 5.0)
    monkeypatch.setattr(detect, "_read_speed", lambda machine: 1.0)
    monkeypatch.setattr(detect, "_matrix_speed", lambda: 1.0)
    assert run_benchmark(Machine("m", 2, (), 2**30, 2**30)).busy


def test_this_is_a_name_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "run_benchmark", Bench())
    device = find_device("this", home=tmp_path)
    assert device.name == "this"
    assert device.memory.app_bytes > 0
