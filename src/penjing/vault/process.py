"""What a process does before it opens a vault: see that the parts are there, and shield itself."""

from __future__ import annotations

from penjing.core import extras
from penjing.core.process import shield

__all__ = ["require_extra", "shield"]


def require_extra() -> None:
    """Raise MissingExtra now, before anybody has typed a passphrase."""
    extras.require_extra("the vault", "vault", "sqlcipher3", "cryptography", "keyring")
