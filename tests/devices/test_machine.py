"""Looking at a machine: recorded /proc and /sys files of real ones, and containers' limits."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from penjing.devices import machine
from penjing.devices.machine import isa_of, look

PI_4 = """\
processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU part\t: 0xd08

processor\t: 1
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU part\t: 0xd08
"""
PI_5 = PI_4.replace(
    "fp asimd evtstrm crc32 cpuid",
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop "
    "asimddp",
)
# a phone whose small cores lack what the large ones have: only what all have may be relied on
UNLIKE = PI_4 + "\nprocessor\t: 2\nFeatures\t: fp asimd asimddp asimdhp i8mm bf16\n"
XEON = """\
processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Processor
flags\t\t: fpu sse2 fma avx f16c avx2 avx512f avx512bw avx_vnni avx512_bf16 avx512_vnni amx_int8
bugs\t\t: spectre_v1 flags

processor\t: 1
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Processor
flags\t\t: fpu sse2 fma avx f16c avx2 avx512f avx512bw avx_vnni avx512_bf16 avx512_vnni amx_int8
"""
OLD_PC = "processor\t: 0\nmodel name\t: Core 2 Quad\nflags\t\t: fpu sse sse2 ssse3 sse4_1\n"
RISC_V = "processor\t: 0\nhart\t\t: 1\nisa\t\t: rv64imafdc\n"

MEMINFO = """\
MemTotal:        8007336 kB
MemFree:          512000 kB
MemAvailable:    7340032 kB
Buffers:           10000 kB
"""


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("cpuinfo", "isa"),
    [
        (PI_4, ("neon",)),
        (PI_5, ("neon", "dotprod", "fp16")),
        (UNLIKE, ("neon",)),
        (OLD_PC, ()),
        (RISC_V, ()),
        ("", ()),
    ],
)
def test_instruction_sets(cpuinfo: str, isa: tuple[str, ...]) -> None:
    assert isa_of(cpuinfo) == isa


def test_instruction_sets_of_a_server() -> None:
    assert isa_of(XEON) == (
        "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16",
        "amx_int8",
    )  # fmt: skip


def test_a_board_without_limits(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "proc/cpuinfo": PI_5,
            "proc/meminfo": MEMINFO,
            "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
        },
    )
    found = look(root)
    assert found.model == "Raspberry Pi 5 Model B Rev 1.0"
    assert found.cores == 2
    assert found.ram_bytes == 8007336 * 1024
    assert found.available_bytes == 7340032 * 1024
    assert found.gpus == ()


def test_a_container_of_version_2_is_honoured(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/docker/abc"
    root = tree(
        tmp_path,
        {
            "proc/cpuinfo": XEON * 4,
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "0::/docker/abc\n",
            f"{group}/memory.max": "1073741824\n",
            f"{group}/memory.current": "400000000\n",
            f"{group}/memory.stat": "anon 1\ninactive_file 100000000\nactive_file 5\n",
            f"{group}/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/docker/cpu.max": "300000 100000\n",
            "sys/fs/cgroup/docker/memory.max": "max\n",
        },
    )
    found = look(root)
    assert found.model == "Intel(R) Xeon(R) Processor"
    assert found.cores == 1, "one and a half CPUs carry one busy thread"
    assert found.ram_bytes == 2**30
    assert found.available_bytes == 2**30 - (400_000_000 - 100_000_000)


def test_a_limit_of_an_outer_group_counts_too(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "proc/cpuinfo": XEON * 4,
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/b/memory.max": "max\n",
            "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
            "sys/fs/cgroup/a/memory.max": "2147483648\n",
            "sys/fs/cgroup/a/memory.current": "0\n",
            "sys/fs/cgroup/a/cpu.max": "300000 100000\n",
        },
    )
    found = look(root)
    assert (found.cores, found.ram_bytes) == (3, 2**31)
    assert found.available_bytes == 2**31


def test_a_container_of_version_1_is_honoured(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "proc/cpuinfo": XEON * 4,
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "9:name=systemd:/\n4:memory:/box\n2:cpu,cpuacct:/box\n0::/\n",
            "sys/fs/cgroup/memory/box/memory.limit_in_bytes": "536870912\n",
            "sys/fs/cgroup/memory/box/memory.usage_in_bytes": "36870912\n",
            "sys/fs/cgroup/memory/box/memory.stat": "total_inactive_file 0\n",
            "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us": "200000\n",
            "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us": "100000\n",
        },
    )
    found = look(root)
    assert (found.cores, found.ram_bytes) == (2, 2**29)
    assert found.available_bytes == 500_000_000


def test_no_limit_of_version_1_is_a_huge_number_or_minus_one(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "proc/cpuinfo": XEON,
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "4:memory:/\n2:cpu:/\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
    )
    found = look(root)
    assert (found.cores, found.ram_bytes) == (2, 8007336 * 1024)


def test_a_group_path_cannot_climb_out(tmp_path: Path) -> None:
    root = tree(
        tmp_path / "root",
        {
            "proc/cpuinfo": XEON,
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "0::/../../../..\n",
            "sys/fs/cgroup/cgroup.procs": "1\n",
        },
    )
    limits = ("memory.max", "root/memory.max", "root/sys/memory.max", "root/sys/fs/memory.max")
    tree(tmp_path, dict.fromkeys(limits, "4096\n"))
    assert look(root).ram_bytes == 8007336 * 1024


def test_broken_files_are_not_fatal(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "proc/self/cgroup": "nonsense\n::\n",
            "sys/fs/cgroup/memory.max": "lots\n",
            "sys/fs/cgroup/cpu.max": "a b c\n",
        },
    )
    (root / "proc/cpuinfo").write_bytes(b"\xff\xfe\x00flags")
    found = look(root)
    assert found.cores == 1
    assert found.ram_bytes == 0


def test_graphics_cards_are_listed_once_each(tmp_path: Path) -> None:
    drm = "sys/class/drm"
    root = tree(
        tmp_path,
        {
            f"{drm}/card0/device/vendor": "0x8086\n",
            f"{drm}/card0/device/uevent": "DRIVER=i915\nPCI_ID=8086:46D1\n",
            f"{drm}/card0-HDMI-A-1/device/vendor": "0x8086\n",
            f"{drm}/card1/device/vendor": "0x10de\n",
            f"{drm}/card2/device/uevent": "DRIVER=v3d\n",
        },
    )
    assert look(root).gpus == ("Intel GPU (i915)", "NVIDIA GPU", "GPU (v3d)")


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for NVIDIA's tool, first in the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "nvidia-smi"


def install(tool: Path, script: str) -> None:
    tool.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    tool.chmod(0o755)


def test_nvidia_cards_are_named_by_their_tool(tool: Path) -> None:
    install(tool, 'echo "NVIDIA H100 80GB HBM3, 81559 MiB"; echo "NVIDIA T4, 15360 MiB"')
    assert machine.nvidia() == ("NVIDIA H100 80GB HBM3, 81559 MiB", "NVIDIA T4, 15360 MiB")


def test_a_tool_that_fails_or_hangs_means_no_card(
    tool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tool, "echo no devices; exit 9")
    assert machine.nvidia() == ()
    monkeypatch.setattr(machine, "_PATIENCE", 0.2)
    install(tool, "exec sleep 30")
    assert machine.nvidia() == ()


def test_this_machine_itself() -> None:
    found = look()
    assert found.cores >= 1
    assert found.ram_bytes >= found.available_bytes > 0
    assert found.model


def test_a_mac_is_asked_through_sysctl(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "hw.memsize": "17179869184\n", "hw.perflevel0.logicalcpu": "4\n", "hw.ncpu": "8\n",
        "machdep.cpu.brand_string": "Apple M2\n", "hw.pagesize": "16384\n",
        "hw.optional.arm.FEAT_DotProd": "1\n", "hw.optional.arm.FEAT_I8MM": "1\n",
    }  # fmt: skip

    def ask(words: list[str]) -> str:
        if words == ["vm_stat"]:
            return "Pages free:            100000.\nPages inactive:        200000.\n"
        return answers.get(words[-1], "")

    monkeypatch.setattr(machine, "_ask", ask)
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    found = look()
    assert (found.model, found.cores) == ("Apple M2", 4)
    assert found.isa == ("neon", "dotprod", "i8mm")
    assert found.ram_bytes == 16 * 2**30
    assert found.available_bytes == 300_000 * 16384
    assert found.gpus == ("Apple GPU",)
