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


def give_back() -> None:
    """Return what was freed to the system: glibc keeps hundreds of megabytes of it for later.

    A stage that begins then stands on what is held, not on the peak of the stage before it.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
