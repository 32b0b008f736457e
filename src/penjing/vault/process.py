"""What a process does before it opens a vault: see that the parts are there, and shield itself."""

from __future__ import annotations

import importlib.util

from penjing.core.errors import MissingExtra
from penjing.core.process import shield

__all__ = ["require_extra", "shield"]

_PARTS = ("sqlcipher3", "cryptography", "keyring")


def require_extra() -> None:
    """Raise MissingExtra now, before anybody has typed a passphrase."""
    if not all(_is_here(name) for name in _PARTS):
        raise MissingExtra("the vault", "vault")


def _is_here(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # made unimportable
        return False
