"""What a process that holds keys can do for them: no core dump, no peeking by its own account.

Best effort, and no more: root reads any memory, and swap and hibernation are the system's.
"""

from __future__ import annotations

import contextlib
import sys

_PR_SET_DUMPABLE = 4


def shield() -> None:
    """Call once before a key is opened."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            import ctypes

            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
