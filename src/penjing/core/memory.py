"""The most memory this process ever held, and giving back what it no longer holds."""

from __future__ import annotations

import ctypes
import gc
import sys
from pathlib import Path


def peak_memory() -> int:
    """Peak resident bytes, mapped files that were touched included; 0 where it is not known.

    On Linux from /proc: a child inherits getrusage's maximum from its parent, VmHWM it does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def has_swap() -> bool:
    """Whether the system may write memory to a disk; what is compressed in memory is none."""
    try:
        lines = Path("/proc/swaps").read_text("utf-8", "replace").splitlines()[1:]
    except OSError:
        return False
    return any(not line.startswith("/dev/zram") for line in lines)


_LARGE = 4 * 2**20
_M_MMAP_THRESHOLD = -3
"""As malloc.h numbers it."""


def give_back_large() -> None:
    """From now on whatever is large goes back to the system the moment it is freed.

    glibc's own threshold grows to 32 MiB with the first tensors that are freed; weights of a block
    then leave holes of hundreds of megabytes in the heaps of their threads.
    """
    if sys.platform == "linux":
        option = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if option is not None:
            option(_M_MMAP_THRESHOLD, _LARGE)


def give_back(*, cycles: bool = True) -> None:
    """Return what was freed to the system: glibc keeps hundreds of megabytes of it for later.

    A stage that begins then stands on what is held, not on the peak of the stage before it. Within
    one, objects that hold each other need not be looked for (`cycles`), which takes long.
    """
    if cycles:
        gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
