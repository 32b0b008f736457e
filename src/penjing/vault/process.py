"""What a process that holds keys can do for them: no core dump, no peeking by its own account.

Best effort, and no more: root reads any memory, and swap and hibernation are the system's.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys

from penjing.core.errors import MissingExtra

_PR_SET_DUMPABLE = 4
_PARTS = ("sqlcipher3", "cryptography", "keyring")


def require_extra() -> None:
    """Raise MissingExtra now, before anybody has typed a passphrase."""
    if not all(_is_here(name) for name in _PARTS):
        raise MissingExtra("the vault", "vault")


def shield() -> None:
    """Call once before a key is opened."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            import ctypes

            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _is_here(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # made unimportable
        return False
