"""Cipher pages, one by one, each with its own proof: for files SQLite cannot open.

The format is SQLCipher 4's: AES-256-CBC with a random IV, then HMAC-SHA512 over ciphertext, IV and
page number. Both primitives are libraries' own; nothing is written back in this form.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from penjing.core.files import disk_errors
from penjing.vault import disk
from penjing.vault.envelope import Key, derive
from penjing.vault.outside import PAGE

SALT = 16
"""Bytes of the file that stand before the first page's own."""

_IV = 16
_MAC = 64
USABLE = PAGE - _IV - _MAC
"""Bytes of a page that are SQLite's."""
_HMAC_MASK = 0x3A
_HMAC_ROUNDS = 2


@dataclass(frozen=True)
class Page:
    """One page."""

    number: int
    """1 for the first."""
    data: bytes | None = field(repr=False)
    """What SQLite wrote, `USABLE` bytes; None when the page is not what was written."""


def raw_key(key: Key) -> bytes:
    """Key and salt of a subject's database, as SQLCipher takes them."""
    return derive(key, "database", 32 + SALT)


class Opener:
    """Opens the pages of one subject's database."""

    def __init__(self, key: Key) -> None:
        self._secret = raw_key(key)[:-SALT]
        masked = bytes(byte ^ _HMAC_MASK for byte in raw_key(key)[-SALT:])
        self._proof = hashlib.pbkdf2_hmac(
            "sha512", self._secret, masked, _HMAC_ROUNDS, len(self._secret)
        )

    def plain(self, data: bytes, number: int) -> bytes | None:
        """What SQLite wrote as the page of that number; None when these bytes are not it."""
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        start = SALT if number == 1 else 0
        covered = data[start : PAGE - _MAC]
        right = hmac.new(self._proof, covered + number.to_bytes(4, "little"), hashlib.sha512)
        if len(data) != PAGE or not hmac.compare_digest(right.digest(), data[PAGE - _MAC :]):
            return None
        decryptor = Cipher(algorithms.AES(self._secret), modes.CBC(covered[-_IV:])).decryptor()
        return bytes(start) + decryptor.update(covered[:-_IV]) + decryptor.finalize()

    def first(self, path: Path) -> bytes | None:
        """The first page of a file."""
        return self.page(path, 1)

    def page(self, path: Path, number: int) -> bytes | None:
        """A page of a file."""
        with disk.opened(path) as file:
            file.seek((number - 1) * PAGE)
            return self.plain(file.read(PAGE), number)


def pages(path: Path, key: Key) -> Iterator[Page]:
    """All pages of a file. A last one that is cut short is damaged."""
    opener = Opener(key)
    with disk.opened(path) as file, disk_errors(path):
        number = 0
        while data := file.read(PAGE):
            number += 1
            yield Page(number, opener.plain(data, number))


def salt_is_right(path: Path, key: Key) -> bool:
    """Whether the bytes before the first page are ours; SQLCipher itself does not look at them."""
    with disk.opened(path) as file, disk_errors(path):
        return file.read(SALT) == raw_key(key)[-SALT:]
