"""The most memory this process ever held."""

from __future__ import annotations

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
