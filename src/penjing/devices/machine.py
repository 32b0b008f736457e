"""What the operating system says about the machine: cores, memory, instruction sets, GPUs.

Reads files under a root that tests replace, and asks two system programs. Honours the limits of
containers (cgroups) and CPU masks: what counts is what this process may use. Measures nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_PATIENCE = 3.0  # seconds a system program may take

_ARM = {
    "asimd": "neon", "neon": "neon", "asimddp": "dotprod", "asimdhp": "fp16", "bf16": "bf16",
    "i8mm": "i8mm", "sve": "sve", "sme": "sme",
}  # fmt: skip
_X86 = (
    "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8",
)  # fmt: skip
_APPLE = {
    "hw.optional.arm.FEAT_DotProd": "dotprod", "hw.optional.arm.FEAT_FP16": "fp16",
    "hw.optional.arm.FEAT_BF16": "bf16", "hw.optional.arm.FEAT_I8MM": "i8mm",
    "hw.optional.arm.FEAT_SME": "sme", "hw.optional.avx2_0": "avx2",
}  # fmt: skip
_VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}


@dataclass(frozen=True)
class Machine:
    """What this process may use of the machine."""

    model: str
    """The processor or the board, as the system calls it."""
    cores: int
    """CPUs this process may run on, the quota of a container counted."""
    isa: tuple[str, ...]
    """Instruction sets that matter to an engine."""
    ram_bytes: int
    """Installed, or the limit of a container when that is less."""
    available_bytes: int
    """What a new program could have now."""
    gpus: tuple[str, ...] = ()
    """Names."""


def look(root: Path = Path("/")) -> Machine:
    """Ask the operating system. `root` stands for / in tests, which then read files only."""
    real = root == Path("/")
    if real and platform.system() == "Darwin":
        return _apple()
    if real and platform.system() == "Windows":
        return _windows()
    ram, available = _memory(root)
    return Machine(
        model=_linux_model(root),
        cores=_cores(root, affinity=_affinity() if real else None),
        isa=isa_of(_read(root / "proc/cpuinfo")),
        ram_bytes=ram,
        available_bytes=available,
        gpus=(*(nvidia() if real else ()), *_cards(root, skip_nvidia=real and bool(_smi()))),
    )


def isa_of(cpuinfo: str) -> tuple[str, ...]:
    """Instruction sets from /proc/cpuinfo; of unlike cores, what all of them have."""
    lists = re.findall(r"^(?:flags|Features)[ \t]*:(.*)$", cpuinfo, re.MULTILINE)
    if not lists:
        return ()
    common = set.intersection(*(set(words.split()) for words in lists))
    arm = [name for flag, name in _ARM.items() if flag in common]
    return tuple(dict.fromkeys(arm)) or tuple(flag for flag in _X86 if flag in common)


def nvidia() -> tuple[str, ...]:
    """NVIDIA GPUs by name and memory, if their tool is installed and answers."""
    tool = _smi()
    if not tool:
        return ()
    lines = _ask([tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]).splitlines()
    return tuple(line.strip() for line in lines if line.strip())


def _smi() -> str | None:
    return shutil.which("nvidia-smi")


def _ask(words: Sequence[str]) -> str:
    """What a program prints; nothing when it is missing, slow or fails."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            list(words),
            capture_output=True,
            timeout=_PATIENCE,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        return done.stdout.decode("utf-8", "replace")
    return ""


def _read(path: Path, limit: int = 2**20) -> str:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(limit).decode("utf-8", "replace")
    return ""


# ------------------------------------------------------------------------------------------ Linux


def _affinity() -> int:
    with contextlib.suppress(AttributeError, OSError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cores(root: Path, affinity: int | None) -> int:
    count = affinity or len(re.findall(r"^processor\s*:", _read(root / "proc/cpuinfo"), re.M)) or 1
    for folder in _cgroup_folders(root, "cpu"):
        words = _read(folder / "cpu.max").split()  # version 2: "150000 100000" or "max 100000"
        quota = (
            _number(words[0]) if len(words) == 2 else _number(_read(folder / "cpu.cfs_quota_us"))
        )
        period = (
            _number(words[1]) if len(words) == 2 else _number(_read(folder / "cpu.cfs_period_us"))
        )
        if quota and period:
            count = min(count, max(1, quota // period))
    return count


def _memory(root: Path) -> tuple[int, int]:
    info = {
        name: int(kib) * 1024
        for name, kib in re.findall(r"^(\w+):\s+(\d+) kB", _read(root / "proc/meminfo"), re.M)
    }
    ram = info.get("MemTotal", 0)
    available = info.get("MemAvailable", info.get("MemFree", ram))
    for folder in _cgroup_folders(root, "memory"):
        limit = _number(_read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes"))
        if limit is None or not 0 < limit < ram:
            continue
        used = _number(_read(folder / "memory.current") or _read(folder / "memory.usage_in_bytes"))
        idle = re.search(
            r"^(?:total_)?inactive_file (\d+)", _read(folder / "memory.stat"), re.MULTILINE
        )
        reclaimable = int(idle[1]) if idle else 0
        ram = limit
        available = min(available, max(0, limit - max(0, (used or 0) - reclaimable)))
    return ram, available


def _cgroup_folders(root: Path, controller: str) -> Iterator[Path]:
    """This process's control groups, innermost first, of version 2 and of version 1."""
    base = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        names, _, place = rest.partition(":")
        tops = [base, base / "unified"] if not names else [base / names, base / controller]
        if names and controller not in names.split(","):
            continue
        parts = [part for part in place.split("/") if part not in ("", ".", "..")]
        for top in dict.fromkeys(tops):
            for depth in range(len(parts), -1, -1):
                yield top.joinpath(*parts[:depth])


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if re.fullmatch(r"[0-9]{1,19}", text) else None


def _linux_model(root: Path) -> str:
    board = _read(root / "proc/device-tree/model").strip("\0 \n")
    name = re.search(r"^model name\s*:\s*(.+)$", _read(root / "proc/cpuinfo"), re.MULTILINE)
    return board or (name[1].strip() if name else "") or platform.machine() or "unknown processor"


def _cards(root: Path, skip_nvidia: bool) -> tuple[str, ...]:
    """Graphics cards as the kernel lists them, by vendor and driver."""
    found = []
    with contextlib.suppress(OSError):
        for card in sorted((root / "sys/class/drm").glob("card*")):
            if not re.fullmatch(r"card\d+", card.name):
                continue
            vendor = _read(card / "device/vendor").strip()
            driver = re.search(r"^DRIVER=(\S+)", _read(card / "device/uevent"), re.MULTILINE)
            if skip_nvidia and vendor == "0x10de":
                continue
            words = (_VENDORS.get(vendor, ""), "GPU", f"({driver[1]})" if driver else "")
            if vendor or driver:
                found.append(" ".join(word for word in words if word))
    return tuple(found)


# ------------------------------------------------------------------------------ macOS and Windows


def _apple() -> Machine:
    ask = _sysctl
    ram = _number(ask("hw.memsize")) or 0
    free = re.findall(r"Pages (?:free|inactive|purgeable):\s+(\d+)", _ask(["vm_stat"]))
    page = _number(ask("hw.pagesize")) or 4096
    fast = _number(ask("hw.perflevel0.logicalcpu"))
    arm = platform.machine() == "arm64"
    return Machine(
        model=ask("machdep.cpu.brand_string").strip() or "Apple computer",
        cores=fast or _number(ask("hw.ncpu")) or os.cpu_count() or 1,
        isa=(
            *(("neon",) if arm else ()),
            *(name for key, name in _APPLE.items() if ask(key).strip() == "1"),
        ),
        ram_bytes=ram,
        available_bytes=min(ram, sum(map(int, free)) * page) or ram * 2 // 3,
        gpus=("Apple GPU",) if arm else (),
    )


def _sysctl(key: str) -> str:
    return _ask(["sysctl", "-n", key])


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = [
        ("length", ctypes.c_ulong), ("load", ctypes.c_ulong),
        ("total", ctypes.c_ulonglong), ("available", ctypes.c_ulonglong),
        ("page_total", ctypes.c_ulonglong), ("page_available", ctypes.c_ulonglong),
        ("virtual_total", ctypes.c_ulonglong), ("virtual_available", ctypes.c_ulonglong),
        ("extended", ctypes.c_ulonglong),
    ]  # fmt: skip


def _windows() -> Machine:
    status = _MemoryStatus()
    status.length = ctypes.sizeof(status)
    windll = getattr(ctypes, "windll", None)
    if windll is not None:
        windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
    return Machine(
        model=platform.processor() or platform.machine(),
        cores=os.cpu_count() or 1,
        isa=("neon",) if platform.machine().upper() == "ARM64" else (),
        ram_bytes=status.total,
        available_bytes=status.available,
        gpus=nvidia(),
    )
