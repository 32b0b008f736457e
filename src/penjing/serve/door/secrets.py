"""Random texts that prove something, and how they are compared. Kept hashed: memory tells none."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from penjing.core.errors import StorageError
from penjing.core.files import disk_errors, write_text

BYTES = 32
_LONGEST = 256


def new_secret() -> str:
    """256 random bits as text that fits into a URL, a header and a cookie."""
    return secrets.token_urlsafe(BYTES)


def digest(text: str) -> bytes:
    """What is kept of a secret. It is random and long: nothing slower is needed."""
    return hashlib.sha256(text[:_LONGEST].encode("utf-8", "surrogatepass")).digest()


def is_same(text: str, kept: bytes) -> bool:
    """Whether a text is the one that a digest was kept of, in the same time for any text."""
    return hmac.compare_digest(digest(text), kept)


def server_token(path: Path) -> tuple[str, bool]:
    """The server's own token, in a file that only its owner can read; and whether it is new."""
    if path.exists():
        return _read(path), False
    token = new_secret()
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_text(path, f"{token}\n", private=True)
    return token, True


def _read(path: Path) -> str:
    with disk_errors(path):
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(handle, encoding="ascii", errors="replace") as file:
            about, token = os.fstat(file.fileno()), file.readline(_LONGEST).strip()
    if about.st_mode & 0o077 or about.st_uid != os.getuid():
        raise StorageError(f"others can read {path}: delete it, and a new token is made")
    if len(token) < BYTES:
        raise StorageError(f"{path} holds no token: delete it, and a new one is made")
    return token
